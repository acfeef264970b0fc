// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/core/attribution.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/target/any.hpp>

namespace lumen {

/// A model and a target of no particular type: what concepts are checked with.
using AnyModel = std::function<Tensor(const Tensor&)>;

/// An attribution method: an aggregate whose options are its members, `method(model, x, target)`.
template <class A>
concept Method = requires(const A& method, AnyModel& model, const Tensor& x, const AnyTarget& target) {
  { method(model, x, target) } -> std::same_as<Attribution<Tensor>>;
};

namespace engine {

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

}  // namespace engine

}  // namespace lumen
