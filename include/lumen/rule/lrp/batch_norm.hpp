// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/rule/composite.hpp>
#include <lumen/rule/lrp/absorbed.hpp>
#include <lumen/rule/statistics.hpp>
#include <lumen/trace/layer_match.hpp>

namespace lumen::rule::lrp {

namespace detail {

using op::on_channels;

inline op::ChannelMap channel_map(const Record& record) { return rule::channel_map(record, "LRP"); }

/// The input of a weighted operator that its one value on the path is; and its weight's position, the other of the
/// two factors. addmm and baddbmm begin with what they add.
inline std::pair<std::size_t, std::size_t> factors(const Record& record) {
  const std::size_t first = trace::data_position(record.kind);
  return record.on_path[first] ? std::pair{first, first + 1} : std::pair{first + 1, first};
}

/// Whether an operator's channels are dimension 1 of its output, and its weight is the second factor.
inline bool has_channels(const Record& record) {
  if (!is_weighted(record) || record.kind == "einsum") return false;
  const auto [data, weight] = factors(record);
  if (data > weight || !record.on_path[data]) return false;
  if (record.kind.starts_with("conv")) return true;
  return !record.outputs.empty() && record.outputs.front().dim() == 2 && record.inputs[weight].dim() == 2;
}

}  // namespace detail

/// Normalisation by fixed statistics, an affine map of each channel. It is taken together with its neighbour on
/// the executed graph: with the weighted operator whose only use it is; else, if a weighted operator is its only
/// use, with that one (their rules see to it); else it has a rule of its own, LRP-epsilon with its weights and
/// biases unless told otherwise. Merged with the one before it, the relevance of the two is the same and goes on to the merged
/// weights; that operator's rule must be one of this library's, or read `Record::scale` and `shift`.
struct BatchNorm {
  bool merge = true;      ///< false: always its own rule
  double epsilon = 1e-6;  ///< of its own rule, >= 0, in units of what it gives
  Backward alone{};       ///< in the place of its own rule; null for that

  /// Whether it is taken together with the operator before it.
  [[nodiscard]] bool merges_back(const Record& record) const {
    const std::shared_ptr<Record>& before = record.producers[record.data()];
    return merge && before && before->consumers == 1 && before->rule && detail::has_channels(*before);
  }

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    const std::size_t data = record.data();
    const Tensor& r = relevance.front();
    const op::ChannelMap map = detail::channel_map(record);
    if (merges_back(record)) {
      record.producers[data]->scale = map.scale;
      record.producers[data]->shift = map.shift;
      return only(record, data, r);
    }
    if (record.merged) return only(record, data, r);
    if (alone) return alone(record, relevance);
    const Tensor& x = record.inputs[data];
    const Tensor s = detail::quotient(r, record.outputs.front(), epsilon, detail::on_channels(map.shift, x));
    return only(record, data, x * detail::on_channels(map.scale, x) * s);
  }
};

}  // namespace lumen::rule::lrp
