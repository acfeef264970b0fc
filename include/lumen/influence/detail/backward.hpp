// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/influence/detail/network.hpp>

namespace lumen::influence::detail {

/// The gradients of B scores with respect to a value: in windows, or whole, [B, sizes...].
struct Gradient {
  std::optional<op::local::Patches> patches{};
  Tensor whole{};

  [[nodiscard]] bool defined() const { return patches.has_value() || whole.defined(); }
};

inline op::local::Plane plane_of(const std::vector<std::int64_t>& sizes) {
  return {sizes[1], sizes[2], sizes[3]};
}

inline op::local::Patches as_patches(const Gradient& gradient) {
  if (gradient.patches) return *gradient.patches;
  const std::vector<std::int64_t> zeros(static_cast<std::size_t>(gradient.whole.size(0)), 0);
  return {gradient.whole.squeeze(1), zeros, zeros, true, false};
}

inline Tensor as_whole(const Gradient& gradient, const std::vector<std::int64_t>& sizes) {
  if (!gradient.patches) return gradient.whole;
  const op::local::Plane plane = plane_of(sizes);
  const std::vector<std::int64_t> zeros(gradient.patches->rows.size(), 0);
  return op::local::moved(*gradient.patches, {zeros, plane.height}, {zeros, plane.width}).values.unsqueeze(1);
}

inline void accumulate(Gradient& total, Gradient more, const std::vector<std::int64_t>& sizes) {
  if (!total.defined()) {
    total = std::move(more);
  } else if (total.patches && more.patches) {
    total.patches = op::local::sum_of(*total.patches, *more.patches, plane_of(sizes));
  } else {
    total = {std::nullopt, as_whole(total, sizes) + as_whole(more, sizes)};
  }
}

/// What the windows of a stream were: of each stage the largest share of its operands' area.
using Shares = std::vector<double>;

/// Gradients of the output, in windows, to those of the input.
inline op::local::Patches pulled_back(const Network& network, op::local::Patches seed,
                                      Shares* shares = nullptr) {
  std::vector<Gradient> gradients(network.value_count());
  const auto at = [&](trace::ValueId id) -> Gradient& { return gradients[static_cast<std::size_t>(id)]; };
  at(network.output()).patches = std::move(seed);
  for (std::size_t s = network.stages().size(); s-- > 0;) {
    const Network::Stage& stage = network.stages()[s];
    const auto done = [&](trace::ValueId id, Gradient gradient) {
      const auto& sizes = network.sizes(id);
      if (shares != nullptr) {
        double share = 1.0;
        if (gradient.patches) {
          share = static_cast<double>(gradient.patches->height() * gradient.patches->width()) /
                  static_cast<double>(sizes[2] * sizes[3]);
        }
        (*shares)[s] = std::max((*shares)[s], share);
      }
      accumulate(at(id), std::move(gradient), sizes);
    };
    std::vector<trace::ValueId> spent;
    for (std::size_t a = 0; a < stage.arrows.size(); ++a) {
      const Network::Arrow& arrow = stage.arrows[a];
      if (!at(arrow.to).defined()) continue;
      op::local::Patches given = as_patches(at(arrow.to));
      const auto also = [&](const Network::Arrow& other) { return other.to == arrow.to; };
      const bool shared =
          stage.whole != nullptr || std::count_if(stage.arrows.begin(), stage.arrows.end(), also) > 1;
      if (shared) {
        given.owned = false;
      } else {
        at(arrow.to) = {};
      }
      done(arrow.from, {arrow.map->pull(std::move(given)), {}});
    }
    for (const Network::Arrow& arrow : stage.arrows) spent.push_back(arrow.to);
    const auto forget = [&] {
      for (const trace::ValueId id : spent) at(id) = {};
    };
    if (!stage.whole) {
      forget();
      continue;
    }
    Tensors results;
    bool any = false;
    for (const trace::ValueId id : stage.whole->to()) {
      results.push_back(at(id).defined() ? as_whole(at(id), network.sizes(id)) : Tensor());
      any = any || results.back().defined();
      spent.push_back(id);
    }
    forget();
    if (!any) continue;
    const Tensors found = stage.whole->pull(results);
    for (std::size_t i = 0; i < found.size(); ++i) done(stage.whole->from()[i], {std::nullopt, found[i]});
  }
  require(at(network.input()).defined(), "influence: no gradient reaches the input");
  op::local::Patches result = as_patches(at(network.input()));
  op::local::clear_outside(result, plane_of(network.sizes(network.input())));
  return result;
}

}  // namespace lumen::influence::detail
