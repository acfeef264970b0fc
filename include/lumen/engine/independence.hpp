// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/slot.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::engine {

namespace detail {

template <class Value>
double apart(const Value* a, const Value* b, std::int64_t count) {
  double most = 0.0, size = 1e-30;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    const double difference = std::abs(x - y);
    if (std::isnan(difference)) return difference;
    most = std::max(most, difference);
    size = std::max({size, std::abs(x), std::abs(y)});
  }
  return most / size;
}

/// How far two outputs are apart, in units of the larger; NaN if a value is.
inline double apart(const Tensor& a, const Tensor& b) {
  const auto plain = [&](at::ScalarType type) {
    return a.scalar_type() == type && b.scalar_type() == type && a.is_cpu() && b.is_cpu() &&
           a.is_contiguous() && b.is_contiguous();
  };
  if (plain(at::kFloat)) return apart(a.data_ptr<float>(), b.data_ptr<float>(), a.numel());
  if (plain(at::kDouble)) return apart(a.data_ptr<double>(), b.data_ptr<double>(), a.numel());
  const Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  const Tensor size = at::maximum(x.abs().max(), y.abs().max()).clamp_min(1e-30);
  return ((x - y).abs().max() / size).item<double>();
}

/// More than what kernels for other batch sizes round away, much less than what neighbours do.
inline double tolerance_of(const Tensor& output) {
  return output.scalar_type() == at::kDouble ? 1e-6 : output.scalar_type() == at::kFloat ? 1e-2 : 0.1;
}

inline bool comparable(const Tensor& rows, const Tensor& row, std::int64_t group) {
  return rows.defined() && row.defined() && at::isFloatingType(rows.scalar_type()) && rows.dim() >= 1 &&
         row.dim() == rows.dim() && row.size(0) == group && rows.size(0) >= group &&
         rows.sizes().slice(1) == row.sizes().slice(1) && row.numel() > 0;
}

/// Whether all groups of rows are the same, so that neighbours could not be told from nobody: normalised over their batch
/// they stay the same.
inline bool alike(const Tensors& x, std::int64_t group) {
  return std::all_of(x.begin(), x.end(), [&](const Tensor& part) {
    const std::int64_t more = part.size(0) - group;
    return more <= 0 || part.narrow(0, group, more).eq(part.narrow(0, 0, more)).all().item<bool>();
  });
}

inline Error interaction(double apart, std::int64_t rows, std::int64_t group = 1) {
  return Error(text(
      "the samples of a batch influence each other: among ", rows, " rows the output of the first ",
      group == 1 ? std::string() : text(group, ' '), "differs by ", 100 * apart,
      " % from what it is alone; put the model into its evaluation mode (eval()), and write what uses the "
      "whole batch (x - x.mean(0), a batch norm that keeps no statistics) for each sample; as the model "
      "is, it can be explained row by row: run.memory = 1"));
}

}  // namespace detail

/// By how much the first row's output among others differs from what it is alone, in units of its largest value; none
/// if that is rounding, or if the model draws at random.
/// @param x      several rows
/// @param group  how many rows are asked together in place of the first, where only whole batches may be
/// @return also the output for `x`, from the last pass of several rows
[[nodiscard]] inline std::pair<Tensor, std::optional<double>> with_neighbours(
    const std::function<Tensor(const Tensors&)>& model, const Tensors& x, std::int64_t group = 1) {
  const auto alone = [&] {
    const at::NoGradGuard no_grad;
    Tensors row;
    for (const Tensor& part : x) row.push_back(part.narrow(0, 0, group).detach().clone());
    return model(row);
  };
  const Tensor single = alone();
  Tensors kept;  // the model may overwrite what it is given
  for (const Tensor& part : x) kept.push_back(part.narrow(0, 0, group).detach().clone());
  Tensor output = model(x);
  if (!detail::comparable(output, single, group)) return {output, std::nullopt};
  const at::NoGradGuard no_grad;
  const double most = detail::tolerance_of(output);
  const double apart = detail::apart(output.narrow(0, 0, group).detach(), single);
  if (!(apart > most)) return {output, std::nullopt};
  const bool random = detail::apart(model(kept), single) > 0.1 * most;
  return {output, random ? std::nullopt : std::optional(apart)};
}

/// A model that is asked whether its samples are independent: at the first pass of rows that differ also for the first of
/// them alone. Samples that influence each other would make every stacked pass wrong. It costs one row (a batch, where
/// only whole ones may be asked) without gradients for all passes together, so that methods ask where they stack many
/// copies, and what is given to ask it of. While somebody listens to the model, who may change it, it is not asked.
class Independent {
 public:
  /// @param group     as with_neighbours
  /// @param unlike    rows to ask it of first, where those of passes may differ too little to show it; empty: none
  explicit Independent(std::function<Tensor(const Tensors&)> model, std::int64_t group = 1,
                       Tensors unlike = {})
      : model_(std::move(model)), group_(group), unlike_(std::move(unlike)) {}

  /// @throws Error if the first row's output depends on its neighbours
  Tensor operator()(const Tensors& x) const {
    const bool several =
        !x.empty() && x.front().defined() && x.front().dim() > 0 && x.front().size(0) > group_;
    if (!several || c10::impl::tls_is_dispatch_key_included(lumen::detail::heard_by) || asked_->load())
      return model_(x);
    if (detail::alike(x, group_) || asked_->exchange(true)) return model_(x);
    if (!unlike_.empty()) {
      const at::NoGradGuard no_grad;
      (void)asked(unlike_);
    }
    return asked(x);
  }

 private:
  [[nodiscard]] Tensor asked(const Tensors& rows) const {
    auto [output, apart] = with_neighbours(model_, rows, group_);
    if (apart) throw detail::interaction(*apart, rows.front().size(0), group_);
    return output;
  }

  std::function<Tensor(const Tensors&)> model_;
  std::int64_t group_;
  Tensors unlike_;
  std::shared_ptr<std::atomic<bool>> asked_ = std::make_shared<std::atomic<bool>>(false);
};

/// `model`, asked so; once, however often this is said of it.
[[nodiscard]] inline std::function<Tensor(const Tensors&)> independent(
    std::function<Tensor(const Tensors&)> model, std::int64_t group = 1, Tensors unlike = {}) {
  if (model.target<Independent>() != nullptr) return model;
  return Independent(std::move(model), group, std::move(unlike));
}

/// Asks of the first two of `rows`, if there are so many, for methods whose own passes cannot be asked. It costs three
/// rows without gradients. @throws Error as Independent
inline void require_independent(const std::function<Tensor(const Tensors&)>& model, const Tensors& rows) {
  if (rows.front().size(0) < 2) return;
  const at::NoGradGuard no_grad;
  Tensors two;
  for (const Tensor& part : rows) two.push_back(part.narrow(0, 0, 2).clone());
  const auto apart = with_neighbours(model, two).second;
  if (apart) throw detail::interaction(*apart, 2);
}

}  // namespace lumen::engine
