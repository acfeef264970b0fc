// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/raster_tensor.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("a tensor goes to a raster and back for every type that is kept") {
  for (const auto type :
       {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kFloat, at::kDouble}) {
    const Tensor image = at::arange(24).reshape({2, 3, 4}).to(type);
    DOCTEST_CHECK(at::equal(io::to_tensor(io::to_raster(image)), image));
    DOCTEST_CHECK((io::to_tensor(io::to_raster(image)).scalar_type() == type));
  }
}

DOCTEST_TEST_CASE("a raster is [C, H, W] in C order, also of a transposed tensor") {
  const Tensor image = at::arange(6, at::kByte).reshape({3, 2}).t();
  const io::Raster raster = io::to_raster(image);
  DOCTEST_CHECK(raster.channels == 1);
  DOCTEST_CHECK(raster.height == 2);
  DOCTEST_CHECK(raster.width == 3);
  DOCTEST_CHECK(raster.bytes == Bytes{0, 2, 4, 1, 3, 5});
}

DOCTEST_TEST_CASE("unsigned 16- and 32-bit samples keep their values in wider tensors") {
  const Tensor sixteen = at::tensor({0, 1, 32768, 65535}, at::kInt).reshape({1, 2, 2});
  const Tensor back = io::to_tensor(io::to_raster(sixteen, io::Sample::U16));
  DOCTEST_CHECK((back.scalar_type() == at::kInt));
  DOCTEST_CHECK(at::equal(back, sixteen));
  const Tensor thirty_two =
      at::tensor({std::int64_t{0}, std::int64_t{4294967295}}, at::kLong).reshape({1, 1, 2});
  const Tensor wide = io::to_tensor(io::to_raster(thirty_two, io::Sample::U32));
  DOCTEST_CHECK((wide.scalar_type() == at::kLong));
  DOCTEST_CHECK(at::equal(wide, thirty_two));
}

DOCTEST_TEST_CASE("what cannot be stored is refused") {
  const auto refused = [](const Tensor& t, std::optional<io::Sample> store = std::nullopt) {
    return message_of([&] { (void)io::to_raster(t, store); });
  };
  DOCTEST_CHECK(holds(refused(Tensor()), "undefined"));
  DOCTEST_CHECK(holds(refused(at::zeros({1, 1, 2, 2})), "pick one sample"));
  DOCTEST_CHECK(holds(refused(at::zeros({1, 0, 2})), "empty"));
  DOCTEST_CHECK(holds(refused(at::zeros({1, 2, 2}, at::kComplexFloat)), "convert it first"));
  DOCTEST_CHECK(holds(refused(at::full({2, 2}, 65536, at::kInt), io::Sample::U16),
                      "holds 65536; clamp it to 0..65535"));
  DOCTEST_CHECK(holds(refused(at::full({2, 2}, -1, at::kLong), io::Sample::U32), "holds -1"));
  DOCTEST_CHECK(holds(refused(at::zeros({2, 2}), io::Sample::U16), "not stored as uint16"));
}
