// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/npy.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("a tensor survives a file") {
  const Folder folder;
  const std::filesystem::path path = folder / "map.npy";
  //! [npy]
  const lumen::Tensor map = at::rand({1, 2, 5, 7});
  lumen::io::write_npy(path, map);  // numpy.load(path) reads it
  const lumen::Tensor back = lumen::io::read_npy(path);
  //! [npy]
  DOCTEST_CHECK(at::equal(back, map));
}

DOCTEST_TEST_CASE("every type and shape goes round") {
  for (const auto type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
                          at::kFloat, at::kDouble}) {
    const Tensor all = at::arange(24).remainder(3).reshape({2, 3, 4}).to(type);
    for (const Tensor& t : {all, all[0], all[0][1], all[0][0][1], all.transpose(0, 2), all.narrow(1, 0, 0)}) {
      const Tensor back = io::decode_npy(io::encode_npy(t));
      DOCTEST_CHECK((back.scalar_type() == type));
      DOCTEST_CHECK((back.sizes() == t.sizes()));
      DOCTEST_CHECK(at::equal(back, t));
    }
  }
}

DOCTEST_TEST_CASE("the bytes are those that numpy.save writes") {
  // numpy.save(f, numpy.array([[1, 2]], numpy.int16)), numpy 2.4
  Bytes expected =
      bytes("\x93NUMPY\x01\x00\x76\x00{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }");
  expected.resize(127, ' ');
  for (const int byte : {10, 1, 0, 2, 0}) expected.push_back(static_cast<std::uint8_t>(byte));
  DOCTEST_CHECK(io::encode_npy(at::tensor({1, 2}, at::kShort).reshape({1, 2})) == expected);
  DOCTEST_CHECK(io::encode_npy(at::zeros({3})).size() == 128 + 12);
  const Bytes single = io::encode_npy(at::zeros({3}, at::kByte));
  DOCTEST_CHECK(
      holds(std::string(single.begin(), single.end()), "{'descr': '|u1', "));  // one byte has no order
}

DOCTEST_TEST_CASE("uint16 widens to int32") {
  Bytes file = bytes("\x93NUMPY\x01\x00\x3a\x00{'descr': '>u2', 'fortran_order': False, 'shape': (2,)  }\n");
  file[8] = static_cast<std::uint8_t>(file.size() - 10);
  for (const int byte : {255, 255, 1, 2}) file.push_back(static_cast<std::uint8_t>(byte));
  DOCTEST_CHECK(at::equal(io::decode_npy(file), at::tensor({65535, 258}, at::kInt)));
}

DOCTEST_TEST_CASE("bad files are refused by path, at every length") {
  const Folder folder;
  refuses_bad_paths([](const auto& path) { (void)io::read_npy(path); }, folder);
  const Bytes whole = io::encode_npy(at::rand({3, 3}));
  for (std::size_t length = 1; length < whole.size(); length += 7) {
    io::write_file(folder / "cut.npy", std::span(whole).first(length));
    DOCTEST_CHECK(holds(message_of([&] { (void)io::read_npy(folder / "cut.npy"); }), "cut.npy\": "));
  }
  DOCTEST_CHECK(holds(message_of([&] { io::write_npy(folder / "x.npy", Tensor()); }), "undefined"));
  DOCTEST_CHECK(holds(message_of([&] { io::write_npy(folder / "x.npy", at::zeros({1}, at::kComplexFloat)); }),
                      "cannot write a tensor of type"));
}
