// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/perturb/detail/affine_head.hpp>
#include <lumen/perturb/detail/mixture.hpp>
#include <lumen/trace/intercept.hpp>

namespace lumen::perturb::detail {

/// The affine head of the model of a game, found out once, when enough coalitions are asked for, and its responses to the
/// regions of each sample.
class SharedHead {
 public:
  /// Whether sums of responses stand for the model's first steps.
  /// @param table    coalitions that are asked for now, [K, regions]
  /// @param run      a share of its memory is kept for the responses
  /// @param batches  whether only whole batches may be asked
  /// @throws Error if the model's samples influence each other
  template <Regions R>
  bool use(const engine::Function& model, const Mixture<R>& rows, const Tensor& table, Run& run,
           bool batches) {
    if constexpr (requires { bool(rows.regions().disjoint()); }) {
      asked_for_ += table.size(0);
      const std::int64_t regions = rows.regions().count();
      const bool forced = run.passes == Passes::Incremental;
      const std::int64_t worth = forced ? 2 : std::max<std::int64_t>(256, 4 * regions);
      if (sought_ || run.passes == Passes::Whole || asked_for_ < worth || rows.x().size() != 1 || batches ||
          !rows.regions().disjoint() || trace::is_heard()) {
        return head_.has_value();
      }
      sought_ = true;
      const std::int64_t share = run.memory / 4;
      head_ = AffineHead::of(model, rows.x().front(), {regions, rows.samples(), share, !forced});
      if (head_) {
        const Tensor two = at::cat({at::ones({1, regions}, table.options()), table.narrow(0, 0, 1)});
        engine::require_independent(model, rows(two, at::zeros({2}, at::kLong)));
        run.memory -= share;
      }
    }
    return head_.has_value();
  }

  /// A sample's responses; null, and never used again, if one of the coalitions tells that they do not add up.
  /// @param sample  int64 [1]
  template <Regions R>
  const Responses* responses(const Mixture<R>& rows, const Tensor& table, const Tensor& sample) {
    const std::int64_t which = sample.item<std::int64_t>();
    if (const auto known = responses_.find(which); known != responses_.end()) return &known->second;
    const auto input = [&](const Tensor& present) {
      return rows(present, sample.expand({present.size(0)})).front();
    };
    Responses found(*head_, rows.regions().count(), input);
    const Tensor some = table.narrow(0, table.size(0) / 2, 1);
    if (!Responses::hold(found.of(some), (*head_)(input(some)))) {
      head_.reset();
      return nullptr;
    }
    return &responses_.emplace(which, std::move(found)).first->second;
  }

  /// The model's output for rows of the head's values.
  [[nodiscard]] Tensor output(const Tensor& values) const { return head_->output(values); }

 private:
  std::int64_t asked_for_ = 0;
  bool sought_ = false;
  std::optional<AffineHead> head_;
  std::map<std::int64_t, Responses> responses_;  // of each sample
};

}  // namespace lumen::perturb::detail
