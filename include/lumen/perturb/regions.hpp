// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <lumen/core/box.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// What is removed, region by region: places of the parts of an input that are explained.
///
///     count()                      how many regions there are
///     where(part, which, samples)  where the regions `which` (int64 [k], 0 to count() - 1) stand in a part, of the
///                                  samples of the batch that `samples` (int64 [k]) lists: bool, broadcasts to k rows
///     box(part, i)                 a box, the batch left out, that holds all places of region i in a part, for every
///                                  sample: the smallest there is; empty if it has none there, but of
///                                  inputs [N], whose box has no dimensions: there `where` alone tells
///
/// An ability, optional: `solid(part, i)`, whether region i is all of its box, in every sample.
///
/// All may be asked by several threads at once. Regions may overlap, and may leave places that are in none. Only what the
/// box holds is computed anew, so that a box
/// too small would give wrong values: tests compare it with `where`.
template <class R>
concept Regions =
    requires(const R& regions, std::size_t part, const Tensor& which, const Tensor& samples, std::int64_t i) {
      { regions.count() } -> std::convertible_to<std::int64_t>;
      { regions.where(part, which, samples) } -> std::convertible_to<Tensor>;
      { regions.box(part, i) } -> std::convertible_to<Box>;
    };

}  // namespace lumen::perturb
