// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/attribution/detail/keyed_stream.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::detail {

/// Which coalitions KernelSHAP asks: of the sizes with the most weight for each coalition all, each with its complement,
/// and of the others random pairs.
class CoalitionPlan {
 public:
  /// @param players  m, at least 2
  /// @param samples  how many coalitions may be asked, the empty one and the whole apart
  CoalitionPlan(std::int64_t players, std::int64_t samples) : m_(players) {
    const std::int64_t sizes = m_ / 2;  // of the smaller one of a pair
    double left = static_cast<double>(samples), mass = 0;
    for (std::int64_t k = 1; k <= sizes; ++k) mass += mass_of(k);
    for (first_ = 1; first_ <= sizes; ++first_) {
      const double count = pairs_of(first_) * 2;
      // rounding must not ask for random pairs where all fit
      const bool fits = first_ == sizes ? left >= count : left * mass_of(first_) >= mass * count;
      if (!fits || count > static_cast<double>(most)) break;
      left -= count;
      mass -= mass_of(first_);
      all_ += static_cast<std::int64_t>(count / 2);
    }
    for (std::int64_t k = first_; k <= sizes; ++k) {
      rest_ += mass_of(k);
      until_.push_back(rest_);
    }
    random_ = rest_ > 0 ? std::max<std::int64_t>(1, static_cast<std::int64_t>(left) / 2) : 0;
  }

  /// Whether all coalitions are asked, so that nothing is random.
  [[nodiscard]] bool whole() const { return rest_ == 0; }
  [[nodiscard]] std::int64_t random_pairs() const { return random_; }

  /// All coalitions of the sizes that are asked in full, [2 pairs, m], each followed by its complement, and each one's
  /// weight in the regression.
  [[nodiscard]] Tensor enumerated(std::vector<double>& weights) const {
    Tensor table = at::zeros({2 * all_, m_}, at::kBool);
    bool* row = table.data_ptr<bool>();
    for (std::int64_t k = 1; k < first_; ++k) {
      const double weight = mass_of(k) / (2 * pairs_of(k));
      std::vector<std::int64_t> chosen(static_cast<std::size_t>(k));
      for (std::int64_t i = 0; i < k; ++i) chosen[static_cast<std::size_t>(i)] = i;
      for (bool more = true; more; more = next(chosen)) {
        if (2 * k == m_ && chosen.front() != 0) break;  // its complement was there already
        row = put(row, chosen, k);
        weights.insert(weights.end(), 2, weight);
      }
    }
    return table;
  }

  /// Random pairs first ... first + count - 1, [2 count, m]. All of them have weight rest() / pairs.
  [[nodiscard]] Tensor random(std::uint64_t seed, std::int64_t first, std::int64_t count) const {
    Tensor table = at::zeros({2 * count, m_}, at::kBool);
    bool* row = table.data_ptr<bool>();
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      KeyedStream stream(seed, draw);
      const double at = stream.uniform() * rest_;
      const auto place = std::upper_bound(until_.begin(), until_.end() - 1, at) - until_.begin();
      const std::int64_t size = first_ + place;
      row = put(row, stream.shuffled(m_, size), size);
    }
    return table;
  }

  /// The weight of all random pairs together.
  [[nodiscard]] double rest() const { return rest_; }

  static constexpr std::int64_t most = std::int64_t{1} << 22;  // coalitions of a size that are asked in full

 private:
  /// The weight of all coalitions of k or m - k players: (m - 1) / (k (m - k)) each size.
  [[nodiscard]] double mass_of(std::int64_t k) const {
    return (2 * k == m_ ? 1.0 : 2.0) * static_cast<double>(m_ - 1) / static_cast<double>(k * (m_ - k));
  }
  [[nodiscard]] double pairs_of(std::int64_t k) const {
    double count = 1;
    for (std::int64_t i = 0; i < k; ++i)
      count = count * static_cast<double>(m_ - i) / static_cast<double>(i + 1);
    return std::round(2 * k == m_ ? count / 2 : count);
  }

  bool* put(bool* row, const std::vector<std::int64_t>& chosen, std::int64_t size) const {
    for (std::int64_t i = 0; i < size; ++i) row[chosen[static_cast<std::size_t>(i)]] = true;
    for (std::int64_t i = 0; i < m_; ++i) row[m_ + i] = !row[i];
    return row + 2 * m_;
  }

  /// The next combination in lexicographic order.
  bool next(std::vector<std::int64_t>& chosen) const {
    const auto k = static_cast<std::int64_t>(chosen.size());
    for (std::int64_t i = k; i-- > 0;) {
      if (chosen[static_cast<std::size_t>(i)] < m_ - k + i) {
        ++chosen[static_cast<std::size_t>(i)];
        for (std::int64_t j = i + 1; j < k; ++j)
          chosen[static_cast<std::size_t>(j)] = chosen[static_cast<std::size_t>(j - 1)] + 1;
        return true;
      }
    }
    return false;
  }

  std::int64_t m_, first_ = 1, all_ = 0, random_ = 0;
  double rest_ = 0;
  std::vector<double> until_;  // the weight of the sizes from first_ on, summed
};

}  // namespace lumen::detail
