// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/op/detail/moves.hpp>
#include <lumen/op/detail/parts.hpp>
#include <lumen/op/detail/sliding.hpp>

namespace lumen::op::detail {

/// What surrounds a value: constants, or its own values reflected, repeated or carried round.
inline Geometry pad(const Subject& subject) {
  const std::string_view name = bare_name(subject.step);
  Sizes amounts = subject.list("pad");
  if (amounts.empty()) amounts = subject.list("padding");
  std::string mode = name.starts_with("reflection")    ? "reflect"
                     : name.starts_with("replication") ? "replicate"
                     : name == "_pad_circular"         ? "circular"
                                                       : "constant";
  if (subject.argument("mode").isString()) mode = subject.argument("mode").toStringRef();
  const std::size_t rank = subject.sizes().size(), dims = amounts.size() / 2;
  if (dims > rank || (dims == rank && (amounts[2 * dims - 1] != 0 || amounts[2 * dims - 2] != 0))) {
    return everything(subject);
  }
  return along(subject, [&](std::size_t d) -> Choice {
    if (d < rank - dims) return straight();
    const std::int64_t before = amounts[2 * (rank - 1 - d)], size = subject.sizes()[d];
    return by(Relation::of(size, subject.result_sizes()[d], [&](std::int64_t o, const auto& read) {
      std::int64_t i = o - before;
      if (mode == "reflect" && i < 0) i = -i;
      if (mode == "reflect" && i >= size) i = 2 * (size - 1) - i;
      if (mode == "replicate") i = std::clamp(i, std::int64_t{0}, size - 1);
      if (mode == "circular") i = ((i % size) + size) % size;
      read(i);
    }));
  });
}

/// A chain of three: other dimensions, in another order, and other dimensions again. All sizes without the batch.
inline Geometry rearranged(const Subject& subject, const Sizes& split,
                           const std::vector<std::size_t>& order) {
  std::optional<Stage> first = regrouped(without_batch(subject.sizes()), split);
  Stage second{.sizes = split, .result_sizes = {}};
  for (std::size_t d = 0; d < order.size(); ++d) {
    second.result_sizes.push_back(split[order[d]]);
    second.links.push_back({.dim = order[d], .result_dim = d});
  }
  std::optional<Stage> third = regrouped(second.result_sizes, without_batch(subject.result_sizes()));
  if (!first || !third) return everything(subject);
  return local(subject, {std::move(*first), std::move(second), std::move(*third)});
}

inline Geometry pixel_shuffle(const Subject& subject) {
  const Sizes& sizes = subject.sizes();
  const c10::IValue factor = subject.argument("upscale_factor");
  if (sizes.size() != 4 || !factor.isInt()) return everything(subject);
  const std::int64_t r = factor.toInt();
  return rearranged(subject, {sizes[1] / (r * r), r, r, sizes[2], sizes[3]}, {0, 3, 1, 4, 2});
}

inline Geometry pixel_unshuffle(const Subject& subject) {
  const Sizes& sizes = subject.sizes();
  const c10::IValue factor = subject.argument("downscale_factor");
  if (sizes.size() != 4 || !factor.isInt()) return everything(subject);
  const std::int64_t r = factor.toInt();
  return rearranged(subject, {sizes[1], sizes[2] / r, r, sizes[3] / r, r}, {0, 2, 4, 1, 3});
}

inline Geometry channel_shuffle(const Subject& subject) {
  const c10::IValue groups = subject.argument("groups");
  if (subject.sizes().size() < 3 || !groups.isInt()) return everything(subject);
  return along_one(subject, 1, [&](std::int64_t size, std::int64_t) {
    const std::int64_t count = groups.toInt();
    return Relation::of(
        size, size, [&](std::int64_t o, const auto& read) { read(o % count * (size / count) + o / count); });
  });
}

/// Windows along one dimension, each laid out along a new last one. At least what is read: the place within a window and
/// the window's place are not told apart.
inline Geometry unfold(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  const c10::IValue given = subject.argument("dimension");
  if (!given.isInt() || rank == 0 || subject.result_sizes().size() != rank + 1) return everything(subject);
  const auto dim = static_cast<std::size_t>(wrapped(given.toInt(), rank));
  if (dim == 0) return everything(subject);
  const std::int64_t size = subject.number("size", 1), step = subject.number("step", 1);
  Stage stage = bare_stage(subject);
  for (std::size_t d = 1; d < rank; ++d) {
    stage.links.push_back({.dim = d - 1, .result_dim = d - 1});
    if (d == dim) {
      stage.links.back().relation =
          Relation::ranges(subject.sizes()[d], subject.result_sizes()[d],
                           [=](std::int64_t o) { return Interval{o * step, o * step + size}; });
    }
  }
  return local(subject, {std::move(stage)});
}

/// The columns that a convolution's windows are (im2col), or the image that they add up to (col2im). At least what is
/// read: the place within a window and the window's place are not told apart.
inline Geometry columns(const Subject& subject) {
  const bool back = bare_name(subject.step) == "col2im";
  const Sizes& image = back ? subject.result_sizes() : subject.sizes();
  const Sizes& folded = back ? subject.sizes() : subject.result_sizes();
  if (image.size() != 4 || folded.size() != 3) return everything(subject);
  Windows windows{.kernel = numbers(subject.argument("kernel_size"), 2, 1),
                  .stride = numbers(subject.argument("stride"), 2, 1),
                  .padding = numbers(subject.argument("padding"), 2, 0),
                  .dilation = numbers(subject.argument("dilation"), 2, 1)};
  Sizes apart{image[1], windows.kernel[0], windows.kernel[1]};
  for (std::size_t d = 0; d < 2; ++d) {
    const std::int64_t reach = windows.dilation[d] * (windows.kernel[d] - 1);
    apart.push_back((image[d + 2] + 2 * windows.padding[d] - reach - 1) / windows.stride[d] + 1);
  }
  const Sizes merged = without_batch(folded), plane = without_batch(image);
  Stage grouped{.sizes = back ? merged : apart, .result_sizes = back ? apart : merged};
  const std::vector<std::size_t> channels{0, 1, 2}, places{3, 4};
  for (const auto& [many, one] : {std::pair{channels, std::size_t{0}}, std::pair{places, std::size_t{1}}}) {
    const std::vector<std::size_t> single{one};
    grouped.regroups.push_back({.dims = back ? single : many, .result_dims = back ? many : single});
  }
  Stage sliding{.sizes = back ? apart : plane, .result_sizes = back ? plane : apart};
  for (std::size_t d = 0; d < 3; ++d) {
    const std::size_t one = d, other = d == 0 ? 0 : d + 2;
    Stage::Link link{.dim = back ? other : one, .result_dim = back ? one : other};
    if (d > 0) {
      const Relation forward = window_relation(windows, d - 1, plane[d], apart[d + 2]);
      link.relation = back ? forward.reversed() : forward;
    }
    sliding.links.push_back(std::move(link));
  }
  if (back) return local(subject, {std::move(grouped), std::move(sliding)});
  return local(subject, {std::move(sliding), std::move(grouped)});
}

/// Values put back where a maximum came from: places that the data choose, in the same channel.
inline Geometry unpool(const Subject& subject) {
  return along(subject, [](std::size_t d) { return d > 1 ? all_of_it() : straight(); });
}

}  // namespace lumen::op::detail
