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

/// A part of an input that the model is given as it is: token ids, a mask, lengths. It is not explained, so it may be
/// of any type; rows of it follow the samples, no baseline or noise touches it, and its place in a map is undefined.
/// Captum calls such parts additional_forward_args.
struct Held {
  Tensor value{};
};

/// `std::tuple{image, held(mask)}`
[[nodiscard]] inline Held held(Tensor value) { return {std::move(value)}; }

/// Parts whose number is only known at run time, with those that are held marked.
struct Inputs {
  Tensors parts{};
  std::vector<bool> held{};  ///< for each part; empty: none is

  [[nodiscard]] bool holds(std::size_t part) const { return part < held.size() && held[part]; }
};

namespace detail {

template <class P>
concept Part = std::same_as<P, Tensor> || std::same_as<P, Held>;
template <class X>
inline constexpr bool is_tensor_tuple = false;
template <class... Parts>
inline constexpr bool is_tensor_tuple<std::tuple<Parts...>> =
    (Part<Parts> && ...) && (std::same_as<Parts, Tensor> || ...);

inline const Tensor& plain(const Tensor& part) { return part; }
inline const Tensor& plain(const Held& part) { return part.value; }

/// What is not floating point is never explained: so a held part travels as its bits, in a type that is not.
inline Tensor carried(const Tensor& part) {
  if (!part.defined() || part.is_complex()) return part;
  if (part.scalar_type() == at::kBool) return part.view(at::kByte);
  if (!at::isFloatingType(part.scalar_type())) return part;
  switch (part.element_size()) {
    case 1:
      return part.detach().view(at::kChar);
    case 2:
      return part.detach().view(at::kShort);
    case 4:
      return part.detach().view(at::kInt);
    default:
      return part.detach().view(at::kLong);
  }
}
inline Tensor carried(const Held& part) { return carried(part.value); }
inline Tensor travelling(const Tensor& part) { return part; }
inline Tensor travelling(const Held& part) { return carried(part.value); }

/// The inverse of `carried`, for a part like `like`.
inline Tensor restored(const Tensor& part, const Tensor& like) {
  return part.defined() && part.scalar_type() != like.scalar_type() ? part.view(like.scalar_type()) : part;
}

}  // namespace detail

/// What a model is explained on: a tensor, or for a model of several inputs a tuple of tensors, some of them held, or
/// `Tensors` or `Inputs` where their number is only known at run time. Dimension 0 of every part is the batch, of the
/// same size N.
template <class X>
concept Input = std::same_as<X, Tensor> || std::same_as<X, Tensors> || std::same_as<X, Inputs> ||
                detail::is_tensor_tuple<X>;

/// The parts of `x` in order, as methods work on them: held ones are of a type that is not floating point.
inline Tensors parts_of(const Tensor& x) { return {x}; }
inline Tensors parts_of(const Tensors& x) { return x; }
inline Tensors parts_of(const Inputs& x) {
  Tensors parts = x.parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (x.holds(i)) parts[i] = detail::carried(parts[i]);
  }
  return parts;
}

template <class... Parts>
  requires detail::is_tensor_tuple<std::tuple<Parts...>>
Tensors parts_of(const std::tuple<Parts...>& x) {
  return std::apply([](const auto&... part) { return Tensors{detail::travelling(part)...}; }, x);
}

/// Which parts of `x` are held; empty where none can be.
inline std::vector<bool> held_parts(const Tensor&) { return {}; }
inline std::vector<bool> held_parts(const Tensors&) { return {}; }
inline std::vector<bool> held_parts(const Inputs& x) { return x.held; }

template <class... Parts>
  requires detail::is_tensor_tuple<std::tuple<Parts...>>
std::vector<bool> held_parts(const std::tuple<Parts...>&) {
  return {std::same_as<Parts, Held>...};
}

namespace detail {

template <class P>
P part_of_map(const Tensor& part) {
  if constexpr (std::same_as<P, Held>) {
    return {};
  } else {
    return part;
  }
}
template <class P>
P part_like(const Tensor& part, const P& like) {
  if constexpr (std::same_as<P, Held>) {
    return {restored(part, like.value)};
  } else {
    return part;
  }
}

}  // namespace detail

/// The value of type X with these parts; the inverse of `parts_of` but for held parts, which are left undefined: what
/// a map is.
template <Input X>
X input_of(const Tensors& parts) {
  if constexpr (std::same_as<X, Tensor>) {
    return parts.front();
  } else if constexpr (std::same_as<X, Tensors>) {
    return parts;
  } else if constexpr (std::same_as<X, Inputs>) {
    return {parts, {}};
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return X{detail::part_of_map<std::tuple_element_t<I, X>>(parts[I])...};
    }(std::make_index_sequence<std::tuple_size_v<X>>{});
  }
}

/// The input like `x` with these parts, held ones included: what a model is given.
template <Input X>
X input_like(const X& x, const Tensors& parts) {
  if constexpr (std::same_as<X, Tensor> || std::same_as<X, Tensors>) {
    return input_of<X>(parts);
  } else if constexpr (std::same_as<X, Inputs>) {
    Inputs result{parts, x.held};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (x.holds(i)) result.parts[i] = detail::restored(parts[i], x.parts[i]);
    }
    return result;
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return X{detail::part_like(parts[I], std::get<I>(x))...};
    }(std::make_index_sequence<std::tuple_size_v<X>>{});
  }
}

}  // namespace lumen
