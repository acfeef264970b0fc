// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include <lumen/data/sample.hpp>

#include "common/study.hpp"

/// What the studies of vessels share.
namespace studies {

using Samples = std::vector<lumen::data::Sample>;

/// Where VessMAP is had from, for messages and pages.
inline constexpr const char* vessmap =
    "VessMAP, 100 microscope images of blood vessels with labels: see \"Data Availability\" of Viana da "
    "Silva et al., PLOS ONE "
    "2025, https://doi.org/10.1371/journal.pone.0322048; unpacked as images/*.tiff, labels/*.png, "
    "skeletons/*.png it is "
    "given as --data";

/// Images that train, that decide when training has gone well, and that are measured.
struct VesselImages {
  Samples train{}, validation{}, test{};
  std::string words{};  ///< what they are
  bool drawn = false;   ///< no data were given
};

/// The middle of an image, `side` pixels a side as far as it has so many, with all that belongs to it.
[[nodiscard]] lumen::data::Sample middle(const lumen::data::Sample& sample, std::int64_t side);

/// A VessMAP folder, of each image the middle, or without --data images drawn, of `side` pixels a side. The split depends on the
/// seed; what is not needed for training and validation is for the test, at most `test` of it.
/// @throws Error  there are fewer images than that takes
[[nodiscard]] VesselImages vessel_images(const Options& options, std::size_t train, std::size_t validation,
                                         std::size_t test, std::int64_t side);

}  // namespace studies
