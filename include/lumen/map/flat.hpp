// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <lumen/map/concepts.hpp>

namespace lumen::map {

/// An expression whose elements lie row-major and without gaps in memory.
template <class E>
concept RowMajor = Expression<E> && std::derived_from<E, xt::xcontainer<E>> &&
                   (E::static_layout == xt::layout_type::row_major);

/// The elements of an expression as one row-major span: read in place where they already lie so (containers
/// and `map::view`), evaluated once otherwise (slices, lazy arithmetic, other layouts). Must not outlive the
/// expression.
template <Expression E>
class Flat {
 public:
  using value_type = Value<E>;

  explicit Flat(const E& expression) : shape_(expression.shape().begin(), expression.shape().end()) {
    if constexpr (RowMajor<E>) {
      values_ = {expression.data(), expression.size()};
    } else {
      copy_ = expression;
      values_ = {copy_.data(), copy_.size()};
    }
  }
  Flat(const Flat&) = delete;
  Flat& operator=(const Flat&) = delete;

  [[nodiscard]] std::span<const value_type> values() const { return values_; }
  [[nodiscard]] const std::vector<std::size_t>& shape() const { return shape_; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] value_type operator[](std::size_t i) const { return values_[i]; }

 private:
  std::vector<std::size_t> shape_;
  Array<value_type> copy_;
  std::span<const value_type> values_;
};

/// An array of `value` everywhere.
template <class T>
[[nodiscard]] Array<T> filled(const std::vector<std::size_t>& shape, T value) {
  auto out = Array<T>::from_shape(shape);
  std::fill_n(out.data(), out.size(), value);
  return out;
}

/// f(element) for each element, as an array of R of the same shape.
template <class R, Expression E, class F>
[[nodiscard]] Array<R> transform(const Flat<E>& from, const F& f) {
  auto to = Array<R>::from_shape(from.shape());
  R* out = to.data();
  for (const auto value : from.values()) *out++ = f(value);
  return to;
}

}  // namespace lumen::map
