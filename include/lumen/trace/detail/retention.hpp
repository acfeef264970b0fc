// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <lumen/trace/detail/tape.hpp>

namespace lumen::trace::detail {

/// Which values of a pass are kept: the constants, and of the others as many, evenly spread, as a budget holds.
class Retention {
 public:
  Retention(std::vector<Taped>& values, std::int64_t budget) : values_(values), budget_(budget) {}

  void keep_constant(ValueId value, const Tensor& tensor, std::size_t memory) {
    at(value).kept = tensor;
    by_memory_[memory].push_back(value);
  }

  void keep(ValueId value, const Tensor& tensor, std::size_t memory) {
    const std::int64_t number = seen_++;
    if (number % stride_ != 0) return;
    at(value).kept = tensor.detach();  // the model may change the shape of its own
    by_memory_[memory].push_back(value);
    spread_.push_back({value, number, static_cast<std::int64_t>(tensor.nbytes())});
    held_ += spread_.back().bytes;
    while (held_ > budget_ && !spread_.empty()) {
      stride_ *= 2;
      std::erase_if(spread_, [&](const Kept& each) {
        if (each.number % stride_ == 0 && budget_ > 0 && spread_.size() > 1) return false;
        if (at(each.value).pinned) return true;
        if (at(each.value).kept.defined()) held_ -= each.bytes;
        at(each.value).kept = Tensor();
        return true;
      });
    }
  }

  /// Keeps it for good, as it is now.
  void pin(ValueId value, const Tensor& tensor) {
    at(value).kept = tensor.detach().clone();
    at(value).pinned = true;
  }

  /// What is written to next: values there are let go, to be computed again, and constants saved.
  void before_write(std::size_t memory) {
    const auto found = by_memory_.find(memory);
    if (found == by_memory_.end()) return;
    for (const ValueId value : found->second) {
      Taped& each = at(value);
      if (!each.kept.defined() || each.pinned) continue;
      if (!each.depends) {
        each.kept = each.kept.detach().clone();
        continue;
      }
      held_ -= static_cast<std::int64_t>(each.kept.nbytes());
      each.kept = Tensor();
    }
    by_memory_.erase(found);
  }

 private:
  struct Kept {
    ValueId value = -1;
    std::int64_t number = 0, bytes = 0;
  };

  Taped& at(ValueId value) { return values_[static_cast<std::size_t>(value)]; }

  std::vector<Taped>& values_;
  std::int64_t budget_, held_ = 0, seen_ = 0, stride_ = 1;
  std::vector<Kept> spread_;
  std::unordered_map<std::size_t, std::vector<ValueId>> by_memory_;
};

}  // namespace lumen::trace::detail
