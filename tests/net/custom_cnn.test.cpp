// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/custom_cnn.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <lumen/core/concepts.hpp>
#include <lumen/data/disks.hpp>
#include <lumen/data/mnist.hpp>
#include <lumen/net/load.hpp>
#include <lumen/net/seeded.hpp>
#include <support/shared.hpp>

using lumen::Tensor;
using lumen::net::CustomCNN;
using lumen::net::CustomCNNOptions;

static_assert(lumen::Model<CustomCNN>);

namespace {

CustomCNN made(const CustomCNNOptions& options) {
  CustomCNN net = lumen::net::seeded(0, [&] { return CustomCNN(options); });
  net->eval();
  return net;
}

CustomCNN loaded(const std::filesystem::path& path, const CustomCNNOptions& options) {
  CustomCNN net = made(options);
  DOCTEST_CHECK(lumen::net::load(*net, lumen::io::read_state_dict(path)).empty());
  return net;
}

/// The images that get their label, of all.
double hits(CustomCNN& net, const Tensor& images, const Tensor& labels) {
  const at::NoGradGuard no_gradient;
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < images.size(0); first += 500) {
    const std::int64_t count = std::min<std::int64_t>(500, images.size(0) - first);
    const Tensor predicted = net->forward(images.narrow(0, first, count)).argmax(1);
    right += predicted.eq(labels.narrow(0, first, count)).sum().item<std::int64_t>();
  }
  return static_cast<double>(right) / static_cast<double>(images.size(0));
}

}  // namespace

DOCTEST_TEST_CASE("CustomCNN: parameters and names of the PyTorch original, in its three variants") {
  const auto count = [](const CustomCNNOptions& options) {
    std::int64_t all = 0;
    for (const Tensor& parameter : made(options)->parameters()) all += parameter.numel();
    return all;
  };
  DOCTEST_CHECK(count({}) == 421954);
  DOCTEST_CHECK(count(lumen::net::custom_cnn_mnist) == 422986);
  DOCTEST_CHECK(count(lumen::net::custom_cnn_mini) == 25234);
  std::set<std::string> names, expected;
  for (const auto& place : lumen::net::detail::places(*made({}))) names.insert(place.first);
  for (const std::string number : {"1", "2", "3", "4"}) {
    for (const char* part : {"weight", "bias"}) expected.insert("conv" + number + "." + part);
    for (const char* part : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
      expected.insert("bn" + number + "." + part);
  }
  for (const char* name : {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}) expected.insert(name);
  DOCTEST_CHECK(names == expected);
}

DOCTEST_TEST_CASE("CustomCNN: the features of each variant, and the head upon them") {
  const at::NoGradGuard no_gradient;
  const Tensor image = at::rand({2, 1, 28, 28});
  const auto features = [&](const CustomCNNOptions& options) {
    CustomCNN net = made(options);
    const Tensor found = net->features(image);
    DOCTEST_CHECK(at::equal(net->head(found), net->forward(image)));
    DOCTEST_CHECK((net->forward(image).sizes() == at::IntArrayRef{2, options.classes}));
    DOCTEST_CHECK(found.min().item<float>() == 0);
    return found.sizes().vec();
  };
  DOCTEST_CHECK(features({}) == std::vector<std::int64_t>{2, 256, 7, 7});
  DOCTEST_CHECK(features(lumen::net::custom_cnn_mnist) == std::vector<std::int64_t>{2, 256, 3, 3});
  DOCTEST_CHECK(features(lumen::net::custom_cnn_mini) == std::vector<std::int64_t>{2, 64, 5, 5});
}

DOCTEST_TEST_CASE("CustomCNN: the smallest input, and what is refused") {
  const at::NoGradGuard no_gradient;
  struct Case {
    CustomCNNOptions options;
    std::int64_t least;
  };
  for (const auto& [options, least] :
       {Case{{}, 4}, Case{lumen::net::custom_cnn_mnist, 8}, Case{lumen::net::custom_cnn_mini, 12}}) {
    CustomCNN net = made(options);
    DOCTEST_CHECK(
        (net->forward(at::rand({1, 1, least, least})).sizes() == at::IntArrayRef{1, options.classes}));
    DOCTEST_CHECK_THROWS_AS((void)net->forward(at::rand({1, 1, least - 1, least})), lumen::Error);
  }
  CustomCNN net = made({});
  DOCTEST_CHECK_THROWS_WITH_AS(
      (void)net->forward(at::rand({1, 3, 28, 28})),
      "CustomCNN: the input has shape [1, 3, 28, 28]; expected [N, 1, H, W] with H and W at least 4",
      lumen::Error);
}

DOCTEST_TEST_CASE("CustomCNN: the study's weights reach its accuracies on its disks") {
  const auto weights = lumen::testing::shared("data/seed/weights");
  const auto disks = lumen::testing::shared("data/seed/disks");
  if (!weights || !disks) return;
  struct Case {
    const char* name;
    double easier, harder, vary;  // of 200 images
  };
  for (const Case& c : {Case{"easier", 1, 0.5, 0.965}, Case{"harder", 1, 1, 0.685},
                        Case{"vary_disk", 1, 0.5, 1}, Case{"large", 1, 0.925, 0.9}}) {
    DOCTEST_INFO(c.name);
    CustomCNN net = loaded(*weights / ("custom_cnn_classification_" + std::string(c.name) + ".pth"), {});
    const auto on = [&](const char* set) {
      const auto read = lumen::data::read_disks(*disks / ("classification_" + std::string(set) + ".pth"));
      return hits(net, read.images, read.labels);
    };
    DOCTEST_CHECK(on("easier") == doctest::Approx(c.easier).epsilon(1e-9));
    DOCTEST_CHECK(on("harder") == doctest::Approx(c.harder).epsilon(1e-9));
    DOCTEST_CHECK(on("vary_disk") == doctest::Approx(c.vary).epsilon(1e-9));
  }
}

DOCTEST_TEST_CASE("CustomCNN: the study's weights on MNIST's test set") {
  const auto weights = lumen::testing::shared("data/seed/weights");
  const auto folder = lumen::testing::shared("data/mnist");
  if (!weights || !folder) return;
  //! [mnist]
  const auto digits = lumen::data::read_mnist(*folder, lumen::data::MnistPart::Test);
  lumen::net::CustomCNN net(lumen::net::custom_cnn_mnist);
  lumen::net::load(*net, lumen::io::read_state_dict(*weights / "custom_cnn_mnist.pth"));
  net->eval();
  const lumen::Tensor x = (digits.images - 0.5) / 0.5;  // as in its training
  //! [mnist]
  DOCTEST_CHECK(digits.images.size(0) == 10000);
  CustomCNN mini = loaded(*weights / "mnist_model.pth", lumen::net::custom_cnn_mini);
  // The small variant was trained on pixel / 255. Each takes the other's scaling for noise.
  DOCTEST_CHECK(hits(net, x, digits.labels) == doctest::Approx(0.9924).epsilon(1e-3));
  DOCTEST_CHECK(hits(mini, digits.images, digits.labels) == doctest::Approx(0.9798).epsilon(1e-3));
  DOCTEST_CHECK(hits(net, digits.images.narrow(0, 0, 500), digits.labels.narrow(0, 0, 500)) < 0.5);
}
