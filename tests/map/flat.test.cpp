// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/flat.hpp>

#include <doctest/doctest.h>

namespace map = lumen::map;

DOCTEST_TEST_CASE("row-major containers are read in place") {
  const xt::xtensor<float, 2> a{{1, 2, 3}, {4, 5, 6}};
  const map::Flat flat(a);
  DOCTEST_CHECK(flat.values().data() == a.data());
  DOCTEST_CHECK(flat.shape() == std::vector<std::size_t>{2, 3});
  DOCTEST_CHECK(flat[4] == 5.0F);
}

DOCTEST_TEST_CASE("everything else is read in row-major order") {
  xt::xtensor<float, 2> a{{1, 2, 3}, {4, 5, 6}};
  const auto elements = [](const auto& expression) {
    const map::Flat flat(expression);
    return std::vector<double>(flat.values().begin(), flat.values().end());
  };
  DOCTEST_CHECK(elements(xt::view(a, xt::all(), 1)) == std::vector<double>{2, 5});
  DOCTEST_CHECK(elements(xt::view(a, 1)) == std::vector<double>{4, 5, 6});
  DOCTEST_CHECK(elements(xt::view(a, xt::all(), xt::range(0, 3, 2))) == std::vector<double>{1, 3, 4, 6});
  DOCTEST_CHECK(elements(-a) == std::vector<double>{-1, -2, -3, -4, -5, -6});
  DOCTEST_CHECK(elements(xt::transpose(a)) == std::vector<double>{1, 4, 2, 5, 3, 6});
  const xt::xarray<float, xt::layout_type::column_major> columns = a;
  DOCTEST_CHECK(elements(columns) == std::vector<double>{1, 2, 3, 4, 5, 6});
  const xt::xarray<float, xt::layout_type::dynamic> dynamic(std::vector<std::size_t>{2, 2}, 7.0F,
                                                            xt::layout_type::column_major);
  DOCTEST_CHECK(elements(dynamic) == std::vector<double>{7, 7, 7, 7});
}

DOCTEST_TEST_CASE("no axes and no elements") {
  DOCTEST_CHECK(map::Flat(xt::xarray<float>(3.0F)).size() == 1);
  const auto nothing = xt::xarray<float>::from_shape({2, 0, 3});
  DOCTEST_CHECK(map::Flat(nothing).size() == 0);
  DOCTEST_CHECK(map::Flat(nothing).shape() == std::vector<std::size_t>{2, 0, 3});
}

DOCTEST_TEST_CASE("filled and transform make arrays of the given shape") {
  const auto sevens = map::filled<int>({2, 3}, 7);
  DOCTEST_CHECK(sevens.size() == 6);
  DOCTEST_CHECK(sevens(1, 2) == 7);
  const auto halves = map::transform<double>(map::Flat(sevens), [](int x) { return x / 2.0; });
  DOCTEST_CHECK(halves.dimension() == 2);
  DOCTEST_CHECK(halves(0, 1) == 3.5);
}
