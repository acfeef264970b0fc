// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/fundus.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <lumen/io/tiff.hpp>

#include "support/message.hpp"

namespace data = lumen::data;
namespace fs = std::filesystem;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// A folder of small pictures that goes away again.
struct Folder {
  Folder() : root(fs::temp_directory_path() / ("lumen-fundus-" + std::to_string(getpid()))) {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~Folder() { fs::remove_all(root); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& file, const Tensor& picture) const {
    const fs::path path = root / file;
    fs::create_directories(path.parent_path());
    if (path.extension() == ".tif")
      lumen::io::write_tiff(path, picture);
    else
      lumen::io::write_image(path, picture);
  }
  void image(const std::string& file) const { write(file, at::full({3, 4, 6}, 51, at::kByte)); }
  /// The first `columns` of six are white.
  void mask(const std::string& file, std::int64_t columns, std::int64_t rows = 4) const {
    Tensor picture = at::zeros({1, rows, 6}, at::kByte);
    picture.narrow(2, 0, columns).fill_(255);
    write(file, picture);
  }
  void drive(const std::string& key, bool second) const {
    image("images/" + key + "_test.tif");
    mask("1st_manual/" + key + "_manual1.png", 2);
    if (second) mask("2nd_manual/" + key + "_manual2.png", 3);
    mask("mask/" + key + "_test_mask.png", 5);
  }
  [[nodiscard]] std::string said(const data::FundusLayout& layout) const {
    return message_of([&] { (void)data::read_fundus(root, layout); });
  }

  fs::path root;
};

}  // namespace

DOCTEST_TEST_CASE("read_fundus: a folder like DRIVE's, with two graders and the field of view") {
  const Folder folder;
  folder.drive("02", true);
  folder.drive("01", true);
  std::ofstream(folder.root / "images" / "readme.txt") << "not an image";
  const auto samples = data::read_fundus(folder.root, data::drive_layout());
  DOCTEST_REQUIRE(samples.size() == 2);
  const data::FundusSample& first = samples[0];
  data::check(first.sample);
  DOCTEST_CHECK(first.sample.name == "01");
  DOCTEST_CHECK((first.sample.image.sizes() == at::IntArrayRef{3, 4, 6}));
  DOCTEST_CHECK(first.sample.image.max().item<float>() == doctest::Approx(0.2));
  DOCTEST_CHECK(first.sample.label.sum().item<std::int64_t>() == 8);
  DOCTEST_CHECK(first.graders[1].sum().item<std::int64_t>() == 12);
  DOCTEST_CHECK(first.field.sum().item<std::int64_t>() == 20);
  DOCTEST_CHECK(first.agreed().sum().item<std::int64_t>() == 12);
  DOCTEST_CHECK(first.agreed(1.0).sum().item<std::int64_t>() == 8);
  DOCTEST_CHECK(first.agreed(0.51).sum().item<std::int64_t>() == 8);
  DOCTEST_CHECK(holds(message_of([&] { (void)first.agreed(0.0); }), "share of 0"));
}

DOCTEST_TEST_CASE("read_fundus in the documentation") {
  const Folder made;
  made.drive("01", true);
  const fs::path folder = made.root;
  //! [fundus]
  const auto eyes = lumen::data::read_fundus(folder, lumen::data::drive_layout());
  const lumen::data::FundusSample& eye = eyes.front();
  const Tensor image = eye.sample.image, first = eye.graders[0];  // [3, H, W]; bool [H, W]
  const Tensor seen = eye.agreed().logical_and(eye.field);        // by most graders, within the field of view
  //! [fundus]
  DOCTEST_CHECK(seen.sum().item<std::int64_t>() == 12);
  DOCTEST_CHECK((image.size(0) == 3 && first.sizes() == seen.sizes()));
}

DOCTEST_TEST_CASE("read_fundus: a second grader may leave images out, or be missing altogether") {
  const Folder folder;
  folder.drive("01", true);
  folder.drive("02", false);
  const auto samples = data::read_fundus(folder.root, data::drive_layout());
  DOCTEST_CHECK(samples[0].graders[1].defined());
  DOCTEST_CHECK(!samples[1].graders[1].defined());
  DOCTEST_CHECK(samples[1].agreed(1.0).equal(samples[1].graders[0]));
  fs::remove_all(folder.root / "2nd_manual");
  DOCTEST_CHECK(!data::read_fundus(folder.root, data::drive_layout())[0].graders[1].defined());
}

DOCTEST_TEST_CASE("read_fundus: folders like STARE's and CHASE_DB1's, without masks") {
  const Folder stare;
  stare.image("stare-images/im0001.png");
  stare.mask("labels-ah/im0001.ah.png", 2);
  stare.mask("labels-vk/im0001.vk.png", 4);
  const auto one = data::read_fundus(stare.root, data::stare_layout());
  DOCTEST_REQUIRE(one.size() == 1);
  DOCTEST_CHECK(one[0].sample.name == "im0001");
  DOCTEST_CHECK(one[0].graders[1].sum().item<std::int64_t>() == 16);
  DOCTEST_CHECK(one[0].field.all().item<bool>());
  fs::remove_all(stare.root / "stare-images");
  for (const char* eye : {"L", "R"}) {
    stare.image(std::string("chase/Image_01") + eye + ".jpg");
    stare.mask(std::string("chase/Image_01") + eye + "_1stHO.png", 1);
    stare.mask(std::string("chase/Image_01") + eye + "_2ndHO.png", 6);
  }
  const auto two = data::read_fundus(stare.root / "chase", data::chase_layout());
  DOCTEST_REQUIRE(two.size() == 2);
  DOCTEST_CHECK(two[1].sample.name == "Image_01R");
  DOCTEST_CHECK(two[1].sample.label.sum().item<std::int64_t>() == 4);
  DOCTEST_CHECK(two[1].graders[1].all().item<bool>());
}

DOCTEST_TEST_CASE("read_fundus: one error names everything that is missing or odd") {
  const Folder folder;
  for (const char* key : {"01", "02", "03", "04"}) folder.drive(key, true);
  fs::remove(folder.root / "1st_manual" / "01_manual1.png");
  fs::remove(folder.root / "mask" / "02_test_mask.png");
  folder.mask("2nd_manual/03_manual2.png", 2, 5);
  folder.mask("1st_manual/09_manual1.png", 2);
  folder.image("images/04_training.tif");
  std::ofstream(folder.root / "mask" / "03_test_mask.png") << "GIF89a and more";
  const std::string said = folder.said(data::drive_layout());
  DOCTEST_INFO(said);
  DOCTEST_CHECK(holds(said, "01: no file in"));
  DOCTEST_CHECK(holds(said, "02: no file in"));
  DOCTEST_CHECK(holds(said, "03_manual2.png is 5 x 6, the image 4 x 6"));
  DOCTEST_CHECK(holds(said, "09_manual1.png belongs to no image"));
  DOCTEST_CHECK(holds(said, "two files of one image"));
  DOCTEST_CHECK(holds(said, "GIF"));
  const Folder empty;
  DOCTEST_CHECK(holds(empty.said(data::drive_layout()), "there is no folder"));
  DOCTEST_CHECK(holds(empty.said(data::chase_layout()), "there is no image"));
  DOCTEST_CHECK(holds(empty.said({}), "there is no grader"));
}
