// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/parse_zip.hpp>

#include <doctest/doctest.h>

#include "io/weights_bytes.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

std::string refusal(const std::string& file) {
  return message_of([&] { (void)io::parse_zip(to_bytes(file)); });
}

const std::string whole = zip({{"a/x", "hello"}, {"a/y", ""}, {"a/zz", "!"}});
const std::size_t directory = whole.find("PK\x01\x02");
const std::size_t end = whole.size() - 22;

std::string with(std::size_t at, const std::string& bytes) {
  std::string file = whole;
  return file.replace(at, bytes.size(), bytes);
}

}  // namespace

DOCTEST_TEST_CASE("the records are views into the file, in the order of the directory") {
  const Bytes file = to_bytes(whole);
  const auto records = io::parse_zip(file);
  DOCTEST_REQUIRE(records.size() == 3);
  DOCTEST_CHECK(records[0].name == "a/x");
  DOCTEST_CHECK(std::string(records[0].bytes.begin(), records[0].bytes.end()) == "hello");
  DOCTEST_CHECK(records[1].bytes.empty());
  DOCTEST_CHECK(records[2].name == "a/zz");
  DOCTEST_CHECK(records[2].bytes.data() > file.data());
  DOCTEST_CHECK(records[2].bytes.data() < file.data() + file.size());
  DOCTEST_CHECK(!records[0].compressed);
  DOCTEST_CHECK(io::parse_zip(to_bytes(with(directory + 10, le(8, 2))))[0].compressed);
  DOCTEST_CHECK(io::parse_zip(to_bytes(zip({}))).empty());
}

DOCTEST_TEST_CASE("a damaged archive is refused, at every length and for every lie") {
  for (std::size_t length = 0; length < whole.size(); ++length)
    DOCTEST_CHECK(!refusal(whole.substr(0, length)).empty());
  DOCTEST_CHECK(holds(refusal("PK"), "does not end with a directory"));
  DOCTEST_CHECK(holds(refusal(whole + "x"), "does not end with a directory"));
  struct Case {
    std::string file, part;
  };
  const Case cases[] = {
      {with(directory + 20, le(4, 4)), "'a/x' is stored in 4 bytes and has 5"},
      {with(directory + 10, le(8, 2) + le(0, 8) + le(~0u, 4)), "'a/x' claims 4294967295 bytes"},
      {with(directory + 8, le(1, 2)), "the record 'a/x' is encrypted"},
      {with(directory + 20, le(0xFFFFFFFE, 4) + le(0xFFFFFFFE, 4)), "'a/x' claims 4294967294 bytes"},
      {with(directory + 20, le(0xFFFFFFFF, 4) + le(0xFFFFFFFF, 4)), "'a/x' claims 4294967295 bytes"},
      {with(directory + 42, le(0x7FFFFFFF, 4)), "'a/x' is not where the directory says"},
      {with(directory + 42, le(1, 4)), "'a/x' is not where the directory says"},
      {with(directory + 28, le(9999, 2)), "truncated"},
      {with(directory, "JUNK"), "its directory is broken"},
      {with(directory + 46, "b"), "'b/x' has two names"},
      {with(26, le(60000, 2)), "truncated"},
      {with(28, le(60000, 2)), "claims 5 bytes"},
      {with(end + 4, le(1, 2)), "several parts"},
      {with(end + 8, le(2, 2)), "several parts"},
      {with(end + 8, le(2, 2) + le(2, 2)), "another length than it says"},
      {with(end + 8, le(999, 2) + le(999, 2)), "not where it says"},
      {with(end + 12, le(0xFFFFFFFF, 4)), "not where it says"},
      {with(end + 16, le(0xFFFFFFFF, 4)), "not where it says"},
      {zip({{"a/x", "1"}, {"a/x", "2"}}), "two records 'a/x'"},
  };
  for (const Case& c : cases) {
    DOCTEST_INFO(c.part, " <- ", refusal(c.file));
    DOCTEST_CHECK(holds(refusal(c.file), c.part));
  }
}

DOCTEST_TEST_CASE("records may not overlap") {
  // A second directory entry whose local header lies inside the first record.
  const std::string inner = zip({{"b", "12"}});
  const std::string local = inner.substr(0, inner.find("PK\x01\x02"));
  const std::string outer = zip({{"a", local}});
  const std::size_t start = outer.find("PK\x01\x02");
  std::string entry = inner.substr(local.size(), inner.size() - 22 - local.size());
  entry.replace(42, 4, le(31, 4));
  std::string both = outer.substr(0, outer.size() - 22) + entry;
  both +=
      "PK\x05\x06" + le(0, 4) + le(2, 2) + le(2, 2) + le(both.size() - start, 4) + le(start, 4) + le(0, 2);
  DOCTEST_INFO(refusal(both));
  DOCTEST_CHECK(holds(refusal(both), "records overlap"));
}

DOCTEST_TEST_CASE("the wide directory of zip64, and its lies") {
  const std::string body = whole.substr(0, end);
  const auto wide = [&](std::uint64_t records, std::uint64_t size, std::uint64_t start, std::uint64_t where) {
    return body + "PK\x06\x06" + le(44, 8) + le(30, 2) + le(45, 2) + le(0, 8) + le(records, 8) +
           le(records, 8) + le(size, 8) + le(start, 8) + "PK\x06\x07" + le(0, 4) + le(where, 8) + le(1, 4) +
           "PK\x05\x06" + le(0, 4) + le(0xFFFF, 2) + le(0xFFFF, 2) + le(0xFFFFFFFF, 4) + le(0xFFFFFFFF, 4) +
           le(0, 2);
  };
  const std::uint64_t size = end - directory;
  DOCTEST_CHECK(io::parse_zip(to_bytes(wide(3, size, directory, end))).size() == 3);
  DOCTEST_CHECK(holds(refusal(wide(3, size, directory, end + 1)), "zip64 directory is not where it says"));
  DOCTEST_CHECK(holds(refusal(wide(3, ~0ull, directory, end)), "not where it says"));
  DOCTEST_CHECK(holds(refusal(wide(3, size, ~0ull, end)), "not where it says"));
  DOCTEST_CHECK(holds(refusal(wide(~0ull, size, directory, end)), "not where it says"));

  // One record whose sizes are in the zip64 field.
  std::string file = zip({{"a", "hello"}});
  const std::size_t at = file.find("PK\x01\x02");
  std::string entry = file.substr(at, 47), field = le(1, 2) + le(16, 2) + le(5, 8) + le(5, 8);
  entry.replace(20, 8, le(~0u, 4) + le(~0u, 4)).replace(30, 2, le(field.size(), 2));
  const auto build = [&](const std::string& extra) {
    return file.substr(0, at) + entry + extra + "PK\x05\x06" + le(0, 4) + le(1, 2) + le(1, 2) +
           le(entry.size() + extra.size(), 4) + le(at, 4) + le(0, 2);
  };
  const Bytes good = to_bytes(build(field));
  DOCTEST_CHECK(io::parse_zip(good)[0].bytes.size() == 5);
  DOCTEST_CHECK(holds(refusal(build(field.replace(2, 2, le(8, 2)))), "a zip64 field is too short"));
  field.replace(2, 2, le(16, 2)).replace(4, 16, le(~0ull - 3, 8) + le(~0ull - 3, 8));
  DOCTEST_CHECK(holds(refusal(build(field)), "claims 18446744073709551612 bytes"));
}
