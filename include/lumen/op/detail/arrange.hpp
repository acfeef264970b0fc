// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <lumen/op/detail/moves.hpp>

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

}  // namespace lumen::op::detail
