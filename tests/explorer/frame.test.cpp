// SPDX-License-Identifier: BSD-3-Clause
#include "frame.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace explorer;

DOCTEST_TEST_CASE("a frame: its header, then its arrays at multiples of four bytes") {
  Frame frame;
  frame.header["value"] = std::numeric_limits<double>::quiet_NaN();
  frame.array("mask", at::tensor({1, 0, 1}, at::kByte)).array("map", at::tensor({0.5, -2.0}, at::kDouble));
  const std::string bytes = frame.bytes();
  DOCTEST_REQUIRE(bytes.substr(0, 4) == "LMF1");
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 4, 4);
  DOCTEST_CHECK(length % 4 == 0);
  const Json header = Json::parse(bytes.substr(8, length));
  DOCTEST_CHECK(header["value"].is_null());
  DOCTEST_CHECK(header["arrays"]["mask"] == Json{{"dtype", "uint8"}, {"shape", {3}}, {"offset", 0}});
  DOCTEST_CHECK(header["arrays"]["map"] == Json{{"dtype", "float32"}, {"shape", {2}}, {"offset", 4}});
  DOCTEST_REQUIRE(bytes.size() == 8 + length + 12);
  float value = 0;
  std::memcpy(&value, bytes.data() + 8 + length + 8, 4);
  DOCTEST_CHECK(value == -2.0F);
}
