// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

namespace detail {

template <class M, class... Parts>
concept PointsToForward = requires(M& model, const Parts&... parts) {
  { model->forward(parts...) } -> std::convertible_to<Tensor>;
};
template <class M, class... Parts>
concept HasForward = requires(M& model, const Parts&... parts) {
  { model.forward(parts...) } -> std::convertible_to<Tensor>;
};
// Not what points to a model: the call operator of LibTorch's module holders answers no question, it fails to
// compile.
template <class M, class... Parts>
concept CallableOn =
    !requires(M& model) { model.operator->(); } && requires(M& model, const Parts&... parts) {
      { std::invoke(model, parts...) } -> std::convertible_to<Tensor>;
    };
template <class M, class... Parts>
concept Forwards = PointsToForward<M, Parts...> || HasForward<M, Parts...> || CallableOn<M, Parts...>;

template <Part P>
using AsTensor = Tensor;

struct ForwardFn {
  template <class M, std::same_as<Tensor>... Parts>
    requires Forwards<M, Parts...>
  Tensor operator()(M& model, const Parts&... parts) const {
    if constexpr (PointsToForward<M, Parts...>) {
      return model->forward(parts...);
    } else if constexpr (HasForward<M, Parts...>) {
      return model.forward(parts...);
    } else {
      return std::invoke(model, parts...);
    }
  }

  template <class M, std::same_as<Tensors> X>
    requires Forwards<M, X>
  Tensor operator()(M& model, const X& x) const {
    if constexpr (PointsToForward<M, X>) {
      return model->forward(x);
    } else if constexpr (HasForward<M, X>) {
      return model.forward(x);
    } else {
      return std::invoke(model, x);
    }
  }

  template <class M, std::same_as<Inputs> X>
    requires Forwards<M, Tensors>
  Tensor operator()(M& model, const X& x) const {
    return (*this)(model, x.parts);
  }

  template <class M, class... Parts>
    requires is_tensor_tuple<std::tuple<Parts...>> && Forwards<M, AsTensor<Parts>...>
  Tensor operator()(M& model, const std::tuple<Parts...>& x) const {
    return std::apply([&](const auto&... part) { return (*this)(model, plain(part)...); }, x);
  }
};

}  // namespace detail

/// Runs a model: `forward(model, x)`, or `forward(model, std::tuple{a, b})` for one of several inputs.
inline constexpr detail::ForwardFn forward{};

namespace detail {

/// A TorchScript module as LibTorch loads it: its forward takes and gives values of any kind.
template <class M>
concept TorchScript = requires(const M& model) {
  model._ivalue();
  model.get_methods();
};

}  // namespace detail

/// torch::jit::Module is no model by itself: lumen::script::Network (lumen/script/network.hpp) makes one of it.
template <class M>
concept TorchScriptIsWrappedInScriptNetwork = !detail::TorchScript<std::remove_cvref_t<M>>;

/// A network to explain on inputs of type X: a callable, or a value, pointer, holder or shared pointer with a
/// `forward`, whose result is a tensor with one row for each row of the input. In its evaluation mode: the
/// samples of a batch must not influence each other.
template <class M, class X = Tensor>
concept Model = Input<X> && TorchScriptIsWrappedInScriptNetwork<M> &&
                std::invocable<const detail::ForwardFn&, std::remove_reference_t<M>&, const X&>;

/// The question asked: from the model's output [N, ...] to one score a sample, [N].
///
/// Three abilities, all optional: `freeze(output)` returns the same question with everything that it takes
/// from the unperturbed output fixed; `rows(index)` returns the same question asked of the samples that the
/// int64 tensor `index` lists (repeats allowed), which lets methods stack and split batches freely; `reads(sizes)`
/// returns the box of an output of these sizes, the batch left out, that holds all that any score depends on, so that
/// nothing else needs to be computed.
template <class T>
concept Target = std::copy_constructible<T> && requires(const T& target, const Tensor& output) {
  { target(output) } -> std::convertible_to<Tensor>;
};

namespace detail {

template <class T>
concept Freezable = Target<T> && requires(const T& target, const Tensor& output) {
  { target.freeze(output) } -> Target;
};
template <class T>
concept RowWise = Target<T> && requires(const T& target, const Tensor& index) {
  { target.rows(index) } -> Target;
};

template <class T>
concept Confinable = Target<T> && requires(const T& target, const std::vector<std::int64_t>& sizes) {
  { target.reads(sizes) } -> std::convertible_to<Box>;
};

template <class B>
concept FixedBaseline = requires(const B& baseline, const Tensor& x) {
  { baseline(x) } -> std::convertible_to<Tensor>;
};
template <class B>
concept RandomBaseline = requires(const B& baseline, const Tensor& sample, at::Generator& generator) {
  { baseline(sample, generator) } -> std::convertible_to<Tensor>;
  { baseline.seed } -> std::convertible_to<std::uint64_t>;
};
/// One that is asked for all parts and rows at once, and told which sample and draw each row is of.
template <class B>
concept JointBaseline =
    requires(const B& baseline, const Tensors& x, const std::vector<std::int64_t>& numbers) {
      { baseline.rows(x, numbers, numbers) } -> std::same_as<Tensors>;
      { B::random } -> std::convertible_to<bool>;
    };
template <class B>
inline constexpr bool is_baseline_tuple = false;
template <class... B>
inline constexpr bool is_baseline_tuple<std::tuple<B...>> = sizeof...(B) > 0 &&
                                                            ((FixedBaseline<B> || RandomBaseline<B>) && ...);

}  // namespace detail

/// What "absent" looks like: x -> x', of x's shape. Either fixed, `b(x)`, or drawn, `b(sample, generator)`
/// with a `seed` member, where `sample` is one row [1, ...]. For several inputs: one for all, or a tuple of
/// them.
template <class B>
concept Baseline = detail::FixedBaseline<B> || detail::RandomBaseline<B> || detail::is_baseline_tuple<B> ||
                   detail::JointBaseline<B>;

}  // namespace lumen
