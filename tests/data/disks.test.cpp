// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/disks.hpp>

#include <filesystem>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include <lumen/io/safetensors.hpp>
#include <support/message.hpp>
#include <support/shared.hpp>

using lumen::Tensor;
using lumen::data::read_disks;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// A file of our own, removed at the end. The reader takes either format of weights.
class File {
 public:
  explicit File(const lumen::io::StateDict& state)
      : path(std::filesystem::temp_directory_path() /
             ("lumen-disks-" + std::to_string(std::random_device{}()))) {
    lumen::io::write_safetensors(path, state);
  }
  ~File() { std::filesystem::remove(path); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::filesystem::path path;
};

std::string refusal(const lumen::io::StateDict& state) {
  const File file(state);
  return message_of([&] { (void)read_disks(file.path); });
}

}  // namespace

DOCTEST_TEST_CASE("read_disks: images in [0, 1], labels of images or of pixels") {
  const Tensor images = at::full({3, 4, 5}, 51, at::kByte);
  const File file({{"images", images}, {"labels", at::tensor({1, 0, 1}, at::kLong)}});
  const auto disks = read_disks(file.path);
  DOCTEST_CHECK((disks.images.sizes() == at::IntArrayRef{3, 1, 4, 5}));
  DOCTEST_CHECK((disks.images.scalar_type() == at::kFloat));
  DOCTEST_CHECK(disks.images[2][0][3][4].item<float>() == doctest::Approx(0.2));
  DOCTEST_CHECK(at::equal(disks.labels, at::tensor({1, 0, 1}, at::kLong)));
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::data::samples(disks); }), "the labels have shape [3]"));

  const File masks({{"labels", at::ones({3, 4, 5}, at::kLong)}, {"images", images}});
  const auto all = lumen::data::samples(read_disks(masks.path));
  DOCTEST_REQUIRE(all.size() == 3);
  DOCTEST_CHECK(all[2].name == "2");
  DOCTEST_CHECK((all[2].image.sizes() == at::IntArrayRef{1, 4, 5}));
  DOCTEST_CHECK(all[2].label.sum().item<std::int64_t>() == 20);
}

DOCTEST_TEST_CASE("read_disks: anything else is refused, by the path") {
  const Tensor images = at::zeros({3, 4, 5}, at::kByte), labels = at::zeros({3}, at::kLong);
  DOCTEST_CHECK(refusal({{"images", images}, {"labels", labels}}).empty());
  DOCTEST_CHECK(holds(refusal({{"images", images}}), "no tensor 'labels' among the 1: images"));
  DOCTEST_CHECK(holds(refusal({{"images", images}}), "lumen-disks-"));
  DOCTEST_CHECK(holds(refusal({{"images", images.to(at::kFloat)}, {"labels", labels}}),
                      "the images are Float[3, 4, 5]"));
  DOCTEST_CHECK(holds(refusal({{"images", images[0]}, {"labels", labels}}), "expected Byte [N, H, W]"));
  DOCTEST_CHECK(holds(refusal({{"images", images.narrow(0, 0, 0)}, {"labels", labels}}), "the images are"));
  DOCTEST_CHECK(
      holds(refusal({{"images", images}, {"labels", labels.to(at::kInt)}}), "the labels are Int[3]"));
  DOCTEST_CHECK(
      holds(refusal({{"images", images}, {"labels", labels.narrow(0, 0, 2)}}), "the labels are Long[2]"));
  DOCTEST_CHECK(holds(refusal({{"images", images}, {"labels", labels + 2}}), "neither 0"));
  DOCTEST_CHECK(holds(refusal({{"images", images}, {"labels", labels - 1}}), "neither 0"));
}

DOCTEST_TEST_CASE("read_disks: the shared sets") {
  const auto folder = lumen::testing::shared("data/seed/disks");
  if (!folder) return;
  //! [disks]
  const auto disks = lumen::data::read_disks(*folder / "classification_easier.pth");
  const lumen::Tensor with_disk = disks.images.index({disks.labels.eq(1)});
  //! [disks]
  DOCTEST_CHECK((disks.images.sizes() == at::IntArrayRef{200, 1, 28, 28}));
  DOCTEST_CHECK((with_disk.sizes() == at::IntArrayRef{100, 1, 28, 28}));
  DOCTEST_CHECK(disks.images.max().item<float>() == doctest::Approx(251.0 / 255));
  DOCTEST_CHECK(at::equal(disks.labels, at::cat({at::ones({100}, at::kLong), at::zeros({100}, at::kLong)})));
  for (const char* name : {"easier", "harder", "vary_disk"}) {
    const auto masks = read_disks(*folder / ("segmentation_" + std::string(name) + ".pth"));
    const auto images = read_disks(*folder / ("classification_" + std::string(name) + ".pth")).images;
    DOCTEST_CHECK(at::equal(masks.images, images.narrow(0, 0, 100)));
    DOCTEST_CHECK(lumen::data::samples(masks).size() == 100);
    DOCTEST_CHECK(masks.labels.sum({1, 2}).eq(25).all().item<bool>());
  }
}
