// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/perturb/detail/known_scores.hpp>

namespace lumen::perturb::detail {

/// The coalitions of a table that nobody knows yet, each once.
class Fresh {
 public:
  /// Writes what is known into `result`. @param which  the samples asked
  Fresh(Tensor table, Tensor which, KnownScores& known, std::vector<Tensor>& result)
      : table_(std::move(table)),
        which_(std::move(which)),
        known_(known),
        result_(result),
        source_(static_cast<std::size_t>(table_.size(0)), -1) {
    std::unordered_map<std::string, std::int64_t> asked;
    for (std::int64_t row = 0; row < table_.size(0); ++row) {
      std::string name = name_of(table_, row);
      if (known_.recall(name, which_, result_, row)) continue;
      const auto [place, first] = asked.try_emplace(std::move(name), count());
      if (first) rows_.push_back(row);
      source_[static_cast<std::size_t>(row)] = place->second;
    }
  }

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(rows_.size()); }
  [[nodiscard]] Tensor coalitions() const { return table_.index_select(0, at::tensor(rows_, at::kLong)); }

  /// Remembers the scores of the first k of them, [k, n] for each target, and writes them into the result.
  /// @return how many rows of the table, from the first on, are known by now
  std::int64_t put(const std::vector<Tensor>& scores) {
    const std::int64_t got = scores.front().size(0), n = which_.size(0);
    for (std::int64_t k = 0; k < got; ++k)
      known_.remember(name_of(table_, rows_[static_cast<std::size_t>(k)]), which_, scores, k);
    const auto end = std::find_if(source_.begin(), source_.end(), [&](std::int64_t k) { return k >= got; });
    for (std::size_t t = 0; t < scores.size(); ++t) {
      const double* const from = scores[t].data_ptr<double>();
      double* to = result_[t].data_ptr<double>();
      for (auto k = source_.begin(); k != end; ++k, to += n) {
        if (*k >= 0) std::copy_n(from + *k * n, n, to);
      }
    }
    return end - source_.begin();
  }

 private:
  Tensor table_, which_;
  KnownScores& known_;
  std::vector<Tensor>& result_;
  std::vector<std::int64_t> rows_;    // the first row of each
  std::vector<std::int64_t> source_;  // of each row of the table: which of these it is; -1: known before
};

}  // namespace lumen::perturb::detail
