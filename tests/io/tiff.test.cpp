// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/tiff.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"
#include "support/shared.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("an image survives a file") {
  const Folder folder;
  const std::filesystem::path path = folder / "depth.tif";
  //! [tiff]
  const lumen::Tensor depth = at::rand({1, 40, 50});
  lumen::io::write_tiff(path, depth);                     // float32, Deflate, strips
  const lumen::Tensor back = lumen::io::read_tiff(path);  // the same
  const lumen::Tensor counts = (depth * 65535).to(at::kInt);
  lumen::io::write_tiff(path, counts, {.sample = lumen::io::Sample::U16});
  //! [tiff]
  DOCTEST_CHECK(at::equal(back, depth));
  DOCTEST_CHECK(at::equal(io::read_tiff(path), counts));
}

DOCTEST_TEST_CASE("every type, channel count, packing and arrangement goes round") {
  const Folder folder;
  for (const auto type :
       {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kFloat, at::kDouble})
    for (const std::int64_t channels : {1, 2, 3, 4, 7}) {
      const Tensor image = (at::rand({channels, 37, 45}) * 120).to(type);
      for (const auto packing :
           {io::TiffCompression::None, io::TiffCompression::Lzw, io::TiffCompression::Deflate})
        for (const std::int64_t tile : {0, 16})
          for (const bool planes : {false, true}) {
            const io::TiffOptions options{.compression = packing, .tile = tile, .planes = planes};
            const Tensor back = to_tensor(io::decode_tiff(io::encode_tiff(image, options)));
            DOCTEST_CHECK((back.scalar_type() == type));
            DOCTEST_CHECK(at::equal(back, image));
          }
    }
}

DOCTEST_TEST_CASE("unsigned 16 and 32 bits hold their extremes; a mask is black and white") {
  const Tensor sixteen = at::tensor({0, 65535}, at::kInt).reshape({1, 1, 2});
  const Tensor back = to_tensor(io::decode_tiff(io::encode_tiff(sixteen, {.sample = io::Sample::U16})));
  DOCTEST_CHECK(at::equal(back, sixteen));
  const Tensor wide = at::tensor({std::int64_t{0}, std::int64_t{4294967295}}, at::kLong).reshape({1, 1, 2});
  DOCTEST_CHECK(at::equal(to_tensor(io::decode_tiff(io::encode_tiff(wide))), wide));
  const Tensor mask = at::rand({4, 5}) > 0.5;
  DOCTEST_CHECK(
      at::equal(to_tensor(io::decode_tiff(io::encode_tiff(mask))), mask.to(at::kByte).unsqueeze(0) * 255));
}

DOCTEST_TEST_CASE("bad files, tensors and options are refused by path") {
  const Folder folder;
  refuses_bad_paths([](const auto& path) { (void)io::read_tiff(path); }, folder);
  io::write_file(folder / "text.tif", bytes("hello"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::read_tiff(folder / "text.tif"); }), "text.tif\": not a TIFF"));
  const auto refused = [&](const Tensor& t, const io::TiffOptions& options) {
    return message_of([&] { io::write_tiff(folder / "x.tif", t, options); });
  };
  DOCTEST_CHECK(holds(refused(at::zeros({2, 2}), {.tile = 10}), "multiple of 16"));
  DOCTEST_CHECK(holds(refused(Tensor(), {}), "undefined"));
  DOCTEST_CHECK(holds(refused(at::zeros({2, 2}, at::kComplexFloat), {}), "cannot write a tensor of type"));
  DOCTEST_CHECK(holds(refused(at::full({2, 2}, -1, at::kInt), {.sample = io::Sample::U16}), "holds -1"));
  DOCTEST_CHECK(holds(refused(at::full({2, 2}, -1, at::kLong), {}), "holds -1"));
}

DOCTEST_TEST_CASE("a micrograph of VessMAP") {
  const auto path = shared("data/vessmap/images/10084.tiff");
  if (!path) return;
  const Tensor image = io::read_tiff(*path);
  DOCTEST_CHECK((image.sizes() == at::IntArrayRef({1, 256, 256})));
  DOCTEST_CHECK((image.scalar_type() == at::kByte));
  DOCTEST_CHECK(image.to(at::kFloat).std().item<double>() > 1.0);
}
