// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/seed.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/data/dataset.hpp>
#include <lumen/data/split.hpp>
#include <lumen/data/synthetic.hpp>
#include <lumen/data/vessmap.hpp>
#include <lumen/io/image.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/layout.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/train/trainer.hpp>

#include "influence.hpp"
#include "job.hpp"

namespace lm = lumen;

namespace vessels {

namespace {

using Samples = std::vector<lm::data::Sample>;

/// Seconds since it was made or last asked.
class Watch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// One of the two networks: what the trainer needs of it, in one type, so that the trainer is compiled once.
class AnyNet {
 public:
  template <class Holder>
  explicit AnyNet(Holder net)
      : module_(net.ptr()), forward_([net](const Tensor& x) mutable { return net->forward(x); }) {}
  torch::nn::Module& operator*() { return *module_; }
  Tensor forward(const Tensor& x) { return forward_(x); }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  Network forward_;
};

AnyNet make(const Options& options) {
  return lm::net::seeded(options.seed, [&] {
    return options.net == "resnet" ? AnyNet(lm::net::CustomResNet(2)) : AnyNet(lm::net::UNet());
  });
}

/// Takes the memory layout in which a pass of a batch and its gradients are faster; changes nothing else of the network.
std::string take_layout(AnyNet& net, std::int64_t crop) {
  (*net).eval();  // statistics stay
  const Tensor x = at::full({4, 1, crop, crop}, 0.5);
  const auto times = lm::net::take_faster_layout(*net, [&] { net.forward(x).mean().backward(); });
  (*net).zero_grad(/*set_to_none=*/true);
  const auto milliseconds = [](double seconds) { return std::to_string(std::lround(1000 * seconds)); };
  return lm::text(times.faster() == at::MemoryFormat::ChannelsLast ? "channels last" : "channels first",
                  " (four crops and their gradients took ", milliseconds(times.channels_last),
                  " ms in channels last, ", milliseconds(times.contiguous), " ms in channels first)");
}

/// One number for the images and labels, to tell data sets apart.
std::uint64_t fingerprint(const Samples& samples) {
  std::uint64_t hash = samples.size();
  for (const lm::data::Sample& sample : samples) {
    for (const Tensor& part : {sample.image, sample.label}) {
      const Tensor values = part.contiguous();
      const auto* words = static_cast<const std::uint32_t*>(values.data_ptr());
      const std::size_t count = values.nbytes() / sizeof(std::uint32_t);
      for (std::size_t i = 0; i < count; ++i) hash = lm::mix(hash, words[i]);
    }
  }
  return hash;
}

std::string hex(std::uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

Samples load(const Options& options, std::string& words) {
  if (!options.data.empty()) {
    Samples samples = lm::data::read_vessmap(options.data);
    words = lm::text(samples.size(), " microscope images from ",
                     options.data.filename().empty() ? options.data.parent_path().filename().string()
                                                     : options.data.filename().string());
    return samples;
  }
  constexpr int count = 200;
  const lm::data::SyntheticVessels vessels{.size = 128, .seed = options.seed};
  words = lm::text(count, " synthetic images of 128 x 128 pixels");
  return vessels.many(0, count);
}

/// Images of the size of `like`, [B, C, H, W]; undefined if there are none.
Tensor images_like(const Samples& samples, const lm::data::Sample& like) {
  std::vector<Tensor> images;
  for (const lm::data::Sample& sample : samples)
    if (sample.image.sizes() == like.image.sizes()) images.push_back(sample.image);
  return images.empty() ? Tensor() : at::stack(images);
}

/// Some test images and their labels, for the explorer to show.
void write_images(const Samples& samples, const std::filesystem::path& out) {
  for (const char* folder : {"images", "labels"}) std::filesystem::create_directories(out / folder);
  for (std::size_t i = 0; i < std::min<std::size_t>(samples.size(), 12); ++i) {
    const lm::data::Sample& sample = samples[i];
    lm::io::write_image(out / "images" / (sample.name + ".png"), lm::io::to_byte(sample.image));
    lm::io::write_image(out / "labels" / (sample.name + ".png"),
                        lm::io::to_byte(sample.label.gt(0).to(at::kFloat).unsqueeze(0)));
  }
}

/// Test images to explain: of the ranks of test IoU that lie evenly between the best and the worst.
std::vector<std::size_t> choose(const std::vector<double>& ious, std::int64_t wanted) {
  std::vector<std::size_t> order(ious.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return ious[a] > ious[b]; });
  const std::size_t count =
      std::min(order.size(), static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0)));
  std::vector<std::size_t> chosen;
  for (std::size_t k = 0; k < count; ++k)
    chosen.push_back(order[static_cast<std::size_t>(
        (static_cast<double>(k) + 0.5) / static_cast<double>(count) * static_cast<double>(order.size()))]);
  return chosen;
}

}  // namespace

