// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/target/transform.hpp>

namespace lumen::target {

/// A target asked of log p / (1 - p) of each value instead, for models whose outputs are probabilities p already, because
/// they end in a sigmoid or softmax: what `LogOdds` is for models that give logits. What it freezes it takes from the
/// output itself.
template <Target T>
struct Logit {
  T target{};  ///< sees log-odds, shape of the output

  /// @throws Error for values outside [0, 1]. Where one that is asked for is 0 or 1, the score is not finite, which
  ///         methods refuse.
  Tensor operator()(const Tensor& output) const {
    const Tensor values = output.detach();
    constexpr double rounding = 1e-5;
    require((values >= -rounding).logical_and(values <= 1 + rounding).all().template item<bool>(), [&] {
      return text("target::Logit: the output's values lie between ", output.min().template item<double>(),
                  " and ", output.max().template item<double>(),
                  ", expected probabilities; for a model that gives logits use target::LogOdds");
    });
    return detail::freeze(target, output)(at::logit(output.clamp(0, 1)));
  }
  Logit<detail::Frozen<T>> freeze(const Tensor& output) const
    requires lumen::detail::Freezable<T>
  {
    return {target.freeze(output)};
  }
  // a template, so that what it returns is only asked for where there is such
  template <class Whole = T>
    requires lumen::detail::RowWise<Whole>
  Logit<detail::RowsOf<Whole>> rows(const Tensor& samples) const {
    return {target.rows(samples)};
  }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return AnyTarget(target).reads(sizes);
  }
};

}  // namespace lumen::target
