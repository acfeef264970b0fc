// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/core/attribution.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/target/any.hpp>

namespace lumen {

/// What is given for a target of type T, if `Each` is what is given for one: that, or for `Targets` a list.
template <class Each, class T>
using AnswerOf = std::conditional_t<std::same_as<T, Targets>, std::vector<Each>, Each>;

namespace detail {

// For what is no Input or no target it is there as well: clang would name the alias, not the concept that was missed.
template <class X, class T>
struct AnswerType {
  using type = void;
};
template <Input X, TargetOrTargets T>
struct AnswerType<X, T> {
  using type = AnswerOf<Attribution<X>, T>;
};

}  // namespace detail

/// What a method gives whose map is an X.
template <class X, class T>
using Answer = typename detail::AnswerType<X, T>::type;

namespace engine {

/// @throws Error if the map holds NaN or infinite values: no method's answer may
template <Input X>
void check_map(const Attribution<X>& attribution) {
  for (const Tensor& part : parts_of(attribution.map)) {
    require(!part.defined() || !explained(part) || all_finite(part), [&] {
      return text(
          "the map, ", part.sizes(),
          ", holds NaN or infinite values: on this input a derivative is infinite "
          "or undefined (a square root, logarithm or division at 0, say), or values overflow their type; "
          "keep the model away from there (sqrt(x + 1e-12)), or explain it in float64");
    });
  }
}
template <class Each>
  requires requires(const Each& one) { check_map(one); }
void check_map(const std::vector<Each>& several) {
  for (const Each& one : several) check_map(one);
}

/// Maps lie channel by channel and row by row in memory, whatever layout the input and the model work in.
template <Input X>
void lay_out(Attribution<X>& attribution) {
  for (X* const each : {&attribution.map, &attribution.standard_error}) {
    Tensors parts = parts_of(*each);
    for (Tensor& part : parts)
      if (part.defined()) part = part.contiguous();
    *each = input_of<X>(parts);
  }
}
template <class Each>
  requires requires(Each& one) { lay_out(one); }
void lay_out(std::vector<Each>& several) {
  for (Each& one : several) lay_out(one);
}

/// Runs `method(targets) -> std::vector<R>`, R an Attribution or what is made of some, on one target or on several, and
/// answers in kind. Outside the caller's inference mode, whose tensors could not be differentiated through, and without
/// recording.
/// @throws Error if the list of targets is empty, or a map is not finite
template <TargetOrTargets T, class F>
AnswerOf<typename std::invoke_result_t<const F&, const Targets&>::value_type, T> answer(const T& target,
                                                                                        const F& method) {
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  if constexpr (std::same_as<T, Targets>) {
    require(!target.empty(), "the list of targets is empty; ask at least one question");
    auto answers = method(target);
    if constexpr (requires { check_map(answers); }) check_map(answers);
    if constexpr (requires { lay_out(answers); }) lay_out(answers);
    return answers;
  } else {
    auto answers = method(Targets{target});
    if constexpr (requires { check_map(answers.front()); }) check_map(answers.front());
    if constexpr (requires { lay_out(answers.front()); }) lay_out(answers.front());
    return std::move(answers.front());
  }
}

}  // namespace engine

}  // namespace lumen