void work(const Options& options) {
  Watch watch;
  AnyNet net = make(options);
  Result result{.options = options};
  const Samples samples = load(options, result.data_words);
  const bool synthetic = options.data.empty();
  const auto parts = lm::data::split(samples.size(), 0.8, options.seed);
  lm::require(!parts.train.empty() && !parts.test.empty(),
              "at least two images are needed: some train, some test");
  const Samples training = lm::data::select(samples, parts.train),
                testing = lm::data::select(samples, parts.test);
  result.training_images = training.size();
  result.test_images = testing.size();
  result.examples.assign(training.begin(),
                         training.begin() + std::min<std::ptrdiff_t>(4, std::ssize(training)));
  for (const Tensor& parameter : (*net).parameters()) result.parameters += parameter.numel();
  result.seconds.emplace_back("data", watch.lap());

  // As many crops an epoch as cover the images once.
  std::int64_t smallest = 128, pixels = 0;
  for (const auto& sample : training) {
    smallest = std::min({smallest, sample.image.size(1), sample.image.size(2)});
    pixels += sample.label.numel();
  }
  const std::int64_t crop = synthetic ? 96 : smallest;
  result.layout = take_layout(net, crop);
  const auto views = static_cast<std::size_t>(std::max(
      1.0,
      std::round(static_cast<double>(pixels) / static_cast<double>(std::ssize(training) * crop * crop))));
  lm::data::Augment augment{.crop = crop, .seed = options.seed};
  if (!synthetic) {  // few images: transposed and brighter or darker ones make more of them
    augment.transposition = 0.5;
    augment.gain = 0.4;
  }
  lm::data::Dataset dataset(training, augment, synthetic ? 1 : views);

  const Suits suits = synthetic ? synthetic_training : folder_training;
  const std::int64_t epochs = options.epochs > 0 ? options.epochs : suits.epochs;
  const double limit = options.seconds > 0 ? options.seconds : suits.seconds;
  lm::train::Trainer<lm::train::DiceCrossEntropy, lm::train::Cosine> trainer{
      .schedule = {.epochs = epochs, .last = 0.1, .seconds = limit},
      .epochs = epochs,
      .average = 0.99,
      .max_seconds = limit,
      .progress = lm::TerminalBar{},
      .seed = options.seed};
  result.recipe =
      lm::text("Adam from ", trainer.learning_rate, " along a cosine to ", trainer.schedule.last, " of it, ",
               epochs, " epochs of ", dataset.count(),
               synthetic ? " flipped random crops of " : " flipped, transposed, brightened random crops of ",
               crop, " x ", crop, " pixels, batches of ", trainer.batch,
               ", cross-entropy + soft Dice, running mean of the weights of decay ", trainer.average,
               ", seed ", options.seed);
  trainer.purpose = lm::text(options.net, "; ", result.recipe, "; at most ", limit, " s; ", result.data_words,
                             ", fingerprint ", hex(fingerprint(samples)));
  std::uint64_t key = 0;
  for (const char letter : trainer.purpose) key = lm::mix(key, static_cast<unsigned char>(letter));
  trainer.checkpoint = options.checkpoint.empty()
                           ? options.out / "checkpoints" / (options.net + "-" + hex(key) + ".pt")
                           : options.checkpoint;
  result.checkpoint = trainer.checkpoint;
  if (options.retrain) std::filesystem::remove(trainer.checkpoint);

  std::printf("%s: %zu train, %zu test\n", result.data_words.c_str(), training.size(), testing.size());
  const bool found = std::filesystem::exists(trainer.checkpoint);
  std::printf("%s %s, at most %.0f s\n", found ? "resuming from" : "training; checkpoint",
              trainer.checkpoint.string().c_str(), limit);
  std::fflush(stdout);
  std::size_t learned = 0;
  trainer.progress = [&learned, bar = trainer.progress](std::string_view what, std::int64_t done,
                                                        std::int64_t total) {
    ++learned;
    bar(what, done, total);
  };
  result.history = trainer(net, dataset, testing);
  result.reused = learned == 0;
  result.seconds.emplace_back("training", watch.lap());

  const auto quality = lm::train::evaluate(net, testing, trainer.loss);
  result.test_iou = quality.iou;
  result.test_dice = quality.dice;
  result.test_ious = quality.ious;
  result.test_dices = quality.dices;
  for (const auto& sample : testing) result.test_names.push_back(sample.name);
  result.seconds.emplace_back("testing", watch.lap());
  std::printf("%s after %zu epochs: test IoU %.4f, test Dice %.4f\n",
              result.reused ? "checkpoint reused," : "trained,", result.history.size(), quality.iou,
              quality.dice);

  const Network network = [&net](const Tensor& x) { return net.forward(x); };
  Samples asked;
  if (options.explain.empty()) {
    for (const std::size_t k : choose(quality.ious, options.images)) asked.push_back(testing[k]);
  } else {
    asked = read_outside(options.explain);
  }
  for (std::size_t k = 0; k < asked.size(); ++k) {
    std::printf("explaining %s (%zu of %zu)\n", asked[k].name.c_str(), k + 1, asked.size());
    std::fflush(stdout);
    result.stories.push_back(
        explain(network, asked[k], images_like(training, asked[k]), options, lm::TerminalBar{}));
    result.stories.back().page = write_page(network, result.stories.back(), options.out);
  }
  if (options.data.empty()) write_images(testing, options.out);
  result.seconds.emplace_back("explaining", watch.lap());
  if (!result.stories.empty() && options.influence >= 0) {
    const Story& story = result.stories.front();
    std::printf("what every pixel of %s depends on\n", story.sample.name.c_str());
    std::fflush(stdout);
    result.influence =
        std::make_shared<Influence>(measure_influence(network, story, options.influence, lm::TerminalBar{}));
    result.seconds.emplace_back("influence", watch.lap());
  }
  write_results(result);
  std::printf("%s\n",
              std::filesystem::absolute(options.out / "report.html").lexically_normal().string().c_str());
}

}  // namespace vessels
