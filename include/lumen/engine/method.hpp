// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/core/attribution.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/answer.hpp>
#include <lumen/target/any.hpp>

namespace lumen {

/// A model and a target of no particular type: what concepts are checked with.
using AnyModel = std::function<Tensor(const Tensor&)>;

namespace engine {

template <class R>
inline constexpr bool is_attribution = false;
template <Input X>
inline constexpr bool is_attribution<Attribution<X>> = true;

/// `method(model, x, target)` is an Attribution, whatever its map is of.
template <class A, class M, class X, class T>
concept Attributes = requires(const A& method, M& model, const X& x, const T& target) {
  requires is_attribution<std::remove_cvref_t<decltype(method(model, x, target))>>;
};

/// What a method's map is of, on inputs of type X: the input itself, or for a method of layers a tensor.
template <class A, class M, Input X>
  requires Attributes<A, M, X, AnyTarget>
using MapOf =
    std::remove_cvref_t<decltype(std::declval<const A&>()(std::declval<M&>(), std::declval<const X&>(),
                                                          std::declval<const AnyTarget&>())
                                     .map)>;

/// Asks a method several questions: together where it takes `Targets`, else one after the other. What combinators ask
/// their method with, so that one of one's own needs to answer single targets only.
template <class A, class M, Input X>
  requires Attributes<A, M, X, AnyTarget>
[[nodiscard]] std::vector<Attribution<MapOf<A, M, X>>> ask(const A& method, M& model, const X& x,
                                                           const Targets& targets) {
  using All = std::vector<Attribution<MapOf<A, M, X>>>;
  if constexpr (requires {
                  { method(model, x, targets) } -> std::same_as<All>;
                }) {
    return method(model, x, targets);
  } else {
    All answers;
    for (const AnyTarget& target : targets) {
      answers.push_back(method(model, x, target));
      check_map(answers.back());
    }
    return answers;
  }
}

/// For what is made of whole maps: of noisy copies, of parts of a batch. @throws Stopped if the method was stopped
template <Input X>
void refuse_partial(const Attribution<X>& attribution) {
  if (attribution.done < 1.0) {
    throw Stopped(text("stopped by run.stop when ", attribution.done,
                       " of a map was known, of which no result of several maps is made"));
  }
}

/// The method with another `run`, where it has one.
template <class A>
[[nodiscard]] A with_run(A method, const Run& run) {
  if constexpr (requires { method.with_run(run); }) {
    return method.with_run(run);
  } else {
    if constexpr (requires { method.run = run; }) method.run = run;
    return method;
  }
}

/// A method's run; of one that combines another, that one's.
template <class A>
[[nodiscard]] Run run_of(const A& method) {
  if constexpr (requires { Run(method.run); }) {
    return method.run;
  } else if constexpr (requires { method.method; }) {
    return run_of(method.method);
  } else {
    return {};
  }
}

}  // namespace engine

/// An attribution method: an aggregate whose options are its members, `method(model, x, target)`. It answers a target
/// by an Attribution; if it takes `Targets` too, by a list of them, from shared passes.
template <class A>
concept Method = std::copy_constructible<A> && engine::Attributes<A, AnyModel, Tensor, AnyTarget>;

}  // namespace lumen
