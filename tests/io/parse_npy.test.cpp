// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/parse_npy.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

/// A file of version 1 with this header text and these elements.
Bytes file(const std::string& header, const Bytes& elements) {
  Bytes out = bytes("\x93NUMPY\x01\x00");
  out.push_back(static_cast<std::uint8_t>(header.size() & 0xFF));
  out.push_back(static_cast<std::uint8_t>(header.size() >> 8));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), elements.begin(), elements.end());
  return out;
}

std::string refusal(const std::string& header, const Bytes& elements) {
  return message_of([&] { (void)io::parse_npy(file(header, elements)); });
}

}  // namespace

DOCTEST_TEST_CASE("a header says type, order and shape") {
  const auto header =
      io::parse_npy(file("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", Bytes(12, 0)));
  DOCTEST_CHECK(header.sample == io::Sample::I16);
  DOCTEST_CHECK(header.swapped);
  DOCTEST_CHECK(header.fortran);
  DOCTEST_CHECK(header.shape == std::vector<std::int64_t>{2, 3});
  DOCTEST_CHECK(header.count == 6);
}

DOCTEST_TEST_CASE("keys come in any order, with either quote, and a shape may have no, one or empty axes") {
  DOCTEST_CHECK(
      io::parse_npy(file("{\"shape\":(),\"descr\":\"|u1\",\"fortran_order\":False}", {9})).shape.empty());
  const auto one =
      io::parse_npy(file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", Bytes(8, 0)));
  DOCTEST_CHECK(one.shape == std::vector<std::int64_t>{1});
  const auto none = io::parse_npy(file("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 7), }", {}));
  DOCTEST_CHECK(none.count == 0);
}

DOCTEST_TEST_CASE("elements come in C order and native bytes") {
  const auto big = file("{'descr': '>u2', 'fortran_order': False, 'shape': (2,), }", {1, 2, 3, 4});
  DOCTEST_CHECK(io::npy_elements(big, io::parse_npy(big)) == Bytes{2, 1, 4, 3});
  const auto columns =
      file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", {0, 10, 1, 11, 2, 12});
  DOCTEST_CHECK(io::npy_elements(columns, io::parse_npy(columns)) == Bytes{0, 1, 2, 10, 11, 12});
  const auto cube = file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }",
                         {0, 100, 10, 110, 1, 101, 11, 111});
  DOCTEST_CHECK(io::npy_elements(cube, io::parse_npy(cube)) == Bytes{0, 1, 10, 11, 100, 101, 110, 111});
}

DOCTEST_TEST_CASE("sizes are checked against the file before anything is allocated") {
  const std::string head = "{'descr': '<f8', 'fortran_order': False, 'shape': ";
  DOCTEST_CHECK(holds(refusal(head + "(2147483648, 2147483648), }", {}), "truncated npy"));
  DOCTEST_CHECK(
      holds(refusal(head + "(9223372036854775807, 9223372036854775807), }", Bytes(8, 0)), "truncated npy"));
  DOCTEST_CHECK(holds(refusal(head + "(0, 9223372036854775807), }", {}), "npy"));
  DOCTEST_CHECK(holds(refusal(head + "(99999999999999999999,), }", {}), "whole numbers"));
  DOCTEST_CHECK(holds(refusal(head + "(-1,), }", {}), "whole numbers"));
  DOCTEST_CHECK(holds(refusal(head + "(2,), }", Bytes(15, 0)), "truncated npy"));
  DOCTEST_CHECK(holds(refusal(head + "(2,), }", Bytes(17, 0)), "bytes after its end"));
  std::string axes = "(";
  for (int i = 0; i < 33; ++i) axes += "1, ";
  DOCTEST_CHECK(holds(refusal(head + axes + ")}", Bytes(8, 0)), "at most 32 axes"));
}

DOCTEST_TEST_CASE("anything else than the format's dictionary is refused") {
  const std::string tail = ", 'fortran_order': False, 'shape': (1,), }";
  DOCTEST_CHECK(holds(refusal("{'descr': '<c8'" + tail, Bytes(8, 0)), "'<c8' are not supported"));
  DOCTEST_CHECK(holds(refusal("{'descr': '|O'" + tail, Bytes(8, 0)), "not supported"));
  DOCTEST_CHECK(holds(refusal("{'descr': [('a', '<f4')]" + tail, Bytes(4, 0)), "structured arrays"));
  DOCTEST_CHECK(holds(refusal("{'descr': '?f4'" + tail, Bytes(4, 0)), "byte order"));
  DOCTEST_CHECK(holds(refusal("{'descr': '|f4'" + tail, Bytes(4, 0)), "byte order"));
  DOCTEST_CHECK(holds(refusal("{'descr': '<f4', 'descr': '<f4'" + tail, Bytes(4, 0)), "one each"));
  DOCTEST_CHECK(holds(refusal("{'fortran_order': False, 'shape': (1,), }", {0}), "the keys"));
  DOCTEST_CHECK(holds(refusal("{'descr': '|u1'" + tail + " x", {0}), "nothing after"));
  DOCTEST_CHECK(holds(refusal("{'descr': '|u1", {0}), "closing quote"));
  DOCTEST_CHECK(holds(refusal("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", {0}), "True or False"));
  DOCTEST_CHECK(holds(refusal("", {}), "expected '{'"));
  const auto mask = file("{'descr': '|b1'" + tail, {7});
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::npy_elements(mask, io::parse_npy(mask)); }), "neither 0 nor 1"));
}

DOCTEST_TEST_CASE("magic, version and the header's length are checked") {
  const auto refused = [](const Bytes& all) { return message_of([&] { (void)io::parse_npy(all); }); };
  DOCTEST_CHECK(holds(refused(bytes("")), "not an npy file"));
  DOCTEST_CHECK(holds(refused(bytes("\x93NUMPX\x01\x00\x00\x00")), "not an npy file"));
  DOCTEST_CHECK(holds(refused(bytes("\x93NUMPY\x04\x00\x00\x00")), "version 4.0 is unknown"));
  DOCTEST_CHECK(holds(refused(bytes("\x93NUMPY\x01\x00\xff\xff{")), "header takes 65535 bytes"));
  DOCTEST_CHECK(holds(refused(bytes("\x93NUMPY\x02\x00\xff\xff\xff\xff")), "header takes 4294967295 bytes"));
}
