// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/read.hpp>

#include <doctest/doctest.h>

#include <lumen/io/image.hpp>
#include <lumen/io/tiff.hpp>
#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("a file is told by its first bytes, whatever its name") {
  const Folder folder;
  const Tensor image = at::randint(0, 256, {3, 6, 8}).to(at::kByte);
  for (const Bytes& file : {io::encode_png(image), io::encode_tiff(image), io::encode_npy(image)}) {
    io::write_file(folder / "label.png", file);
    DOCTEST_CHECK(at::equal(io::read(folder / "label.png"), image));
  }
}

DOCTEST_TEST_CASE("anything else is refused by path") {
  const Folder folder;
  refuses_bad_paths([](const auto& path) { (void)io::read(path); }, folder);
  io::write_file(folder / "a.png", bytes("hello"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::read(folder / "a.png"); }), "a.png\": not a PNG, JPEG or BMP"));
}
