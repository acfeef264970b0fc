// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/perturb/regions.hpp>

namespace lumen::perturb {

/// A binary tree over regions. Nodes 0 to count - 1 are the regions; node count + i is what merge i joins.
struct Partition {
  std::int64_t count = 0;
  std::vector<std::array<std::int64_t, 2>>
      merges;  ///< of nodes that come before; count - 1 of them, the last the root

  /// @throws Error unless it is a tree over `regions` regions
  void check(std::int64_t regions) const {
    bool fits = count == regions && count >= 1 && merges.size() + 1 == static_cast<std::size_t>(count);
    std::vector<bool> used(fits ? 2 * merges.size() + 2 : 0, false);
    for (std::size_t i = 0; fits && i < merges.size(); ++i) {
      for (const std::int64_t node : merges[i]) {
        fits = fits && node >= 0 && node < count + static_cast<std::int64_t>(i) &&
               !used[static_cast<std::size_t>(node)];
        if (fits) used[static_cast<std::size_t>(node)] = true;
      }
    }
    require(fits, [&] {
      return text("a partition of ", count, " regions with ", merges.size(), " merges is no tree over ",
                  regions, " regions: each merge joins two nodes that come before and that no other joins, ",
                  std::max<std::int64_t>(regions, 1) - 1, " in all");
    });
  }

  /// The tree over some of the regions (ascending), which are renumbered 0, 1, ... in that order.
  [[nodiscard]] Partition over(const std::vector<std::int64_t>& kept) const {
    Partition result{static_cast<std::int64_t>(kept.size()), {}};
    std::map<std::int64_t, std::int64_t> renamed;  // nodes that are left, by their old numbers
    for (std::size_t i = 0; i < kept.size(); ++i) renamed[kept[i]] = static_cast<std::int64_t>(i);
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const auto [a, b] = merges[i];
      const auto left = renamed.find(a), right = renamed.find(b);
      const std::int64_t joined = count + static_cast<std::int64_t>(i);
      if (left != renamed.end() && right != renamed.end()) {
        const std::int64_t node = result.count + static_cast<std::int64_t>(result.merges.size());
        result.merges.push_back({left->second, right->second});
        renamed[joined] = node;
      } else if (left != renamed.end() || right != renamed.end()) {
        renamed[joined] = (left != renamed.end() ? left : right)->second;
      }
    }
    return result;
  }
};

/// The balanced tree: regions of several inputs are parted first; those of one are halved along the axis on which their
/// boxes' middles lie farthest apart, down to single ones: a depth of the logarithm of their number, rounded up.
/// @param parts  how many parts are explained
template <Regions R>
[[nodiscard]] Partition balanced(const R& regions, std::size_t parts) {
  using Place = std::vector<std::int64_t>;  // a region's part, and twice the middle of its box there
  std::vector<Place> places;
  std::size_t axes = 1;
  for (std::int64_t i = 0; i < regions.count(); ++i) {
    Place place{static_cast<std::int64_t>(parts)};
    for (std::size_t p = 0; p < parts; ++p) {
      const Box box = regions.box(p, i);
      if (empty(box)) continue;
      place[0] = static_cast<std::int64_t>(p);
      for (const Interval& each : box) place.push_back(each.begin + each.end);
      break;
    }
    axes = std::max(axes, place.size());
    places.push_back(std::move(place));
  }
  for (Place& place : places) place.resize(axes, 0);

  const auto place_of = [&](std::int64_t i) -> const Place& { return places[static_cast<std::size_t>(i)]; };
  Partition tree{regions.count(), {}};
  const auto split = [&](const auto& self, std::vector<std::int64_t> some) -> std::int64_t {
    if (some.size() == 1) return some.front();
    std::size_t axis = 0;
    std::int64_t farthest = -1;
    for (std::size_t a = 0; a < axes; ++a) {
      const auto at = [&](std::int64_t i) { return place_of(i)[a]; };
      const auto [low, high] =
          std::minmax_element(some.begin(), some.end(), [&](auto i, auto j) { return at(i) < at(j); });
      const std::int64_t apart = at(*high) - at(*low);
      if (apart > farthest) axis = a, farthest = apart;
      if (a == 0 && apart > 0) break;
    }
    std::stable_sort(some.begin(), some.end(),
                     [&](auto i, auto j) { return place_of(i)[axis] < place_of(j)[axis]; });
    auto middle = some.begin() + static_cast<std::ptrdiff_t>(some.size() / 2);
    if (axis == 0) {  // between two parts, the nearest to the middle
      const auto half = middle;
      auto best = static_cast<std::ptrdiff_t>(some.size());
      for (auto at = some.begin() + 1; at != some.end(); ++at) {
        const std::ptrdiff_t away = std::abs(at - half);
        if (place_of(*at)[0] != place_of(*(at - 1))[0] && away < best) middle = at, best = away;
      }
    }
    const std::int64_t left = self(self, {some.begin(), middle}), right = self(self, {middle, some.end()});
    tree.merges.push_back({left, right});
    return tree.count + static_cast<std::int64_t>(tree.merges.size()) - 1;
  };
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < regions.count(); ++i) all.push_back(i);
  if (!all.empty()) split(split, std::move(all));
  return tree;
}

}  // namespace lumen::perturb
