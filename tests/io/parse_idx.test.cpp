// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/parse_idx.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("an array of bytes, and only what fills its file") {
  const Bytes good = bytes(
      "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"
      "abcdef");
  const auto array = io::parse_idx(good);
  DOCTEST_CHECK(array.shape == std::vector<std::int64_t>{2, 3});
  DOCTEST_CHECK(array.elements.size() == 6);
  DOCTEST_CHECK(array.elements.data() == good.data() + 12);
  const auto refusal = [](const Bytes& file) { return message_of([&] { (void)io::parse_idx(file); }); };
  for (std::size_t length = 0; length < good.size(); ++length)
    DOCTEST_CHECK(!refusal(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length))).empty());
  DOCTEST_CHECK(holds(refusal(bytes("\x1f\x8b\x08\x00")), "not an IDX file"));
  DOCTEST_CHECK(holds(refusal(bytes("\0\0\x0D\x01\0\0\0\x01"
                                    "abcd")),
                      "type 13 is not supported"));
  DOCTEST_CHECK(holds(refusal(bytes("\0\0\x08\x00"
                                    "a")),
                      "0 axes"));
  DOCTEST_CHECK(holds(refusal(bytes("\0\0\x08\x05"
                                    "a")),
                      "5 axes"));
  DOCTEST_CHECK(holds(refusal(bytes("\0\0\x08\x01\0\0\0\x01"
                                    "ab")),
                      "1 elements are announced and 2 follow"));
  DOCTEST_CHECK(holds(refusal(bytes("\0\0\x08\x01\0\0\0\0")), "announces 0 along axis 0"));
  DOCTEST_CHECK(
      holds(refusal(bytes("\0\0\x08\x04\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                          "a")),
            "announces 4294967295 along axis 0"));
  DOCTEST_CHECK(holds(refusal(bytes("\0\0\x08\x02\0\0\0\x02\x80\0\0\x01"
                                    "abcd")),
                      "announces 2147483649 along axis 1"));
}
