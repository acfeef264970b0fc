// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <tuple>

#include <lumen/core/concepts.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/outputs.hpp>
#include <lumen/influence/pixel_influence.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/influence/threshold.hpp>
#include <lumen/target/any.hpp>

namespace lumen::influence {

/// The influence on one output pixel (`rows`) and its usual statistics.
/// @param x          one image, [1, C, H, W]
/// @param row        of the output's pixel, as `column`
/// @param score      of a pixel's channels, as for `rows`
/// @param mask       bool [H, W], or undefined: where the mass is asked of
/// @param threshold  of what counts
/// @throws Error     as `rows`
template <class M>
  requires Model<M>
[[nodiscard]] PixelInfluence at_pixel(M&& model, const Tensor& x, std::int64_t row, std::int64_t column,
                                      const AnyTarget& score, const Tensor& mask = {},
                                      Threshold threshold = {.level = 0.01, .of = Threshold::Of::Row}) {
  PixelInfluence found;
  const Tensor region = mask.defined() ? mask : at::zeros({x.size(2), x.size(3)}, at::kBool);
  const auto reduced = Reduce{}(
      [&](const RowSink& sink) {
        rows(model, x, Pixels{{{row, column}}}, {score}, [&](const RowChunk& chunk) {
          found.row = chunk.dense()[0].sum(0);
          found.score = chunk.scores[0].template item<double>();
          sink(chunk);
        });
      },
      Count{threshold}, BoundingBox{threshold}, Fulfilment{threshold}, PositiveMass{}, NegativeMass{},
      EnergyRadius{}, MassInside{region});
  const auto at = [&](const Tensor& statistic) { return statistic[row][column].template item<double>(); };
  const auto& [count, box, fulfilment, positive, negative, radius, inside] = reduced.results;
  found.peak = reduced.peaks.magnitude();
  found.count = at(count);
  const Tensor ends =
      box[row][column].to(at::kLong);  // first row, past the last, first column, past the last
  const auto end = [&](std::int64_t i) { return ends[i].template item<std::int64_t>(); };
  found.box_rows = {end(0), end(1)};
  found.box_columns = {end(2), end(3)};
  found.box_area = static_cast<double>(found.box_rows.size() * found.box_columns.size());
  found.fulfilment = at(fulfilment);
  found.positive = at(positive);
  found.negative = at(negative);
  found.radius = at(radius);
  found.inside = mask.defined() ? at(inside) : std::numeric_limits<double>::quiet_NaN();
  return found;
}

}  // namespace lumen::influence
