// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/influence/detail/whole_rows.hpp>
#include <lumen/influence/options.hpp>
#include <lumen/influence/outputs.hpp>
#include <lumen/influence/recording.hpp>
#include <lumen/influence/row_chunk.hpp>
#include <lumen/trace/suffix.hpp>

namespace lumen::influence {

namespace detail {

/// The model, or a layer of it, as a function. @throws Error if `x` is not one image
template <class M>
engine::Function asked_of(M& model, const Tensor& x, const Options& options) {
  check_image(x);
  check_memory(options.run);
  engine::Function function = engine::bind<Tensor>(model);
  if (options.layer) {
    const trace::Layer named = trace::resolved({*options.layer}, function, {x}).front();
    function = [whole = std::move(function), layer = named](const Tensors& parts) {
      return trace::head(whole, {layer}, parts).front();
    };
  }
  return function;
}

/// A sink that is called with grad mode as it is now, whatever the stream sets meanwhile.
template <class Chunk>
std::function<void(const Chunk&)> as_called(const std::function<void(const Chunk&)>& sink) {
  return [&sink, enabled = at::GradMode::is_enabled()](const Chunk& chunk) {
    const at::AutoGradMode mode(enabled);
    sink(chunk);
  };
}

/// What a recording that is asked one question answers, its cost included.
template <class Ask>
Report asked_once(const engine::Function& function, const Tensor& x, const Ask& ask) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const Recording recording(function, x);
  const double setup = std::chrono::duration<double>(Clock::now() - begin).count();
  Report report = ask(recording);
  ++report.forward_passes;
  report.setup_seconds += setup;
  return report;
}

}  // namespace detail

/// The influence of every chosen output pixel: streams, for each of them, the gradient of the pixel's score with respect
/// to the image. No Jacobian is held: a chunk of rows at a time goes to the sink. The rows equal those of plain backward
/// passes, at every position, to the rounding of sums.
///
///     lumen::influence::rows(net, image, lumen::influence::All{}, {lumen::target::Class{.index = 1}},
///                            [&](const lumen::influence::RowChunk& chunk) { ... });
///
/// @param x        one image, [1, C, H, W]
/// @param outputs  which pixels of the output [1, K, H', W']: All, Every, Mask, Pixels, Path, or any functor
/// @param scores   of a pixel's K channels, as if they were the class scores of a sample: target::Class, through
///                 target::Softmax (the probability), target::LogOdds or target::Margin, or any functor [P, K] -> [P].
///                 Each gets its own rows; a chunk says whose it holds.
/// @param sink     called with every chunk, one after the other, on this thread; its order is fixed but not by place
/// @throws Error   if x, the output or the questions are not as said, or the output does not depend on x
template <class M>
  requires Model<M>
Report rows(M&& model, const Tensor& x, const Outputs& outputs, const Targets& scores, const RowSink& sink,
            const Options& options = {}) {
  require(static_cast<bool>(sink), "influence: no sink is given; pass a functor that takes each RowChunk");
  const engine::Function function = detail::asked_of(model, x, options);
  const RowSink called = detail::as_called(sink);
  if (options.way == Way::Whole) return detail::whole_rows(function, x, outputs, scores, called, options.run);
  return detail::asked_once(function, x, [&](const Recording& recording) {
    return recording.rows(outputs, scores, called, options.run, options.way);
  });
}

}  // namespace lumen::influence
