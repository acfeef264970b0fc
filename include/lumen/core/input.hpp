// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// The parts of an input in a row: one tensor for a plain input, several for a tuple.
using Tensors = std::vector<Tensor>;

namespace detail {

template <class X>
inline constexpr bool is_tensor_tuple = false;
template <class... Parts>
inline constexpr bool is_tensor_tuple<std::tuple<Parts...>> = sizeof...(Parts) > 0 &&
                                                              (std::same_as<Parts, Tensor> && ...);

}  // namespace detail

/// What a model is explained on: a tensor, or for a model of several inputs a tuple of tensors, or `Tensors` where
/// their number is only known at run time. Dimension 0 of every part is the batch, of the same size N.
template <class X>
concept Input = std::same_as<X, Tensor> || std::same_as<X, Tensors> || detail::is_tensor_tuple<X>;

/// The parts of `x` in order.
inline Tensors parts_of(const Tensor& x) { return {x}; }
inline Tensors parts_of(const Tensors& x) { return x; }

template <class... Parts>
  requires detail::is_tensor_tuple<std::tuple<Parts...>>
Tensors parts_of(const std::tuple<Parts...>& x) {
  return std::apply([](const auto&... part) { return Tensors{part...}; }, x);
}

/// The input of type X with these parts; the inverse of `parts_of`.
template <Input X>
X input_of(const Tensors& parts) {
  if constexpr (std::same_as<X, Tensor>) {
    return parts.front();
  } else if constexpr (std::same_as<X, Tensors>) {
    return parts;
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return X{parts[I]...};
    }(std::make_index_sequence<std::tuple_size_v<X>>{});
  }
}

}  // namespace lumen
