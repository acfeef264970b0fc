// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/map/concepts.hpp>

namespace lumen::map {

/// The element types that LibTorch and xtensor share here.
template <class T>
concept Element =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bool> ||
    std::same_as<T, std::uint8_t> || std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

namespace detail {

template <Element T>
[[nodiscard]] auto adapt(std::shared_ptr<const Tensor> tensor) {
  std::vector<std::size_t> shape;
  for (const std::int64_t extent : tensor->sizes()) shape.push_back(static_cast<std::size_t>(extent));
  const T* data = tensor->data_ptr<T>();
  return xt::adapt_smart_ptr<xt::layout_type::row_major>(data, shape, std::move(tensor));
}

}  // namespace detail

/// A read-only xtensor expression over a tensor's memory, which it keeps alive; copies of it share that
/// memory. Row-major, of the tensor's shape.
template <Element T>
using View = decltype(detail::adapt<T>(nullptr));

/// A tensor as an xtensor expression, without a copy where the tensor is on the CPU and contiguous: changes
/// made to the tensor later show in the view. A tensor on a device, or one that is not contiguous, is copied
/// once. The view holds the tensor's memory, not its autograd graph.
///
/// @param tensor  T is its dtype: `view(t)` is for float32, `view<double>(t)` for float64, `view<bool>(t)`
///         for masks
/// @throws Error  undefined, sparse, or of another dtype
template <Element T = float>
[[nodiscard]] View<T> view(const Tensor& tensor) {
  require(tensor.defined(), "map::view: the tensor is undefined; expected one with data");
  require(tensor.layout() == at::kStrided, [&] {
    return text("map::view: the tensor is ", tensor.layout(), "; make it dense with tensor.to_dense()");
  });
  constexpr auto expected = c10::CppTypeToScalarType<T>::value;
  require(tensor.scalar_type() == expected, [&] {
    const auto given = tensor.scalar_type();
    const auto* mend = at::isComplexType(given) ? "take at::abs(tensor) or at::real(tensor) first"
                       : given == at::kFloat    ? "write map::view<float>(tensor)"
                       : given == at::kDouble   ? "write map::view<double>(tensor)"
                       : given == at::kBool     ? "write map::view<bool>(tensor)"
                                                : "convert it with tensor.to(dtype)";
    return text("map::view: the tensor holds ", given, ", the view was asked for ", expected, "; ", mend);
  });
  return detail::adapt<T>(
      std::make_shared<const Tensor>(tensor.detach().to(at::kCPU).resolve_neg().contiguous()));
}

/// f(view) with a view of the tensor's own floating-point type, for code that takes both.
/// @return what f returns, the same type for both
/// @throws Error  neither float32 nor float64
template <class F>
auto visit(const Tensor& tensor, F&& f) {
  if (tensor.defined() && tensor.scalar_type() == at::kDouble)
    return std::forward<F>(f)(view<double>(tensor));
  return std::forward<F>(f)(view<float>(tensor));
}

/// A copy of an expression as a contiguous CPU tensor of the same shape and element type.
template <Expression E>
  requires Element<Value<E>>
[[nodiscard]] Tensor tensor(const E& expression) {
  using T = Value<E>;
  std::vector<std::int64_t> sizes;
  for (const auto extent : expression.shape()) sizes.push_back(static_cast<std::int64_t>(extent));
  Tensor out = at::empty(sizes, at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value));
  std::copy(expression.template begin<xt::layout_type::row_major>(),
            expression.template end<xt::layout_type::row_major>(), out.data_ptr<T>());
  return out;
}

}  // namespace lumen::map
