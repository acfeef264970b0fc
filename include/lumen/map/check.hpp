// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/map/flat.hpp>

namespace lumen::map {

/// "[2, 3]"
[[nodiscard]] inline std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return out + "]";
}

/// The index of the element at `offset` of a row-major array.
[[nodiscard]] inline std::vector<std::size_t> index_of(std::size_t offset,
                                                       const std::vector<std::size_t>& shape) {
  std::vector<std::size_t> index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0; offset /= shape[i]) index[i] = offset % shape[i];
  return index;
}

/// `shape` without its leading axes of extent 1: [1, 1, H, W] and [H, W] name the same picture.
[[nodiscard]] inline std::vector<std::size_t> picture_shape(const std::vector<std::size_t>& shape) {
  auto first = shape.begin();
  while (first != shape.end() && *first == 1) ++first;
  return {first, shape.end()};
}

/// @throws Error  the map has no elements
template <Expression E>
void require_elements(const Flat<E>& map, std::string_view who) {
  require(map.size() > 0, [&] {
    return text(who, ": ", shape_text(map.shape()), " has no elements; expected at least one pixel");
  });
}

/// @throws Error  the map has no elements, or one that is NaN or infinite; names the first
template <Map E>
void require_finite(const Flat<E>& map, std::string_view who) {
  require_elements(map, who);
  for (std::size_t i = 0; i < map.size(); ++i)
    require(std::isfinite(map[i]), [&] {
      return text(who, ": the map holds ", map[i], " at ", shape_text(index_of(i, map.shape())), " of ",
                  shape_text(map.shape()),
                  "; expected finite values: mend the model or the method that made it, or use "
                  "at::nan_to_num to accept the loss");
    });
}

/// @throws Error  the map has no elements, or one that is NaN, infinite or below 0; names the first
template <Map E>
void require_non_negative(const Flat<E>& map, std::string_view who) {
  require_finite(map, who);
  for (std::size_t i = 0; i < map.size(); ++i)
    require(map[i] >= 0, [&] {
      return text(who, ": the map holds ", map[i], " at ", shape_text(index_of(i, map.shape())), " of ",
                  shape_text(map.shape()),
                  "; expected values >= 0: pass map::split_signs(map).positive, or "
                  "map::absolute(map) if both signs count");
    });
}

/// Two expressions of one picture: equal shapes, apart from leading axes of extent 1.
/// @throws Error  naming both shapes
template <Expression A, Expression B>
void require_same_picture(const Flat<A>& a, const Flat<B>& b, std::string_view who) {
  require(picture_shape(a.shape()) == picture_shape(b.shape()), [&] {
    return text(who, ": shapes ", shape_text(a.shape()), " and ", shape_text(b.shape()),
                " differ; expected equal shapes, apart from leading axes of extent 1: slice one sample with "
                "xt::view, or "
                "resize one of them");
  });
}

/// Rows and columns of the only picture in an expression.
struct Plane {
  std::size_t rows;
  std::size_t columns;
};

/// @throws Error  not [H, W] after leading axes of extent 1
[[nodiscard]] inline Plane plane_of(const std::vector<std::size_t>& shape, std::string_view who) {
  bool one = shape.size() >= 2;
  for (std::size_t i = 0; i + 2 < shape.size(); ++i) one = one && shape[i] == 1;
  require(one, [&] {
    return text(who, ": shape ", shape_text(shape),
                " is not one picture; expected [H, W] with leading axes of extent 1 "
                "at most: slice one sample and channel with xt::view");
  });
  return {shape[shape.size() - 2], shape[shape.size() - 1]};
}

}  // namespace lumen::map
