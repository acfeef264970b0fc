// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <lumen/perturb/detail/network.hpp>

namespace lumen::perturb::detail {

/// The values of the unperturbed pass of one sample that passes over regions read.
class Base {
 public:
  /// Which values those are.
  static std::vector<trace::ValueId> read_of(const Network& network,
                                             const std::vector<trace::ValueId>& from) {
    std::vector<bool> natural(network.uses().size()), read(network.uses().size());
    read[Network::index(network.output())] = true;
    for (const trace::ValueId id : from) read[Network::index(id)] = true;
    for (const Node& node : network.nodes()) {
      if (node.kind == Node::Kind::Whole) natural[Network::index(node.to)] = true;
      if (node.kind == Node::Kind::Total) read[Network::index(node.to)] = true;
      if (node.straight) continue;
      for (const Node::Operand& each : node.operands) {
        const bool as_made = node.kind == Node::Kind::Whole && natural[Network::index(each.value)];
        if (!as_made) read[Network::index(each.value)] = true;
      }
    }
    std::vector<trace::ValueId> result;
    for (std::size_t id = 0; id < read.size(); ++id) {
      if (read[id]) result.push_back(static_cast<trace::ValueId>(id));
    }
    return result;
  }
  /// Bytes of them.
  static std::int64_t bytes_of(const Network& network, const std::vector<trace::ValueId>& read) {
    double bytes = 0.0;
    for (const trace::ValueId id : read)
      bytes += network.volume(id) * static_cast<double>(at::elementSize(network.program().dtype(id)));
    return static_cast<std::int64_t>(bytes);
  }
  Base() = default;
  Base(const Network& network, const std::vector<trace::ValueId>& read, const trace::Program::Values& given)
      : program_(&network.program()), values_(network.uses().size()), strides_(network.uses().size()) {
    const Tensors values = program_->run(given, read);
    for (std::size_t i = 0; i < read.size(); ++i) {
      const std::size_t id = Network::index(read[i]);
      strides_[id] = values[i].strides().vec();
      values_[id] = values[i].dim() == 4 ? values[i].contiguous(at::MemoryFormat::ChannelsLast)
                                         : values[i].contiguous();
    }
  }

  [[nodiscard]] const Tensor& operator()(trace::ValueId id) const { return values_[Network::index(id)]; }

  /// The recorded value for so many rows.
  [[nodiscard]] Tensor repeated(trace::ValueId id, std::int64_t rows) const {
    const Tensor& value = (*this)(id);
    const std::int64_t dim = batch_dim(*program_, id);
    if (dim < 0) return value;
    std::vector<std::int64_t> sizes = value.sizes().vec();
    sizes[static_cast<std::size_t>(dim)] = rows;
    return value.expand(sizes);
  }

  /// `value` as it would lie in memory had the model made it: operators that look at that (views) take it then.
  [[nodiscard]] Tensor in_kind(const Tensor& value, trace::ValueId id) const {
    const std::vector<std::int64_t>& strides = strides_[Network::index(id)];
    std::vector<std::int64_t> order(strides.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      if (value.size(a) == 1 || value.size(b) == 1) return false;
      return strides[static_cast<std::size_t>(a)] > strides[static_cast<std::size_t>(b)];
    });
    std::vector<std::int64_t> back(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    return value.permute(order).contiguous().permute(back);
  }

 private:
  const trace::Program* program_ = nullptr;
  Tensors values_;
  std::vector<std::vector<std::int64_t>> strides_;
};

}  // namespace lumen::perturb::detail
