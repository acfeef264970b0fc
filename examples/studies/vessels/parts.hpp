// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lumen/core/progress.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/normalise.hpp>
#include <lumen/influence/reducer/extremes.hpp>
#include <lumen/influence/reducer/histogram.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/train/history.hpp>

#include "common/vessel_images.hpp"

namespace studies::vessels {

/// Everything that is chosen.
struct Setting {
  std::int64_t crop = 64, views = 16, epochs = 12, batch = 8, width = 8;
  double rate = 3e-3;
  double l1 = 1e-5, l2 = 1e-4;  ///< the original's factors of the sums over all weights
  std::int64_t pixels = 10;     ///< of the centre lines of each test image
  std::vector<double> stdevs{0.02, 0.05, 0.1, 0.2,
                             0.5,  1,    2,   5};  ///< of the noise, in units of the image (white is 1)
  std::vector<std::int64_t> samples{3, 10, 30};    ///< noisy copies
};

/// A network with what it was trained by.
struct Network {
  std::string name{}, file{};
  double l1 = 0, l2 = 0;
  lumen::net::UNet net{nullptr};
  lumen::train::History history{};
  std::vector<double> ious{};  ///< of the test images
};

/// Networks of the same initial weights without a penalty, with L1 and with L2.
[[nodiscard]] std::vector<Network> train(const Setting& setting, const VesselImages& images,
                                         std::uint64_t seed, const lumen::Progress& progress);

/// How large the weights of the convolutions are.
struct Weights {
  std::int64_t count = 0, above = 0, tiny = 0;  ///< all, above 1e-3, at most 1e-8 in magnitude
  double gini = 0;
  Tensor near{}, whole{};  ///< histograms, float64: of -0.01 ... 0.01, and of -0.3 ... 0.3
};
inline constexpr double near_end = 0.01, whole_end = 0.3;
inline constexpr std::int64_t weight_bins = 101;
[[nodiscard]] Weights weights_of(const Network& network);

/// One pixel of a centre line that was asked about.
struct Place {
  std::size_t image = 0;
  std::int64_t row = 0, column = 0;
};

/// What the rows of some pixels are, for one score.
struct Rows {
  double peak = 0;                 ///< the largest magnitude of them all
  double highest = 0, lowest = 0;  ///< means of each row's largest and smallest value
  double gini = 0;                 ///< mean Gini index of the rows
  double large =
      0;  ///< share of all values that are above 0.1 in magnitude, in rows that hold `pixels` values
  std::vector<Tensor> counts{};  ///< [places] for each threshold, as the next two
  std::vector<Tensor> areas{}, fills{};
  std::vector<double> levels{};              ///< the thresholds: these parts of the peak ...
  lumen::influence::Histogram values{};      ///< of -1 ... 1
  Tensor extreme{}, sparsity{};              ///< [places]: each row's largest magnitude, and its Gini index
  Tensor probability{}, brightness{};        ///< [places]: of vessel there, and of the image
  lumen::influence::LinearFit confidence{};  ///< count at 1 % of the peak against probability, above one half
};
inline const std::vector<double> levels{0.001, 0.01, 0.05, 0.1};
inline constexpr std::size_t one_percent = 1;  ///< which of them is 0.01

/// The rows of the places in the probability of vessel [0], and in its log-odds [1].
[[nodiscard]] std::array<Rows, 2> rows_of(const Network& network, const VesselImages& images,
                                          const std::vector<Place>& places);

/// Up to so many pixels of each test image's centre lines (of the label where it has none), drawn by the seed.
[[nodiscard]] std::vector<Place> choose_places(const VesselImages& images, std::int64_t of_each,
                                               std::uint64_t seed);

/// A place's row in the probability of vessel, for a picture; its value is the count above a threshold.
[[nodiscard]] lumen::influence::KeptRow kept_row(const Network& network, const VesselImages& images,
                                                 const Place& place, double threshold);

/// SmoothGrad, SmoothGrad-Squared and VarGrad of one pixel's log-odds, for one noise and number of copies.
struct Noisy {
  double stdev = 0;
  std::int64_t samples = 0;
  std::array<Tensor, 3> maps{};    ///< [H, W], in this order
  double cosine = 0;               ///< of SmoothGrad with the plain gradient
  double error = 0;                ///< SmoothGrad's standard error over its size, both as lengths
  std::array<double, 3> inside{};  ///< share of each map's mass on the label's vessels
};
struct Grid {
  lumen::data::Sample sample{};
  std::int64_t row = 0, column = 0;
  double inside = 0;  ///< the plain gradient's share
  Tensor plain{};
  std::vector<Noisy> cells{};  ///< all samples of the first stdev, then of the next
};
[[nodiscard]] Grid noise_grid(const Setting& setting, const Network& network,
                              const lumen::data::Sample& sample, std::uint64_t seed,
                              const lumen::Progress& progress);

}  // namespace studies::vessels
