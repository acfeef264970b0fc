// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <lumen/map/box.hpp>

namespace lumen::map {

/// Which neighbours of a pixel belong to it: the four that share an edge, or also the four that share a
/// corner.
enum class Connectivity { Four, Eight };

/// One connected component of a mask.
struct Component {
  std::int64_t pixels = 0;
  Box box;

  /// The share of its box that it covers, in (0, 1].
  [[nodiscard]] double fill() const { return static_cast<double>(pixels) / static_cast<double>(box.area()); }
};

/// The connected components of a mask. `labels` has the mask's shape: 0 outside, i + 1 in components[i];
/// components come in the order of their first pixel, row by row.
struct Components {
  Array<std::int32_t> labels;
  std::vector<Component> components;

  [[nodiscard]] std::size_t count() const { return components.size(); }
};

namespace detail {

/// Provisional labels that turned out to be one component.
class UnionFind {
 public:
  [[nodiscard]] std::int32_t add() {
    parent_.push_back(static_cast<std::int32_t>(parent_.size()));
    return parent_.back();
  }
  [[nodiscard]] std::int32_t find(std::int32_t i) {
    while (at(i) != i) i = at(i) = at(at(i));
    return i;
  }
  /// The lower root stays: so roots come in raster order. Returns it.
  std::int32_t join(std::int32_t a, std::int32_t b) {
    const auto [low, high] = std::minmax({find(a), find(b)});
    at(high) = low;
    return low;
  }

  [[nodiscard]] std::size_t size() const { return parent_.size(); }

 private:
  std::int32_t& at(std::int32_t i) { return parent_[static_cast<std::size_t>(i)]; }
  std::vector<std::int32_t> parent_;
};

}  // namespace detail

/// Connected components in two passes (Rosenfeld and Pfaltz, "Sequential Operations in Digital Picture
/// Processing", JACM 13(4), 1966). O(n) in practice.
/// @param mask  [H, W], leading axes of extent 1 allowed
/// @throws Error  several pictures, or 2^31 pixels and more
template <Mask E>
[[nodiscard]] Components components(const E& mask, Connectivity connectivity = Connectivity::Eight) {
  const Flat<E> from(mask);
  const Plane plane = plane_of(from.shape(), "map::components");
  require(from.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), [&] {
    return text("map::components: shape ", shape_text(from.shape()),
                " has too many pixels for int32 labels; cut it");
  });
  Components out{.labels = filled(from.shape(), std::int32_t{0}), .components = {}};
  std::int32_t* const labels = out.labels.data();
  const auto columns = plane.columns;
  const bool corners = connectivity == Connectivity::Eight;

  detail::UnionFind sets;
  static_cast<void>(sets.add());  // 0 is the outside
  for (std::size_t r = 0; r < plane.rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t i = r * columns + c;
      if (!from[i]) continue;
      std::int32_t label = 0;
      const auto meet = [&](std::size_t j) {
        if (labels[j] != 0) label = label == 0 ? labels[j] : sets.join(label, labels[j]);
      };
      if (c > 0) meet(i - 1);
      if (r > 0) meet(i - columns);
      if (corners && r > 0 && c > 0) meet(i - columns - 1);
      if (corners && r > 0 && c + 1 < columns) meet(i - columns + 1);
      labels[i] = label == 0 ? sets.add() : label;
    }

  std::vector<std::int32_t> final_label(sets.size(), 0);
  for (std::size_t r = 0; r < plane.rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      std::int32_t& label = labels[r * columns + c];
      if (label == 0) continue;
      const auto row = static_cast<std::int64_t>(r);
      const auto column = static_cast<std::int64_t>(c);
      std::int32_t& known = final_label[static_cast<std::size_t>(sets.find(label))];
      if (known == 0) {
        out.components.push_back({.pixels = 0, .box = {row, row + 1, column, column + 1}});
        known = static_cast<std::int32_t>(out.components.size());
      }
      label = known;
      Component& component = out.components[static_cast<std::size_t>(known - 1)];
      ++component.pixels;
      component.box.row_end = row + 1;
      component.box.column_begin = std::min(component.box.column_begin, column);
      component.box.column_end = std::max(component.box.column_end, column + 1);
    }
  return out;
}

/// The component with the most pixels, as a mask of the same shape; of equal ones the first. Empty for an
/// empty mask.
template <Mask E>
[[nodiscard]] Array<bool> largest_component(const E& mask, Connectivity connectivity = Connectivity::Eight) {
  const Components all = components(mask, connectivity);
  const auto largest = std::ranges::max_element(all.components, {}, &Component::pixels);
  const auto label = static_cast<std::int32_t>(largest - all.components.begin()) + 1;
  return transform<bool>(Flat(all.labels), [label](std::int32_t x) { return x == label; });
}

}  // namespace lumen::map
