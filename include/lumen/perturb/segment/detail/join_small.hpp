// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <lumen/perturb/segment/detail/pieces.hpp>

namespace lumen::perturb::detail {

/// Makes every label one piece that is connected by edges: a piece of fewer than `smallest` pixels joins the neighbour with
/// which it shares the longest border (of equal ones the first), a larger one becomes a label of its own. Labels are then
/// numbered by their first pixel.
inline void join_small(std::int64_t* labels, std::int64_t rows, std::int64_t columns, double smallest) {
  const Pieces pieces = pieces_of(labels, rows, columns, false);
  const auto count = static_cast<std::size_t>(pieces.count());
  std::vector<std::int64_t> joined(count);              // the piece that each became a part of
  std::vector<std::vector<std::int64_t>> parts(count);  // of those that are their own
  std::vector<std::int64_t> size(count);
  for (std::size_t p = 0; p < count; ++p) {
    joined[p] = static_cast<std::int64_t>(p);
    parts[p] = {static_cast<std::int64_t>(p)};
    size[p] = pieces.begin[p + 1] - pieces.begin[p];
  }
  for (std::size_t p = 0; p < count; ++p) {
    if (joined[p] != static_cast<std::int64_t>(p) || static_cast<double>(size[p]) >= smallest) continue;
    std::map<std::int64_t, std::int64_t> border;
    for (const std::int64_t part : parts[p]) {
      for (std::int64_t i = pieces.begin[static_cast<std::size_t>(part)];
           i < pieces.begin[static_cast<std::size_t>(part) + 1]; ++i) {
        each_neighbour(pieces.pixels[static_cast<std::size_t>(i)], rows, columns, false,
                       [&](std::int64_t other) {
                         const std::int64_t whose =
                             joined[static_cast<std::size_t>(pieces.piece[static_cast<std::size_t>(other)])];
                         if (whose != static_cast<std::int64_t>(p)) ++border[whose];
                       });
      }
    }
    std::int64_t best = -1, longest = 0;
    for (const auto& [whose, length] : border) {
      if (length > longest) longest = length, best = whose;
    }
    if (best < 0) continue;
    const auto into = static_cast<std::size_t>(best);
    for (const std::int64_t part : parts[p]) {
      joined[static_cast<std::size_t>(part)] = best;
      parts[into].push_back(part);
    }
    size[into] += size[p];
    parts[p].clear();
  }
  for (std::int64_t i = 0; i < rows * columns; ++i)
    labels[i] = joined[static_cast<std::size_t>(pieces.piece[static_cast<std::size_t>(i)])];
  renumber(labels, rows * columns, pieces.count());
}

}  // namespace lumen::perturb::detail
