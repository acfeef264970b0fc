// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lumen::perturb::detail {

/// The connected pieces of equal labels in a plane: the piece of each pixel, numbered by their first pixel, and the pixels
/// of each, `pixels[begin[p]] ... pixels[begin[p + 1] - 1]`.
struct Pieces {
  std::vector<std::int64_t> piece, pixels, begin;

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(begin.size()) - 1; }
};

/// Calls visit(neighbour) for the pixels that share an edge with `pixel`, or with `corners` also a corner.
template <class Visit>
void each_neighbour(std::int64_t pixel, std::int64_t rows, std::int64_t columns, bool corners,
                    const Visit& visit) {
  const std::int64_t row = pixel / columns, column = pixel % columns;
  for (std::int64_t r = -1; r <= 1; ++r) {
    if (row + r < 0 || row + r >= rows) continue;
    for (std::int64_t c = -1; c <= 1; ++c) {
      if ((r == 0 && c == 0) || (r != 0 && c != 0 && !corners)) continue;
      if (column + c >= 0 && column + c < columns) visit(pixel + r * columns + c);
    }
  }
}

/// @param labels  [rows, columns], row by row
template <class Label>
[[nodiscard]] Pieces pieces_of(const Label* labels, std::int64_t rows, std::int64_t columns, bool corners) {
  const std::int64_t size = rows * columns;
  Pieces all;
  all.piece.assign(static_cast<std::size_t>(size), -1);
  all.pixels.reserve(static_cast<std::size_t>(size));
  for (std::int64_t first = 0; first < size; ++first) {
    if (all.piece[static_cast<std::size_t>(first)] >= 0) continue;
    const auto number = static_cast<std::int64_t>(all.begin.size());
    std::size_t next = all.pixels.size();
    all.begin.push_back(static_cast<std::int64_t>(next));
    all.pixels.push_back(first);
    all.piece[static_cast<std::size_t>(first)] = number;
    for (; next < all.pixels.size(); ++next) {
      each_neighbour(all.pixels[next], rows, columns, corners, [&](std::int64_t other) {
        std::int64_t& piece = all.piece[static_cast<std::size_t>(other)];
        if (piece >= 0 || labels[other] != labels[first]) return;
        piece = number;
        all.pixels.push_back(other);
      });
    }
  }
  all.begin.push_back(size);
  return all;
}

/// Numbers `labels` anew from 0 on, in the order of their first pixels. @param most  above the largest of them
template <class Label>
void renumber(Label* labels, std::int64_t size, std::int64_t most) {
  std::vector<Label> fresh(static_cast<std::size_t>(most), -1);
  Label next = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    Label& known = fresh[static_cast<std::size_t>(labels[i])];
    if (known < 0) known = next++;
    labels[i] = known;
  }
}

}  // namespace lumen::perturb::detail
