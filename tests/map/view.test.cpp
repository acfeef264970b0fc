// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/view.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::says;

DOCTEST_TEST_CASE_TEMPLATE("a view is the tensor's own memory", T, float, double, bool, std::uint8_t,
                           std::int32_t, std::int64_t) {
  at::Tensor tensor = at::arange(24, at::kLong).reshape({1, 2, 3, 4}).to(c10::CppTypeToScalarType<T>::value);
  const auto view = map::view<T>(tensor);
  DOCTEST_CHECK(view.data() == tensor.data_ptr<T>());
  DOCTEST_CHECK(map::Flat(view).values().data() == tensor.data_ptr<T>());
  DOCTEST_CHECK(map::Flat(view).shape() == std::vector<std::size_t>{1, 2, 3, 4});
  DOCTEST_CHECK(view(0, 1, 0, 2) == static_cast<T>(14));
  tensor.zero_();
  DOCTEST_CHECK(view(0, 1, 0, 2) == T{0});
  static_assert(!std::is_assignable_v<decltype(view(0, 0, 0, 0)), T>, "views are read-only");
}

DOCTEST_TEST_CASE("a view outlives its tensor, and so does its copy") {
  auto copy = [] {
    at::Tensor tensor = at::full({100, 100}, 3.0F);
    const auto view = map::view(tensor);
    return view;
  }();
  const at::Tensor other = at::full({100, 100}, 4.0F);  // would take freed memory
  DOCTEST_CHECK(xt::sum(copy)() == 30000.0F);
  const auto moved = std::move(copy);
  DOCTEST_CHECK(moved(99, 99) == 3.0F);
}

DOCTEST_TEST_CASE("a view holds neither graph nor copy of a tensor that needs gradients") {
  const at::Tensor leaf = at::ones({3}).requires_grad_(true);
  const at::Tensor result = leaf * 2;
  const auto view = map::view(result);
  DOCTEST_CHECK(view.data() == result.data_ptr<float>());
  DOCTEST_CHECK(view(1) == 2.0F);
}

DOCTEST_TEST_CASE("tensors that are not contiguous are copied in order") {
  const at::Tensor tensor = at::arange(6, at::kFloat).reshape({2, 3});
  const auto transposed = map::view(tensor.t());
  DOCTEST_CHECK(map::Flat(transposed).shape() == std::vector<std::size_t>{3, 2});
  DOCTEST_CHECK(transposed(2, 0) == 2.0F);
  DOCTEST_CHECK(map::view(tensor.select(1, 1))(1) == 4.0F);
  DOCTEST_CHECK(map::view(tensor.narrow(0, 1, 1)).data() == tensor.data_ptr<float>() + 3);
  DOCTEST_CHECK(map::view(at::ones({1}).expand({4}))(3) == 1.0F);
}

DOCTEST_TEST_CASE("no axes and no elements") {
  DOCTEST_CHECK(map::view(at::tensor(5.0F))() == 5.0F);
  DOCTEST_CHECK(map::view(at::empty({0, 3})).size() == 0);
}

DOCTEST_TEST_CASE("expressions work on views") {
  //! [view]
  const at::Tensor why = at::tensor({1.0F, -2.0F, 3.0F, -4.0F}).reshape({1, 1, 2, 2});
  const auto map = lumen::map::view(why);                       // no copy: the tensor's own memory
  const float loudest = xt::amax(xt::abs(map))();               // any xtensor expression works on it
  const at::Tensor halved = lumen::map::tensor(map / loudest);  // and the way back
  //! [view]
  DOCTEST_CHECK(loudest == 4.0F);
  DOCTEST_CHECK(at::equal(halved, why / 4));
}

DOCTEST_TEST_CASE_TEMPLATE("tensor copies any expression", T, float, double, bool, std::int64_t) {
  xt::xtensor<T, 2> a{{T(1), T(0), T(1)}, {T(0), T(0), T(1)}};
  const at::Tensor whole = map::tensor(a);
  DOCTEST_CHECK((whole.scalar_type() == c10::CppTypeToScalarType<T>::value));
  DOCTEST_CHECK(whole.sizes() == at::IntArrayRef{2, 3});
  DOCTEST_CHECK(whole.data_ptr<T>() != a.data());
  DOCTEST_CHECK(lumen::testing::same(map::view<T>(whole), a));
  DOCTEST_CHECK(at::equal(map::tensor(xt::transpose(a)), whole.t()));
  DOCTEST_CHECK(at::equal(map::tensor(xt::view(a, xt::all(), 2)), whole.select(1, 2)));
  const xt::xtensor<T, 2, xt::layout_type::column_major> columns = a;
  DOCTEST_CHECK(at::equal(map::tensor(columns), whole));
  DOCTEST_CHECK(map::tensor(xt::xarray<T>(T(1))).dim() == 0);
}

DOCTEST_TEST_CASE("visit views either precision") {
  const auto size = [](const auto& view) { return sizeof(view(0)); };
  DOCTEST_CHECK(map::visit(at::ones({2}), size) == 4);
  DOCTEST_CHECK(map::visit(at::ones({2}, at::kDouble), size) == 8);
  DOCTEST_CHECK(says(error_of([&] { map::visit(at::ones({2}, at::kHalf), size); }), "tensor.to(dtype)"));
  DOCTEST_CHECK(says(error_of([&] { map::visit(at::Tensor(), size); }), "undefined"));
}

DOCTEST_TEST_CASE("what cannot be viewed says why and how to mend it") {
  const auto message = [](const at::Tensor& tensor) {
    return error_of([&] { static_cast<void>(map::view(tensor)); });
  };
  DOCTEST_CHECK(says(message(at::Tensor()), "map::view: the tensor is undefined"));
  DOCTEST_CHECK(says(message(at::ones({2}, at::kDouble)), "holds Double, the view was asked for Float"));
  DOCTEST_CHECK(says(message(at::ones({2}, at::kDouble)), "write map::view<double>(tensor)"));
  DOCTEST_CHECK(says(message(at::ones({2}, at::kBool)), "write map::view<bool>(tensor)"));
  DOCTEST_CHECK(says(message(at::ones({2}, at::kBFloat16)), "convert it with tensor.to(dtype)"));
  DOCTEST_CHECK(says(message(at::ones({2}, at::kComplexFloat)), "at::abs(tensor) or at::real(tensor)"));
  DOCTEST_CHECK(says(message(at::ones({2, 2}).to_sparse()), "tensor.to_dense()"));
  DOCTEST_CHECK(says(error_of([] { static_cast<void>(map::view<double>(at::ones({2}))); }),
                     "write map::view<float>(tensor)"));
}
