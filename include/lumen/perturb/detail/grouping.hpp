// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <lumen/perturb/detail/layout.hpp>

namespace lumen::perturb::detail {

/// Which regions are computed together. All that go together get boxes of one extent, the largest, so that few products
/// are wasted where they are alike: those at a border, which reach less, by themselves. What a chunk costs beside its
/// products (operators that are called, weights that are read, shapes that kernels are made for) speaks against small ones.
class Grouping {
 public:
  using List = std::vector<std::size_t>;

  /// @param reaches  of each region
  Grouping(const Network& network, const std::vector<Reach>& reaches) : count_(reaches.size()) {
    for (const Node& node : network.nodes()) {
      beside_ += Layout::beside(node);
      if (!counts(node)) continue;
      const std::vector<std::int64_t> sizes = network.sizes(node.to);
      steps_.push_back({.unit = node.unit, .first = width_, .sizes = {sizes.begin() + 1, sizes.end()}});
      const std::vector<bool> all = node.confined ? node.confined->whole : std::vector<bool>{};
      for (std::size_t d = 0; d + 1 < sizes.size(); ++d)
        steps_.back().whole.push_back(d < all.size() && all[d]);
      width_ += steps_.back().sizes.size();
      dims_ = std::max(dims_, steps_.back().sizes.size());
    }
    extents_.resize(count_ * width_);
    keys_.assign(count_ * dims_, 0.0);
    std::size_t next = 0;
    for (const Node& node : network.nodes()) {
      if (!counts(node)) continue;
      const Step& step = steps_[next++];
      const double weight = step.unit * network.volume(node.to);
      for (std::size_t i = 0; i < count_; ++i) {
        const Box& box = reaches[i][Network::index(node.to)];
        for (std::size_t d = 0; d < step.sizes.size(); ++d) {
          const std::int64_t extent = step.whole[d]    ? step.sizes[d]
                                      : d < box.size() ? std::max<std::int64_t>(box[d].size(), 1)
                                                       : 1;
          extents_[i * width_ + step.first + d] = extent;
          keys_[i * dims_ + d] += weight * static_cast<double>(extent) / static_cast<double>(step.sizes[d]);
        }
      }
    }
  }

  /// Each region once, in lists of at most `most`, the dearest first.
  [[nodiscard]] std::vector<List> chunks(std::size_t most) const {
    List all(count_);
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::vector<std::pair<double, List>> found;
    if (count_ > 0) split(std::move(all), std::max<std::size_t>(most, 1), found);
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<List> result;
    for (auto& [cost, list] : found) {
      std::sort(list.begin(), list.end());
      result.push_back(std::move(list));
    }
    return result;
  }

 private:
  /// Whether what a step costs hangs on how far the region reaches.
  static bool counts(const Node& node) {
    return node.kind != Node::Kind::Whole && node.kind != Node::Kind::Total;
  }

  struct Step {
    double unit = 1.0;
    std::size_t first = 0;  ///< of its extents among a region's
    std::vector<std::int64_t> sizes{};
    std::vector<bool> whole{};
  };

  /// What one region costs in boxes of these extents.
  [[nodiscard]] double cost(const std::vector<std::int64_t>& extents) const {
    double total = 0.0;
    for (const Step& step : steps_) {
      double volume = 1.0, full = 1.0;
      for (std::size_t d = 0; d < step.sizes.size(); ++d) {
        volume *= static_cast<double>(extents[step.first + d]);
        full *= static_cast<double>(step.sizes[d]);
      }
      total += step.unit * (volume > Layout::nearly_all * full ? full : volume);
    }
    return total;
  }
  /// For each k what one of the first k + 1 regions of a list costs when these go together.
  [[nodiscard]] std::vector<double> costs(const List& list) const {
    std::vector<std::int64_t> hull(width_, 0);
    std::vector<double> result;
    bool grown = true;
    for (const std::size_t i : list) {
      for (std::size_t e = 0; e < width_; ++e) {
        const std::int64_t extent = extents_[i * width_ + e];
        if (extent > hull[e]) hull[e] = extent, grown = true;
      }
      result.push_back(grown ? cost(hull) : result.back());
      grown = false;
    }
    return result;
  }

  void split(List list, std::size_t most, std::vector<std::pair<double, List>>& found) const {
    const std::size_t n = list.size();
    const auto chunks_of = [&](std::size_t k) { return static_cast<double>((k + most - 1) / most); };
    const double together = costs(list).back() * static_cast<double>(n) + beside_ * chunks_of(n);
    const std::size_t few = std::max<std::size_t>(most / 2, 1);  // chunks of two sizes: shapes come again
    double least = n <= most ? together : std::numeric_limits<double>::infinity();
    List best;
    std::size_t cut = 0;
    for (std::size_t d = 0; d < dims_; ++d) {
      const auto larger = [&](std::size_t a, std::size_t b) {
        return keys_[a * dims_ + d] > keys_[b * dims_ + d];
      };
      const bool must = n > most && cut == 0 && d + 1 == dims_;
      if (!must && std::none_of(list.begin(), list.end(), [&](std::size_t i) {
            return larger(i, list.front()) || larger(list.front(), i);
          }))
        continue;  // all alike along it
      List sorted = list;
      std::stable_sort(sorted.begin(), sorted.end(), larger);
      const std::vector<double> front = costs(sorted);
      const std::vector<double> back = costs({sorted.rbegin(), sorted.rend()});
      for (std::size_t k = few; k < n; k += few) {
        const double rest = static_cast<double>(n - k);
        const double sum = front[k - 1] * static_cast<double>(k) + back[n - k - 1] * rest +
                           beside_ * (chunks_of(k) + chunks_of(n - k));
        const auto off = [n](std::size_t at) { return at > n - at ? 2 * at - n : n - 2 * at; };
        const bool as_good = cut > 0 && sum <= least * (1 + 1e-12) && off(k) < off(cut);
        if (sum < least * (1 - 1e-12) || as_good) {
          least = sum;
          best = sorted;
          cut = k;
        }
      }
    }
    if (cut == 0) {
      found.emplace_back(together, std::move(list));
      return;
    }
    const auto middle = best.begin() + static_cast<std::ptrdiff_t>(cut);
    List first(best.begin(), middle), second(middle, best.end());
    split(std::move(first), most, found);
    split(std::move(second), most, found);
  }

  std::size_t count_ = 0, width_ = 0, dims_ = 1;
  double beside_ = 0.0;
  std::vector<Step> steps_;
  std::vector<std::int64_t> extents_;  // of each region, of each step's result
  std::vector<double> keys_;  // of each region, for each dimension how far it reaches along it, weighed
};

}  // namespace lumen::perturb::detail
