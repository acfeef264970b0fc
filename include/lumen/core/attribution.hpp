// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/core/any_target.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// What a method answers: a map, and what is known about how far to trust it.
template <Input X = Tensor>
struct Attribution {
  X map{};  ///< one value for each element of the input: its shape, dtype and device

  /// F(x) for each sample, [N], in units of the score.
  Tensor score{};
  /// Sum of the map less the difference of scores that it should explain, [N], in units of the score;
  /// undefined for methods that make no such promise.
  Tensor completeness_error{};
  /// Standard error of each value of the map, from the draws that it averages; undefined without draws.
  X standard_error{};

  std::int64_t forward_passes = 0;   ///< evaluations of the model for each sample, however they were batched
  std::int64_t backward_passes = 0;  ///< gradient evaluations for each sample and target
};

/// A model and a target of no particular type: what concepts are checked with.
using AnyModel = std::function<Tensor(const Tensor&)>;

/// An attribution method: an aggregate whose options are its members, `method(model, x, target)`.
template <class A>
concept Method = requires(const A& method, AnyModel& model, const Tensor& x, const AnyTarget& target) {
  { method(model, x, target) } -> std::same_as<Attribution<Tensor>>;
};

namespace detail {

/// Runs `method(targets) -> std::vector<Attribution<X>>` on one target or on several and answers in kind.
/// Outside the caller's inference mode, whose tensors could not be differentiated through, and without
/// recording.
template <TargetOrTargets T, class F>
auto answer(const T& target, const F& method) {
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  if constexpr (std::same_as<T, Targets>) {
    require(!target.empty(), "the list of targets is empty; ask at least one question");
    return method(target);
  } else {
    return std::move(method(Targets{target}).front());
  }
}

}  // namespace detail

}  // namespace lumen
