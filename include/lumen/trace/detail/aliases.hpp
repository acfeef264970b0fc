// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/trace/step.hpp>

namespace lumen::trace::detail {

/// How a tensor lies in its memory.
struct Lie {
  std::vector<std::int64_t> sizes{}, strides{};
  std::int64_t offset = 0;
  bool operator==(const Lie&) const = default;
};

inline Lie lie_of(const Tensor& tensor) {
  if (!tensor.has_storage() || tensor.layout() != at::kStrided) return {tensor.sizes().vec(), {}, 0};
  return {tensor.sizes().vec(), tensor.strides().vec(), tensor.storage_offset()};
}

/// Whether it fills a piece of memory without gaps or overlaps, so that a copy lies the same way.
inline bool is_dense(const Lie& lie) {
  std::vector<std::pair<std::int64_t, std::int64_t>> dims;  // stride, size
  for (std::size_t i = 0; i < lie.strides.size(); ++i) {
    if (lie.sizes[i] != 1) dims.emplace_back(lie.strides[i], lie.sizes[i]);
  }
  std::sort(dims.begin(), dims.end());
  std::int64_t expected = 1;
  for (const auto& [stride, size] : dims) {
    if (stride != expected) return false;
    expected *= size;
  }
  return lie.strides.size() == lie.sizes.size();
}

/// A tensor of a pass, which may show memory that others show too.
struct Node {
  ValueId value = -1;        ///< what it is, as far as was looked
  std::int64_t epoch = 0;    ///< how many writes into its memory that takes into account
  std::size_t memory = 0;    ///< which memory it shows
  std::int64_t parent = -1;  ///< the node that it is a view of
  std::int64_t step = -1;    ///< the step that made that view; -1: what LibTorch does unheard, as `x.data()`
  std::size_t which = 0;     ///< which of its results
  std::size_t operand = 0;   ///< which of its operands the parent was
  Lie lie{};
};

/// Who is who among the tensors of a pass: by the TensorImpl, whose address is not given away again while a weak
/// reference is held, and by the memory that they share. No memory is kept alive.
class Aliases {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// The node of this tensor; none if it was never seen, or shows other memory than when it was.
  [[nodiscard]] std::int64_t find(const Tensor& tensor) const {
    const auto found = impls_.find(tensor.unsafeGetTensorImpl());
    if (found == impls_.end()) return -1;
    const Node& node = nodes_[found->second.node];
    return node.memory == memory_of(tensor) ? static_cast<std::int64_t>(found->second.node) : -1;
  }

  /// The nodes that show the memory of this tensor, oldest first.
  [[nodiscard]] const std::vector<std::size_t>& sharing(const Tensor& tensor) const {
    static const std::vector<std::size_t> nobody;
    const std::size_t memory = memory_of(tensor);
    return memory == none ? nobody : memories_[memory].nodes;
  }

  std::size_t add(const Tensor& tensor, ValueId value, std::int64_t parent = -1, std::int64_t step = -1,
                  std::size_t which = 0, std::size_t operand = 0) {
    std::size_t memory = memory_of(tensor);
    if (memory == none) {
      memory = memories_.size();
      memories_.push_back({});
      if (tensor.has_storage()) {
        storages_.insert_or_assign(tensor.storage().unsafeGetStorageImpl(),
                                   Storage{tensor.storage().getWeakStorageImpl(), memory});
      }
    }
    const std::size_t node = nodes_.size();
    memories_[memory].nodes.push_back(node);
    nodes_.push_back({.value = value,
                      .epoch = memories_[memory].epoch,
                      .memory = memory,
                      .parent = parent,
                      .step = step,
                      .which = which,
                      .operand = operand,
                      .lie = lie_of(tensor)});
    impls_.insert_or_assign(tensor.unsafeGetTensorImpl(), Impl{Weak(tensor.getIntrusivePtr()), node});
    return node;
  }

  [[nodiscard]] Node& operator[](std::size_t node) { return nodes_[node]; }
  [[nodiscard]] std::int64_t& epoch(std::size_t node) { return memories_[nodes_[node].memory].epoch; }
  [[nodiscard]] const std::vector<std::size_t>& sharing(std::size_t node) const {
    return memories_[nodes_[node].memory].nodes;
  }

 private:
  using Weak = c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>;
  struct Impl {
    Weak guard;
    std::size_t node = 0;
  };
  struct Storage {
    c10::weak_intrusive_ptr<c10::StorageImpl> guard;
    std::size_t memory = 0;
  };
  struct Memory {
    std::int64_t epoch = 0;  ///< writes so far
    std::vector<std::size_t> nodes{};
  };

  [[nodiscard]] std::size_t memory_of(const Tensor& tensor) const {
    if (!tensor.has_storage()) {  // sparse and opaque tensors share nothing
      const auto found = impls_.find(tensor.unsafeGetTensorImpl());
      return found == impls_.end() ? none : nodes_[found->second.node].memory;
    }
    const auto found = storages_.find(tensor.storage().unsafeGetStorageImpl());
    return found == storages_.end() ? none : found->second.memory;
  }

  std::vector<Node> nodes_;
  std::vector<Memory> memories_;
  std::unordered_map<const at::TensorImpl*, Impl> impls_;
  std::unordered_map<const c10::StorageImpl*, Storage> storages_;
};

}  // namespace lumen::trace::detail
