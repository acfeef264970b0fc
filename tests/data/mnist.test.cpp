// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/mnist.hpp>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/shared.hpp>

using lumen::data::MnistPart;
using lumen::data::read_mnist;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

namespace fs = std::filesystem;

/// A folder of our own, removed at the end.
class Folder {
 public:
  Folder() : root(fs::temp_directory_path() / ("lumen-mnist-" + std::to_string(std::random_device{}()))) {
    fs::create_directories(root);
  }
  ~Folder() { fs::remove_all(root); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void idx(const std::string& name, const std::vector<std::uint8_t>& sides, std::uint8_t value) const {
    std::vector<std::uint8_t> file{0, 0, 8, static_cast<std::uint8_t>(sides.size())};
    std::size_t count = 1;
    for (const std::uint8_t side : sides) file.insert(file.end(), {0, 0, 0, side}), count *= side;
    file.insert(file.end(), count, value);
    lumen::io::write_file(root / name, file);
  }
  [[nodiscard]] std::string refusal() const {
    return message_of([&] { (void)read_mnist(root, MnistPart::Train); });
  }

  fs::path root;
};

}  // namespace

DOCTEST_TEST_CASE("read_mnist: either part, packed or not") {
  const Folder folder;
  folder.idx("train-images-idx3-ubyte", {2, 3, 4}, 51);
  folder.idx("train-labels-idx1-ubyte", {2}, 9);
  const auto train = read_mnist(folder.root, MnistPart::Train);
  DOCTEST_CHECK((train.images.sizes() == at::IntArrayRef{2, 1, 3, 4}));
  DOCTEST_CHECK(train.images[1][0][2][3].item<float>() == doctest::Approx(0.2));
  DOCTEST_CHECK(at::equal(train.labels, at::full({2}, 9, at::kLong)));

  folder.idx("t10k-labels-idx1-ubyte", {2}, 1);
  fs::copy(fs::path(LUMEN_SOURCE_DIR) / "tests/fuzz/corpus/idx/images.gz",
           folder.root / "t10k-images-idx3-ubyte.gz");
  const auto test = read_mnist(folder.root, MnistPart::Test);
  DOCTEST_CHECK(at::equal(test.images.mul(255).round().to(at::kLong).flatten(), at::arange(24)));
}

DOCTEST_TEST_CASE("read_mnist: what is missing, damaged or does not belong together") {
  const Folder folder;
  DOCTEST_CHECK(holds(folder.refusal(), "train-images-idx3-ubyte"));
  folder.idx("train-images-idx3-ubyte", {2, 3, 4}, 0);
  folder.idx("train-labels-idx1-ubyte", {3}, 0);
  DOCTEST_CHECK(holds(folder.refusal(), "the images have shape [2, 3, 4] and the labels [3]"));
  folder.idx("train-labels-idx1-ubyte", {2, 1}, 0);
  DOCTEST_CHECK(holds(folder.refusal(), "expected [N, H, W] and [N]"));
  folder.idx("train-labels-idx1-ubyte", {2}, 10);
  DOCTEST_CHECK(holds(folder.refusal(), "there is a label 10"));
  lumen::io::write_file(folder.root / "train-labels-idx1-ubyte",
                        std::vector<std::uint8_t>{0, 0, 8, 1, 0x7F, 0, 0, 0});
  DOCTEST_CHECK(holds(folder.refusal(), "train-labels-idx1-ubyte\": truncated or damaged"));
}

DOCTEST_TEST_CASE("read_mnist: the shared test set") {
  const auto folder = lumen::testing::shared("data/mnist");
  if (!folder) return;
  const auto digits = read_mnist(*folder, MnistPart::Test);
  DOCTEST_CHECK((digits.images.sizes() == at::IntArrayRef{10000, 1, 28, 28}));
  // The published counts of the ten digits.
  DOCTEST_CHECK(at::equal(digits.labels.bincount(),
                          at::tensor({980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, at::kLong)));
  DOCTEST_CHECK(digits.images.mean().item<float>() == doctest::Approx(0.1325).epsilon(1e-3));
}
