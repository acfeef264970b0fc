// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/influence/column_chunk.hpp>
#include <lumen/influence/rows.hpp>

namespace lumen::influence {

/// The transpose of `rows`: streams, for each element of the image, how the score of every chosen output pixel changes
/// with it. Cheaper than rows for networks whose channels are many where the map is coarse (CustomResNet), and all that
/// sums over one row's or one pixel's elements need. The same numbers as rows give, to the rounding of sums.
///
/// The arguments are those of `rows`; `options.way` is not looked at. Of outputs that leave pixels out, the others' scores
/// are taken not to change.
/// @throws Error  as `rows`, and if an operator between the input and the output does not reach from windows to windows
template <class M>
  requires Model<M>
Report columns(M&& model, const Tensor& x, const Outputs& outputs, const Targets& scores,
               const ColumnSink& sink, const Options& options = {}) {
  require(static_cast<bool>(sink), "influence: no sink is given; pass a functor that takes each ColumnChunk");
  const engine::Function function = detail::asked_of(model, x, options);
  const ColumnSink called = detail::as_called(sink);
  return detail::asked_once(function, x, [&](const Recording& recording) {
    return recording.columns(outputs, scores, called, options.run);
  });
}

}  // namespace lumen::influence
