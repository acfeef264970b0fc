// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

namespace lumen::perturb::detail {

/// A coalition's name: the type and the values of its row in a contiguous table on the processor, bits packed.
inline std::string name_of(const Tensor& table, std::int64_t row) {
  const std::size_t bytes =
      static_cast<std::size_t>(table.size(1)) * static_cast<std::size_t>(table.element_size());
  const char* from = static_cast<const char*>(table.data_ptr()) + static_cast<std::size_t>(row) * bytes;
  std::string name(1, static_cast<char>(table.scalar_type()));
  if (table.scalar_type() != at::kBool) return name.append(from, bytes);
  name.resize(1 + (bytes + 7) / 8);
  for (std::size_t i = 0; i < bytes; ++i) {
    char& packed = name[1 + i / 8];
    if (from[i] != 0) packed = static_cast<char>(packed | (1 << (i % 8)));
  }
  return name;
}

/// Scores of coalitions that were asked before, for each target and sample; NaN where a sample was not asked. What
/// does not fit is forgotten.
class KnownScores {
 public:
  KnownScores() = default;
  KnownScores(std::int64_t targets, std::int64_t samples, std::size_t budget)
      : targets_(targets), samples_(samples), budget_(budget) {}

  /// Writes row `row` of each target's [K, n], if the scores of all samples `which` [n] are known.
  bool recall(const std::string& name, const Tensor& which, std::vector<Tensor>& to, std::int64_t row) const {
    const auto found = known_.find(name);
    if (found == known_.end()) return false;
    const double* const values = found->second.data();
    const std::int64_t* const sample = which.data_ptr<std::int64_t>();
    const std::int64_t n = which.size(0);
    for (std::int64_t s = 0; s < n; ++s) {
      if (values[sample[s]] != values[sample[s]]) return false;
    }
    for (std::int64_t t = 0; t < targets_; ++t) {
      double* const out = to[static_cast<std::size_t>(t)].data_ptr<double>() + row * n;
      for (std::int64_t s = 0; s < n; ++s) out[s] = values[t * samples_ + sample[s]];
    }
    return true;
  }

  /// Takes row `row` of each target's [K, n], of the samples `which` [n].
  void remember(std::string name, const Tensor& which, const std::vector<Tensor>& from, std::int64_t row) {
    const auto count = static_cast<std::size_t>(targets_ * samples_);
    const std::size_t bytes = name.size() + count * sizeof(double) + 96;
    auto found = known_.find(name);
    if (found == known_.end()) {
      if (bytes_ + bytes > budget_) return;
      bytes_ += bytes;
      found = known_.try_emplace(std::move(name), count, std::numeric_limits<double>::quiet_NaN()).first;
    }
    const std::int64_t* const sample = which.data_ptr<std::int64_t>();
    for (std::int64_t t = 0; t < targets_; ++t) {
      const double* const in = from[static_cast<std::size_t>(t)].data_ptr<double>() + row * which.size(0);
      double* const values = found->second.data() + t * samples_;
      for (std::int64_t s = 0; s < which.size(0); ++s) values[sample[s]] = in[s];
    }
  }

 private:
  std::int64_t targets_ = 0, samples_ = 0;
  std::size_t budget_ = 0, bytes_ = 0;
  std::unordered_map<std::string, std::vector<double>> known_;
};

}  // namespace lumen::perturb::detail
