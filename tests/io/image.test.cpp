// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/image.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("an image survives a file") {
  const Folder folder;
  const std::filesystem::path path = folder / "cells.png";
  const Tensor pixels = at::randint(0, 256, {3, 20, 30}).to(at::kByte);
  //! [image]
  lumen::io::write_image(path, pixels);                             // [C, H, W], uint8
  const lumen::Tensor image = lumen::io::read_image(path);          // the same
  const lumen::Tensor x = lumen::io::to_float(image).unsqueeze(0);  // [1, C, H, W], float32 in [0, 1]
  //! [image]
  DOCTEST_CHECK(at::equal(image, pixels));
  DOCTEST_CHECK(at::allclose(x[0], pixels.to(at::kFloat) / 255));
}

DOCTEST_TEST_CASE("PNG keeps 1 to 4 channels of 8 and 16 bits, and masks as black and white") {
  const Folder folder;
  for (std::int64_t channels = 1; channels <= 4; ++channels) {
    const Tensor eight = at::randint(0, 256, {channels, 7, 9}).to(at::kByte);
    io::write_image(folder / "a.png", eight);
    DOCTEST_CHECK(at::equal(io::read_image(folder / "a.png"), eight));
    const Tensor sixteen = at::randint(0, 65536, {channels, 7, 9}).to(at::kInt);
    io::write_image(folder / "b.PNG", sixteen);
    DOCTEST_CHECK(at::equal(io::read_image(folder / "b.PNG"), sixteen));
  }
  const Tensor mask = at::rand({5, 6}) > 0.5;
  io::write_image(folder / "m.png", mask);
  DOCTEST_CHECK(at::equal(io::read_image(folder / "m.png"), mask.to(at::kByte).unsqueeze(0) * 255));
}

DOCTEST_TEST_CASE("BMP keeps RGB, JPEG comes close") {
  const Folder folder;
  const Tensor rgb = at::randint(0, 256, {3, 7, 9}).to(at::kByte);
  io::write_image(folder / "a.bmp", rgb);
  DOCTEST_CHECK(at::equal(io::read_image(folder / "a.bmp"), rgb));
  const Tensor smooth = at::linspace(0, 255, 64 * 64).reshape({1, 64, 64}).to(at::kByte);
  io::write_image(folder / "a.jpg", smooth, 95);
  const Tensor back = io::read_image(folder / "a.jpg").to(at::kInt);
  DOCTEST_CHECK((back.narrow(0, 0, 1) - smooth.to(at::kInt)).abs().max().item<int>() <= 4);
}

DOCTEST_TEST_CASE("bad files and tensors are refused by path") {
  const Folder folder;
  refuses_bad_paths([](const auto& path) { (void)io::read_image(path); }, folder);
  io::write_file(folder / "text.png", bytes("hello"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::read_image(folder / "text.png"); }), "text.png\": not a PNG"));
  const auto refused = [&](std::string_view name, const Tensor& t) {
    return message_of([&] { io::write_image(folder / name, t); });
  };
  const Tensor byte = at::zeros({3, 2, 2}, at::kByte);
  DOCTEST_CHECK(holds(refused("a.gif", byte), "written as .png, .jpg or .bmp"));
  DOCTEST_CHECK(holds(refused("a.png", at::zeros({3, 2, 2})), "to_byte first"));
  DOCTEST_CHECK(holds(refused("a.png", at::zeros({3, 2, 2}, at::kLong)), "uint8, bool or int32"));
  DOCTEST_CHECK(holds(refused("a.png", at::zeros({5, 2, 2}, at::kByte)), "1 to 4 channels"));
  DOCTEST_CHECK(holds(refused("a.jpg", at::zeros({4, 2, 2}, at::kByte)), "4 channels as .jpg"));
  DOCTEST_CHECK(holds(refused("a.jpg", at::zeros({3, 2, 2}, at::kInt)), "hold bytes"));
  DOCTEST_CHECK(holds(refused("none/a.png", byte), "does its folder exist"));
}

DOCTEST_TEST_CASE("floats and bytes: black, white, the middle, and what has no answer") {
  DOCTEST_CHECK(at::equal(io::to_byte(at::tensor({-1.0f, 0.0f, 0.5f, 1.0f, 2.0f})),
                          at::tensor({0, 0, 128, 255, 255}, at::kByte)));
  DOCTEST_CHECK(io::to_float(at::tensor({65535}, at::kInt)).item<float>() == 1.0f);
  DOCTEST_CHECK(io::to_float(at::tensor({51}, at::kByte)).item<float>() == doctest::Approx(0.2));
  DOCTEST_CHECK(io::to_float(at::tensor({50}, at::kShort), 100.0).item<float>() == 0.5f);
  DOCTEST_CHECK(holds(message_of([] { (void)io::to_float(at::zeros({1}, at::kShort)); }), "no agreed white"));
  DOCTEST_CHECK(holds(message_of([] { (void)io::to_byte(at::full({1}, NAN)); }), "holds NaN"));
  DOCTEST_CHECK(holds(message_of([] { (void)io::to_byte(at::zeros({1}, at::kByte)); }), "floating point"));
}
