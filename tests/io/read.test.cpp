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
  for (const char* const name : {"a.png", "a.npy", "a.tif"}) {
    io::write_file(folder / name, bytes("hello"));
    const std::string said = message_of([&] { (void)io::read(folder / name); });
    DOCTEST_CHECK(holds(said, std::string(name) + "\": damaged, or no picture and no array"));
    DOCTEST_CHECK(holds(said, "though its name ends in " + std::string(name).substr(1)));
    DOCTEST_CHECK_FALSE(holds(said, "not a PNG"));
  }
  io::write_file(folder / "none.npy", Bytes{});
  DOCTEST_CHECK(holds(message_of([&] { (void)io::read(folder / "none.npy"); }), "the file is empty"));
}

DOCTEST_TEST_CASE("formats that are not read are named, with what to do") {
  const Folder folder;
  const auto refusal = [&](const std::string& name, const std::string& bytes) {
    io::write_file(folder / name, Bytes(bytes.begin(), bytes.end()));
    return message_of([&] { (void)io::read(folder / name); });
  };
  using namespace std::string_literals;
  DOCTEST_CHECK(holds(refusal("a.webp", "RIFF\1\2\3\4WEBPVP8 "), "a WebP image: convert it to PNG"));
  DOCTEST_CHECK(holds(refusal("a.npz", "PK\3\4 and more"), "an npz of several arrays"));
  DOCTEST_CHECK(holds(refusal("a.npz", "PK\3\4 and more"), "numpy.load(\"x.npz\")"));
  DOCTEST_CHECK(holds(refusal("a.heic", "\0\0\0\1ftypheic"s), "a HEIF image"));
  DOCTEST_CHECK(holds(refusal("a.gif", "GIF89a"), "a GIF image"));
}

DOCTEST_TEST_CASE("how the values are stored: what the tensor's type does not tell") {
  const Tensor image = at::randint(0, 256, {4, 6, 8}).to(at::kByte), wide = image.to(at::kInt);
  const io::StoredValues png = io::decode_stored(io::encode_png(image));
  DOCTEST_CHECK((png.sample == io::Sample::U8));
  DOCTEST_CHECK(png.alpha);
  DOCTEST_CHECK(png.image);
  const io::StoredValues tiff = io::decode_stored(io::encode_tiff(wide, {.sample = io::Sample::U16}));
  DOCTEST_CHECK((tiff.sample == io::Sample::U16));
  DOCTEST_CHECK((tiff.values.scalar_type() == at::kInt));
  DOCTEST_CHECK_FALSE(tiff.alpha);  // four channels, of which none is said to be opacity
  const io::StoredValues npy = io::decode_stored(io::encode_npy(wide));
  DOCTEST_CHECK((npy.sample == io::Sample::I32));
  DOCTEST_CHECK_FALSE(npy.image);
}
