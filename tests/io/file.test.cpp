// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/file.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("what is written is read back") {
  const Folder folder;
  const Bytes all = {0, 255, 10, 13, 26, 0};
  io::write_file(folder / "a.bin", all);
  DOCTEST_CHECK(io::read_file(folder / "a.bin") == all);
  io::write_file(folder / "a.bin", Bytes{7});
  DOCTEST_CHECK(io::read_file(folder / "a.bin") == Bytes{7});
}

DOCTEST_TEST_CASE("paths that cannot be read or written are refused by name") {
  const Folder folder;
  refuses_bad_paths([](const auto& path) { (void)io::read_file(path); }, folder);
  io::write_file(folder / "empty", Bytes{});
  DOCTEST_CHECK(holds(message_of([&] { (void)io::read_file(folder / "empty"); }), "the file is empty"));
  DOCTEST_CHECK(holds(message_of([&] { (void)io::read_file("/dev/zero"); }), "not a regular file"));
  const std::string refused = message_of([&] { io::write_file(folder / "none/a.bin", Bytes{1}); });
  DOCTEST_CHECK(holds(refused, "none/a.bin"));
  DOCTEST_CHECK(holds(refused, "does its folder exist"));
}

DOCTEST_TEST_CASE("a file above the limit is refused before it is loaded") {
  const Folder folder;
  io::write_file(folder / "sparse", Bytes{1});
  std::filesystem::resize_file(folder / "sparse", io::max_file_bytes + 1);
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::read_file(folder / "sparse"); }), "over the limit of 2 GiB"));
}

DOCTEST_TEST_CASE("extensions are compared in lower case, and errors get the path in front") {
  DOCTEST_CHECK(io::extension("a/b.c/D.TiFF") == ".tiff");
  DOCTEST_CHECK(io::extension("a/b.c/d").empty());
  DOCTEST_CHECK(message_of([] { io::naming("x.png", [] { throw Error("bad"); }); }) == "\"x.png\": bad");
  DOCTEST_CHECK(io::naming("x.png", [] { return 3; }) == 3);
}
