// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <limits>

#include <torch/nn/module.h>

#include <lumen/core/tensor.hpp>

namespace lumen::net {

/// Lays the weights of convolutions out anew, and with them all maps between: `at::MemoryFormat::ChannelsLast` puts the
/// channels of a pixel side by side, `Contiguous` the pixels of a channel. The numbers stay, of gradients too.
inline void set_layout(torch::nn::Module& net, at::MemoryFormat layout) {
  for (Tensor& parameter : net.parameters()) {
    if (parameter.dim() != 4) continue;
    const Tensor gradient = parameter.grad();
    parameter.mutable_grad() = Tensor();  // a gradient of another layout would be refused, or added up slowly
    parameter.set_data(parameter.contiguous(layout));
    if (gradient.defined()) parameter.mutable_grad() = gradient.contiguous(layout);
  }
}

/// What a work takes in the two layouts.
struct LayoutTimes {
  double contiguous = 0.0, channels_last = 0.0;  ///< seconds

  /// Channels last where it is at least a twentieth faster.
  [[nodiscard]] at::MemoryFormat faster() const {
    return channels_last <= 0.95 * contiguous ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  }
};

/// Measures a work in both layouts by turns, the least of `turns` each, and leaves the network in the faster one. On the
/// processor networks of few channels gain by channels last, networks of many hardly.
/// @param work  a pass, a training step: what is to be fast; called once in each layout before it counts
template <std::invocable Work>
LayoutTimes take_faster_layout(torch::nn::Module& net, const Work& work, int turns = 3) {
  using Clock = std::chrono::steady_clock;
  LayoutTimes times{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  for (int turn = 0; turn <= turns; ++turn) {
    for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      set_layout(net, layout);
      const auto start = Clock::now();
      work();
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      double& best = layout == at::MemoryFormat::Contiguous ? times.contiguous : times.channels_last;
      if (turn > 0) best = std::min(best, seconds);
    }
  }
  set_layout(net, times.faster());
  return times;
}

}  // namespace lumen::net
