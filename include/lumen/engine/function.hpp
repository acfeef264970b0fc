// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/backward.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::engine {

/// A model as a function of the parts of its input.
using Function = std::function<Tensor(const Tensors&)>;

/// `model`, which must outlive it, as such a function.
template <Input X, class M>
[[nodiscard]] Function bind(M& model) {
  return [&model](const Tensors& parts) { return forward(model, input_of<X>(parts)); };
}

/// `model` as a function of parts of inputs like `x`, held ones among them. It must outlive the function.
/// @throws Error if a part of a tuple is not floating point, nor held, unless any type will do
template <class M, Input X>
[[nodiscard]] Function bind(M& model, const X& x, Types types = Types::Floating) {
  if constexpr (std::same_as<X, Tensor> || std::same_as<X, Tensors>) {
    return bind<X>(model);
  } else {
    const std::vector<bool> held = held_parts(x);
    const Tensors given = parts_of(x);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const bool rides = types == Types::Any || (i < held.size() && held[i]);
      require(rides || !given[i].defined() || explained(given[i]), [&] {
        return text(
            "input ", i, " is of type ", given[i].scalar_type(),
            ", expected floating point; if it is no picture but ids, a mask or lengths, which are not ",
            "explained, let it ride along: lumen::held(tensor) in a tuple, Inputs::held in a list");
      });
    }
    return [&model, x](const Tensors& parts) { return forward(model, input_like(x, parts)); };
  }
}

/// Names the operator that cuts a model's output off from its input; empty if none does. trace/cut.hpp puts one here.
using WhatCuts = std::string (*)(const Function& model, const Tensors& x);
[[nodiscard]] inline WhatCuts& what_cuts() {
  static WhatCuts finder = nullptr;
  return finder;
}

/// The end of a message that says that something does not depend on the input: which operator is to blame, or what may
/// be.
[[nodiscard]] inline std::string cut_note(const Function& model, const Tensors& x) {
  const std::string cut = what_cuts() == nullptr ? "" : what_cuts()(model, x);
  return cut.empty() ? "; check the model for detach, argmax, NoGradGuard or conversions to numbers"
                     : ": " + cut;
}

/// The model's output on `x`. @throws Error unless it is floating point with one row for each row of `x`
[[nodiscard]] inline Tensor run_model(const Function& model, const Tensors& x) {
  Tensor output;
  try {
    output = model(x);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    refuse_inference_tensors(error);
    throw;
  }
  require(output.defined() && at::isFloatingType(output.scalar_type()), [&] {
    return text("the model returned ",
                output.defined() ? text("values of type ", output.scalar_type()) : "nothing",
                "; expected a floating point tensor [N, ...]");
  });
  const std::int64_t n = x.front().size(0);
  require(output.dim() >= 1 && output.size(0) == n, [&] {
    return text("the model returned ", output.sizes(), " for a batch of ", n,
                "; expected one row a sample, [", n, ", ...]",
                output.dim() == 0
                    ? "; one number for all rows is the score of one sample: explain x.unsqueeze(0), "
                      "with a model that is asked for each such sample"
                    : "");
  });
  return output;
}

}  // namespace lumen::engine
