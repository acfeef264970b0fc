// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <type_traits>

#include <lumen/map/xtensor.hpp>

namespace lumen::map {

/// The type of an expression's elements.
template <class E>
using Value = std::remove_cv_t<typename std::remove_cvref_t<E>::value_type>;

/// An xtensor expression over numbers: container, adaptor, slice, or lazy arithmetic.
template <class E>
concept Expression = xt::is_xexpression<std::remove_cvref_t<E>>::value && std::is_arithmetic_v<Value<E>>;

/// An attribution map: an expression over floating-point numbers. Integers are refused, since a map that lost
/// its fractions is a mistake; `xt::cast<double>(e)` says that it is none.
template <class E>
concept Map = Expression<E> && std::floating_point<Value<E>>;

/// A mask: an expression over bool or integers, where everything but 0 is inside. Floating-point numbers are
/// refused, since a map becomes a mask by a threshold, which is the caller's choice (map/threshold.hpp).
template <class E>
concept Mask = Expression<E> && std::integral<Value<E>>;

/// What functions on maps return: it owns its elements, row-major, of the shape of the argument.
template <class T>
using Array = xt::xarray<T, xt::layout_type::row_major>;

}  // namespace lumen::map
