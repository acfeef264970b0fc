// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <lumen/core/progress.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/field/effective.hpp>
#include <lumen/influence/field/gaussian.hpp>
#include <lumen/influence/normalise.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/extremes.hpp>

#include "job.hpp"

namespace vessels {

/// What every pixel of one image's output depends on.
struct Influence {
  std::string image{};
  std::int64_t step = 1;  ///< rows of every step-th pixel were asked for
  std::int64_t rows = 0;
  double seconds = 0;  ///< of the rows, what was reduced from them left out
  double reducing_seconds = 0;
  double whole_pass_seconds = 0;  ///< of one backward pass of the whole image, for comparison
  std::string way{};
  Tensor count{}, fulfilment{}, mass{};  ///< [H', W'] of the pixels asked for, without gaps
  Tensor probability{};                  ///< of the same pixels
  std::vector<double>
      near_vessel{};  ///< mean share of the mass by distance from the label; its edges are below
  lumen::influence::Activation of_input{};
  std::array<lumen::influence::Field, 2> fields{};  ///< of pixels predicted as background and as vessel
  std::array<lumen::influence::Gaussian, 2> gaussians{};
  std::int64_t theoretical = 0;              ///< pixels on each side of what a pixel can see
  lumen::influence::LinearFit confidence{};  ///< count against probability, of pixels above one half
  std::array<std::vector<lumen::influence::KeptRow>, 2>
      extremes{};  ///< rows of the largest and smallest counts
};

inline const std::vector<double> distance_edges{1, 2, 4, 8, 16};

/// Rows of every step-th pixel of the image; of about 4000 pixels if `step` is 0.
[[nodiscard]] Influence measure_influence(const Network& net, const Story& story, std::int64_t step,
                                          const lumen::Progress& progress);

/// Writes a page that answers for every pixel of the centre lines (every fourth pixel where there are none), into the
/// folder `out`. @return its path from there
[[nodiscard]] std::filesystem::path write_page(const Network& net, const Story& story,
                                               const std::filesystem::path& out);

}  // namespace vessels
