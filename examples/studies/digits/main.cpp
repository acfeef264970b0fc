// SPDX-License-Identifier: BSD-3-Clause
// Attribution methods on classifiers of digits, for the digit that is predicted and for the one that the original asked for.
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/data/mnist.hpp>
#include <lumen/io/state_dict.hpp>
#include <lumen/net/custom_cnn.hpp>
#include <lumen/net/load.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/target/element.hpp>
#include <lumen/train/classifier.hpp>
#include <lumen/view/number.hpp>

#include "common/classifiers.hpp"
#include "common/study.hpp"
#include "drawn.hpp"

namespace lm = lumen;

namespace studies::digits {

namespace {

using lm::view::decimals;

/// A network with its own idea of what a pixel is worth.
struct Net {
  std::string name{}, words{};
  lm::net::CustomCNN module{nullptr};
  bool signed_pixels = true;  ///< takes (x - 0.5) / 0.5 instead of x

  [[nodiscard]] Tensor given(const Tensor& images) const {
    return signed_pixels ? (images - 0.5) / 0.5 : images;
  }
};

struct World {
  lm::data::Labelled training{}, testing{};
  std::string words{};
  std::vector<Net> nets{};
};

std::optional<fs::path> there(const fs::path& folder, const std::vector<fs::path>& names) {
  for (const fs::path& name : names)
    if (fs::exists(folder / name)) return folder / name;
  return std::nullopt;
}

void load_images(World& world, const Options& options) {
  if (options.data.empty()) {
    world.training = draw(200, options.seed);
    world.testing = draw(50, options.seed + 1);
    world.words = "Digits drawn with a bitmap font, because no folder with MNIST was given.";
    return;
  }
  fs::path folder = options.data;
  for (const char* below : {"mnist", "MNIST/raw"})
    if (fs::exists(options.data / below)) folder = options.data / below;
  world.testing = lm::data::read_mnist(folder, lm::data::MnistPart::Test);
  if (there(folder, {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"})) {
    world.training = lm::data::read_mnist(folder, lm::data::MnistPart::Train);
    world.words = "MNIST, its 60,000 training images and 10,000 test images.";
    return;
  }
  const auto part = [&](std::int64_t from, std::int64_t to) {
    return lm::data::Labelled{world.testing.images.slice(0, from, to),
                              world.testing.labels.slice(0, from, to)};
  };
  world.training = part(0, 8000);
  world.testing = part(8000, 10000);
  world.words =
      "MNIST's test images, because its training images are not there: the first 8,000 train, the last 2,000 "
      "test.";
}

Net trained(const World& world, const Options& options) {
  Net net{
      .name = "trained",
      .words = "CustomCNN, trained here",
      .module = lm::net::seeded(options.seed, [] { return lm::net::CustomCNN(lm::net::custom_cnn_mnist); })};
  auto set = world.training;
  set.images = net.given(set.images);
  (void)lm::train::ClassifierTrainer{.epochs = options.quick                ? 2
                                               : set.images.size(0) < 20000 ? 15
                                                                            : 5,
                                     .batch = 64,
                                     .progress = options.progress,
                                     .seed = options.seed}(
      net.module, set, {net.given(world.testing.images), world.testing.labels});
  return net;
}

void load_nets(World& world, const Options& options) {
  for (const auto& [file, name, words] :
       {std::tuple{"custom_cnn_mnist.pth", "large", "CustomCNN, 422,986 parameters, the original's weights"},
        std::tuple{"mnist_model.pth", "small",
                   "the small variant, 25,234 parameters, the original's weights"}}) {
    const fs::path stem = file;
    const auto path =
        options.data.empty()
            ? std::nullopt
            : there(options.data, {"seed/weights" / stem, "weights" / stem, "models" / stem, stem});
    if (!path) continue;
    const bool small = std::string(name) == "small";
    Net net{.name = name,
            .words = words,
            .module = lm::net::CustomCNN(small ? lm::net::custom_cnn_mini : lm::net::custom_cnn_mnist),
            .signed_pixels = !small};
    (void)lm::net::load(*net.module, lm::io::read_state_dict(*path));
    net.module->eval();
    world.nets.push_back(std::move(net));
  }
  if (options.train || world.nets.empty()) world.nets.push_back(trained(world, options));
}

void examine(Findings& found, const World& world, const Net& net, const Options& options) {
  const auto images =
      first_of_each(world.testing, 10, options.size > 0 ? static_cast<std::int64_t>(options.size) : 2);
  const Classifier classifier = [module = net.module](const Tensor& x) mutable { return module->forward(x); };
  const double share =
      lm::train::accuracy(classifier, {net.given(world.testing.images), world.testing.labels});
  const Tensor x = net.given(images.images);
  const Tensor logits = lm::train::logits_of(classifier, x), predicted = logits.argmax(1);
  auto& section = found.report.section("Network " + net.name);
  section.text(net.words +
               (net.signed_pixels
                    ? ". It takes images as (x - 0.5) / 0.5, so that the original's baseline of 0 "
                      "is a medium gray."
                    : ". A baseline of 0 is black."));
  section.facts({{decimals(100 * share, 2) + " %", "of the test images are read rightly",
                  lm::text(world.testing.labels.size(0), " images")}});
  auto& numbers = found.numbers["networks"][net.name];
  numbers["accuracy"] = share;
  numbers["images"] = confidences(images, logits);
  //! [questions]
  const lm::target::Classes of_predicted{predicted};
  // The original took the class from a list that it read two by two: digit d was explained as d / 2.
  const lm::target::Classes of_original{images.labels.div(2, "floor")};
  //! [questions]
  const std::vector<std::string> names{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  const auto add = [&](const Method& method, const std::string& question, const std::string& words,
                       const Tensor& map) {
    auto drawn = grid(images, map, logits, names);
    if (method.file == "smooth_squared") drawn.unit = "square of the change of the class's logit";
    const auto ends = drawn.ends();
    section.figure({.picture = drawn.draw(),
                    .title = lm::text(method.name, ", ", words),
                    .caption = lm::text(method.settings, "; one scale for all.")});
    numbers["figures"].push_back(
        {{"method", method.file}, {"class", question}, {"low", ends.low}, {"high", ends.high}});
    found.maps.emplace_back(net.name + "." + question + "." + method.file, map.squeeze(1));
  };
  std::vector<Method> all = methods(options);
  all.push_back(smoothed(options));
  for (const Method& method : all) {
    const bool both = method.file == "integrated_gradients";
    const auto maps =
        method.maps(classifier, x, both ? lm::Targets{of_predicted, of_original} : lm::Targets{of_predicted});
    add(method, "predicted", "the predicted digit", maps[0]);
    if (!both) continue;
    section.text(
        "The original's figure of integrated gradients asked every image of a digit d for the class d / 2, "
        "rounded down. "
        "This is what that shows: why a 9 is a 4.");
    add(method, "original", "the class that the original asked for", maps[1]);
    const Tensor a = maps[0].flatten(1), b = maps[1].flatten(1);
    const Tensor likeness = (a * b).sum(1) / ((a * a).sum(1) * (b * b).sum(1)).sqrt().clamp_min(1e-30);
    const Tensor differs = predicted.ne(images.labels.div(2, "floor"));
    const double mean = likeness.masked_select(differs).mean().item<double>();
    numbers["cosine_of_right_and_original"] = mean;
    section.text(lm::text("Where the two classes differ, the mean cosine of the right map and that one is ",
                          decimals(mean, 2), "."));
  }
}

Findings work(const Options& options) {
  World world;
  load_images(world, options);
  load_nets(world, options);
  Findings found;
  found.report.title = "Digits: why this class?";
  found.report.lead =
      "Classifiers of handwritten digits, and seven methods that say why they read a digit; one of them also "
      "for the "
      "classes that the original's figure was made for by mistake.";
  found.report.byline = world.words;
  found.numbers["study"] = "digits";
  found.numbers["data"] = world.words;
  found.numbers["seed"] = options.seed;
  for (const Net& net : world.nets) examine(found, world, net, options);
  return found;
}

}  // namespace

}  // namespace studies::digits

int main(int argc, char** argv) {
  return studies::run(
      argc, argv,
      {.name = "digits",
       .about = "Attribution methods on classifiers of handwritten digits.",
       .data =
           std::string(
               "a folder with MNIST's IDX files (in it, in mnist/ or in MNIST/raw/; from "
               "https://ossci-datasets.s3.amazonaws.com/mnist/) and the original's weights in models/: ") +
           studies::original + "; default: digits are drawn and a network is trained",
       .train = "train a network from scratch, too",
       .work = studies::digits::work});
}
