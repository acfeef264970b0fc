// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/influence/detail/backward.hpp>
#include <lumen/influence/detail/network.hpp>
#include <lumen/op/local/crop.hpp>

namespace lumen::influence::detail {

/// Changes of the input, in windows, to those of the output. The network must be confined throughout.
inline op::local::Patches pushed_forward(const Network& network, op::local::Patches change,
                                         Shares* shares = nullptr) {
  std::vector<std::optional<op::local::Patches>> changes(network.value_count());
  std::vector<int> uses(network.value_count(), 0);
  const auto at = [&](trace::ValueId id) -> std::optional<op::local::Patches>& {
    return changes[static_cast<std::size_t>(id)];
  };
  for (const Network::Stage& stage : network.stages()) {
    for (const Network::Arrow& arrow : stage.arrows) ++uses[static_cast<std::size_t>(arrow.from)];
  }
  const auto only_use = uses;
  at(network.input()) = std::move(change);
  for (std::size_t s = 0; s < network.stages().size(); ++s) {
    for (const Network::Arrow& arrow : network.stages()[s].arrows) {
      const auto from = static_cast<std::size_t>(arrow.from);
      if (!at(arrow.from)) continue;
      op::local::Patches given = *at(arrow.from);
      if (only_use[from] > 1) given.owned = false;
      if (--uses[from] == 0) at(arrow.from).reset();
      op::local::Patches made = arrow.map->push(std::move(given));
      const auto& sizes = network.sizes(arrow.to);
      if (shares != nullptr) {
        const double share =
            static_cast<double>(made.height() * made.width()) / static_cast<double>(sizes[2] * sizes[3]);
        (*shares)[s] = std::max((*shares)[s], share);
      }
      std::optional<op::local::Patches>& total = at(arrow.to);
      total = total ? op::local::sum_of(*total, made, plane_of(sizes)) : std::move(made);
    }
  }
  require(at(network.output()).has_value(), "influence: no change reaches the output");
  op::local::Patches result = *at(network.output());
  op::local::clear_outside(result, plane_of(network.sizes(network.output())));
  return result;
}

}  // namespace lumen::influence::detail
