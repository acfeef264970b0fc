// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

#include <lumen/rule/composite.hpp>
#include <lumen/rule/lrp/absorbed.hpp>
#include <lumen/rule/statistics.hpp>
#include <lumen/trace/layer_match.hpp>

namespace lumen::rule::lrp {

namespace detail {

using op::on_channels;

inline op::ChannelMap channel_map(const Record& record) { return rule::channel_map(record, "LRP"); }

}  // namespace detail

/// Normalisation by fixed statistics, an affine map of each channel. It is taken together with a neighbour that
/// `merge_norms` chose before any rule ran, whose weights the relevance then goes on to; else it has a rule of its own,
/// LRP-epsilon with its weights and biases unless told otherwise. A neighbour's rule must be one of this library's,
/// or look at `sums_of`.
struct BatchNorm {
  bool merge = true;      ///< false: always its own rule
  double epsilon = 1e-6;  ///< of its own rule, >= 0, in units of what it gives
  Backward alone{};       ///< in the place of its own rule; null for that

  /// @throws Error if it is called by another rule, or in a composite that does not `prepare`
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    const std::size_t data = record.data();
    const Tensor& r = relevance.front();
    require(!merge || record.absorbed, [&] {
      return text(
          "lrp::BatchNorm: nothing has decided what ", record.where(),
          " is merged with; make it the composite's own rule and its `prepare` lrp::merge_norms, or set "
          "merge = false");
    });
    if (merge && *record.absorbed) return only(record, data, r);
    const op::ChannelMap map = detail::channel_map(record);
    if (alone) return alone(record, relevance);
    const Tensor& x = record.inputs[data];
    const Tensor s = detail::quotient(r, record.outputs.front(), epsilon, detail::on_channels(map.shift, x));
    return only(record, data, x * detail::on_channels(map.scale, x) * s);
  }
};

}  // namespace lumen::rule::lrp
