// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/data/labelled.hpp>

namespace studies::digits {

/// Digits of a bitmap font, turned, scaled, moved and blurred: what stands in for MNIST where it is not.
/// @return images [10 * of_each, 1, 28, 28] in [0, 1], digit after digit in turn
[[nodiscard]] lumen::data::Labelled draw(std::int64_t of_each, std::uint64_t seed);

}  // namespace studies::digits
