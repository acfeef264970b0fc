// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/vessmap.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <lumen/data/split.hpp>
#include <lumen/io/tiff.hpp>
#include <support/shared.hpp>

using lumen::Tensor;
using lumen::data::read_vessmap;

namespace {

namespace fs = std::filesystem;

/// A VessMAP folder of our own, removed at the end.
class Folder {
 public:
  Folder() : root(fs::temp_directory_path() / ("lumen-vessmap-" + std::to_string(std::random_device{}()))) {
    for (const char* kind : {"images", "labels", "skeletons"}) fs::create_directories(root / kind);
  }
  ~Folder() { fs::remove_all(root); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void image(const std::string& name, std::int64_t height = 4, std::int64_t width = 6) const {
    lumen::io::write_tiff(root / "images" / name, at::full({1, height, width}, 51, at::kByte));
  }
  void mask(const char* kind, const std::string& name, std::int64_t height = 4,
            std::int64_t width = 6) const {
    Tensor picture = at::zeros({1, height, width}, at::kByte);
    picture[0][1].fill_(255);
    lumen::io::write_image(root / kind / name, picture);
  }
  void triple(const std::string& stem) const {
    image(stem + ".tiff");
    mask("labels", stem + ".png");
    mask("skeletons", stem + ".png");
  }
  [[nodiscard]] std::string complaint() const {
    try {
      static_cast<void>(read_vessmap(root));
    } catch (const lumen::Error& error) {
      return error.what();
    }
    return "none";
  }

  fs::path root;
};

bool says(const std::string& message, const std::string& part) {
  DOCTEST_INFO(message);
  DOCTEST_CHECK(message.find(part) != std::string::npos);
  return true;
}

}  // namespace

DOCTEST_TEST_CASE("read_vessmap: sorted by stem, scaled, other files passed over") {
  const Folder folder;
  for (const char* stem : {"30", "4", "10"}) folder.triple(stem);
  std::ofstream(folder.root / "images" / "notes.txt") << "not an image";
  std::ofstream(folder.root / "labels" / ".hidden.png") << "not an image";
  const auto samples = read_vessmap(folder.root);
  DOCTEST_REQUIRE(samples.size() == 3);
  DOCTEST_CHECK(samples[0].name == "10");
  DOCTEST_CHECK(samples[1].name == "30");
  DOCTEST_CHECK(samples[2].name == "4");
  lumen::data::check(samples[0]);
  DOCTEST_CHECK(samples[0].image[0][0][0].item<float>() == doctest::Approx(0.2));
  DOCTEST_CHECK(samples[0].label.sum().item<std::int64_t>() == 6);
  DOCTEST_CHECK(samples[0].label.max().item<std::int64_t>() == 1);
  DOCTEST_CHECK(samples[0].skeleton.sum().item<std::int64_t>() == 6);
}

DOCTEST_TEST_CASE("read_vessmap: a TIFF that is called .png, as in the published data") {
  const Folder folder;
  folder.triple("a");
  lumen::io::write_tiff(folder.root / "labels" / "a.tiff", at::full({1, 4, 6}, 255, at::kByte));
  fs::rename(folder.root / "labels" / "a.tiff", folder.root / "labels" / "a.png");
  DOCTEST_CHECK(read_vessmap(folder.root)[0].label.sum().item<std::int64_t>() == 24);
}

DOCTEST_TEST_CASE("read_vessmap: one error names everything that is missing or odd") {
  const Folder folder;
  folder.triple("good");
  folder.triple("label-lost");
  fs::remove(folder.root / "labels" / "label-lost.png");
  folder.triple("skeleton-lost");
  fs::remove(folder.root / "skeletons" / "skeleton-lost.png");
  folder.mask("labels", "image-lost.png");
  folder.triple("odd");
  folder.mask("skeletons", "odd.png", 5, 6);
  folder.triple("twice");
  folder.image("twice.tif");
  folder.triple("broken");
  std::ofstream(folder.root / "images" / "broken.tiff") << "II*";
  const std::string message = folder.complaint();
  says(message, "label-lost: no file in labels/");
  says(message, "skeleton-lost: no file in skeletons/");
  says(message, "image-lost: no file in images/");
  says(message, "image-lost: no file in skeletons/");
  says(message, "odd: the picture in skeletons/ is 5 x 6, the image 4 x 6");
  says(message, "two files of one stem");
  says(message, "broken.tiff");
  DOCTEST_CHECK(message.find("good") == std::string::npos);
}

DOCTEST_TEST_CASE("read_vessmap: pictures in colour, missing folders, no images") {
  const Folder folder;
  says(folder.complaint(), "there is no image in");
  folder.triple("a");
  lumen::io::write_image(folder.root / "labels" / "a.png", at::zeros({3, 4, 6}, at::kByte));
  says(folder.complaint(), "a: the picture in labels/ has 3 channels, expected 1");
  fs::remove_all(folder.root / "skeletons");
  says(folder.complaint(), "there is no folder " + (folder.root / "skeletons").string());
}

DOCTEST_TEST_CASE("read_vessmap: the shared triples") {
  const auto path = lumen::testing::shared("data/vessmap");
  if (!path) return;
  //! [vessmap]
  const auto samples = lumen::data::read_vessmap(*path);
  const auto [train, test] = lumen::data::split(samples.size(), 0.8, /*seed=*/0);
  //! [vessmap]
  DOCTEST_CHECK(samples.size() == 86);
  DOCTEST_CHECK(train.size() == 68);
  DOCTEST_CHECK(test.size() == 18);
  double mean = 0, vessel = 0, skeleton = 0;
  for (const auto& sample : samples) {
    lumen::data::check(sample);
    DOCTEST_CHECK((sample.image.sizes() == at::IntArrayRef{1, 256, 256}));
    mean += sample.image.mean().item<double>() / 86;
    vessel += sample.label.to(at::kDouble).mean().item<double>() / 86;
    skeleton += sample.skeleton.to(at::kDouble).mean().item<double>() / 86;
  }
  // Published for all 100 triples: 0.1306, 25.7 % and 4.1 %.
  DOCTEST_CHECK(mean == doctest::Approx(0.1306).epsilon(0.05));
  DOCTEST_CHECK(vessel == doctest::Approx(0.257).epsilon(0.05));
  DOCTEST_CHECK(skeleton == doctest::Approx(0.041).epsilon(0.05));
}
