// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/trainer.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/pimpl.h>

#include <doctest/doctest.h>

#include <lumen/data/synthetic.hpp>
#include <lumen/train/outside_influence.hpp>

#include "support/message.hpp"

using lumen::Tensor;
using lumen::data::Dataset;
using lumen::data::SyntheticVessels;
using lumen::testing::message_of;
using lumen::train::History;
using lumen::train::Trainer;

namespace {

namespace fs = std::filesystem;

/// Everything whose state a resumed run must bring back: weights, running statistics, dropout's generator.
class TinyImpl : public torch::nn::Module {
 public:
  TinyImpl()
      : first(register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 6, 5).padding(2)))),
        norm(register_module("norm", torch::nn::BatchNorm2d(6))),
        drop(register_module("drop", torch::nn::Dropout(0.1))),
        last(register_module("last", torch::nn::Conv2d(6, 2, 1))) {}
  Tensor forward(const Tensor& x) { return last(drop(at::relu(norm(first(x))))); }

 private:
  torch::nn::Conv2d first;
  torch::nn::BatchNorm2d norm;
  torch::nn::Dropout drop;
  torch::nn::Conv2d last;
};
TORCH_MODULE(Tiny);

Tiny tiny() {
  return lumen::net::seeded(5, [] { return Tiny(); });
}

Dataset training() { return Dataset(SyntheticVessels{.size = 32}.many(0, 6), {.crop = 24}, 2); }
std::vector<lumen::data::Sample> testing() { return SyntheticVessels{.size = 32}.many(6, 3); }

/// A file name of our own, removed at the end.
struct File {
  fs::path path =
      fs::temp_directory_path() / ("lumen-checkpoint-" + std::to_string(std::random_device{}()) + ".pt");
  ~File() { fs::remove(path); }
};

bool same(const Tiny& a, const Tiny& b) {
  const auto left = lumen::train::snapshot(*a), right = lumen::train::snapshot(*b);
  return std::ranges::equal(left, right, [](const Tensor& x, const Tensor& y) { return at::equal(x, y); });
}

void same_rows(const History& a, const History& b) {
  DOCTEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto x = a[i].values(), y = b[i].values();
    x.back() = y.back() = 0;  // seconds
    DOCTEST_CHECK(x == y);
  }
}

}  // namespace

DOCTEST_TEST_CASE("Trainer: learns, and keeps the best epoch's weights") {
  Tiny net = tiny();
  const Tensor generator = at::detail::getDefaultCPUGenerator().get_state();
  const History history =
      Trainer<>{.epochs = 25, .batch = 4, .learning_rate = 2e-2}(net, training(), testing());
  DOCTEST_CHECK(at::equal(generator, at::detail::getDefaultCPUGenerator().get_state()));
  DOCTEST_REQUIRE(history.size() == 25);
  DOCTEST_CHECK(history.back().train_loss < 0.7 * history.front().train_loss);
  const double best = history[*lumen::train::best_epoch(history)].test_iou;
  DOCTEST_CHECK(best > 0.55);
  DOCTEST_CHECK(!net->is_training());
  DOCTEST_CHECK(lumen::train::evaluate(net, testing(), lumen::train::DiceCrossEntropy{}).iou == best);
}

DOCTEST_TEST_CASE("Trainer: a killed and resumed run equals an uninterrupted one bit for bit") {
  Trainer<> whole{
      .schedule = {.factor = 0.3, .patience = 0, .threshold = 0.05}, .epochs = 6, .batch = 5, .seed = 3};
  DOCTEST_SUBCASE("the last weights") {}
  DOCTEST_SUBCASE("their running mean") { whole.average = 0.9; }
  Tiny expected = tiny();
  const History rows = whole(expected, training(), testing());
  DOCTEST_CHECK(rows.front().learning_rate >
                rows.back().learning_rate);  // the schedule is put to the test too

  const File file;
  Trainer<> stopped = whole;
  stopped.checkpoint = file.path;
  stopped.purpose = "a test";
  for (const int batches : {4, 11}) {  // killed in the second epoch, resumed, killed in the fourth
    int left = batches;
    stopped.progress = [&](std::string_view, std::int64_t, std::int64_t) {
      if (--left == 0) throw std::runtime_error("killed");
    };
    Tiny net = tiny();
    DOCTEST_CHECK_THROWS_WITH(stopped(net, training(), testing()), "killed");
  }
  stopped.progress = nullptr;
  Tiny net = tiny();
  const History resumed = stopped(net, training(), testing());
  same_rows(rows, resumed);
  DOCTEST_CHECK(same(expected, net));
  DOCTEST_CHECK(!fs::exists(file.path.string() + ".part"));

  // What is finished is only read: another session does no pass.
  int passes = 0;
  stopped.progress = [&](std::string_view, std::int64_t, std::int64_t) { ++passes; };
  Tiny again = tiny();
  same_rows(rows, stopped(again, training(), testing()));
  DOCTEST_CHECK(passes == 0);
  DOCTEST_CHECK(same(expected, again));

  // More epochs go on from there.
  stopped.epochs = 7;
  Tiny longer = tiny();
  DOCTEST_CHECK(stopped(longer, training(), testing()).size() == 7);
  DOCTEST_CHECK(passes == 3);
}

DOCTEST_TEST_CASE("Trainer: a checkpoint of another purpose, a damaged one, none") {
  const File file;
  Trainer<> trainer{.epochs = 1, .checkpoint = file.path, .purpose = "vessels, seed 0"};
  Tiny net = tiny();
  const auto run = [&] { static_cast<void>(trainer(net, training(), testing())); };
  run();
  trainer.purpose = "vessels, seed 1";
  std::string message = message_of(run);
  DOCTEST_INFO(message);
  DOCTEST_CHECK(message.find("belongs to another run") != std::string::npos);
  DOCTEST_CHECK(message.find("vessels, seed 0") != std::string::npos);
  DOCTEST_CHECK(message.find("vessels, seed 1") != std::string::npos);

  for (const std::uintmax_t size : {std::uintmax_t{0}, fs::file_size(file.path) / 2}) {
    fs::resize_file(file.path, size);
    DOCTEST_CHECK(message_of(run).find("is damaged or no checkpoint") != std::string::npos);
  }
  std::ofstream(file.path) << "not a checkpoint at all";
  DOCTEST_CHECK(message_of(run).find("is damaged or no checkpoint") != std::string::npos);
  fs::remove(file.path);
  trainer.checkpoint = file.path / "below" / "a file.pt";
  std::ofstream(file.path) << "a file";
  DOCTEST_CHECK(message_of(run).find("cannot write the checkpoint") != std::string::npos);
}

DOCTEST_TEST_CASE("Trainer: the running mean of the weights is kept, and learning goes on from the weights") {
  using lumen::train::State;
  Trainer<> trainer{.epochs = 1, .batch = 1, .average = 0.6};
  Tiny net = tiny();
  std::vector<State> steps;
  trainer.progress = [&](std::string_view, std::int64_t, std::int64_t) {
    steps.push_back(lumen::train::snapshot(*net));
  };
  static_cast<void>(trainer(net, training(), testing()));
  DOCTEST_REQUIRE(steps.size() == 12);

  State expected = steps.front();
  for (std::size_t t = 2; t <= steps.size(); ++t) {
    const double decay = std::min(0.6, static_cast<double>(t) / static_cast<double>(t + 9));
    for (std::size_t i = 0; i < expected.size(); ++i)
      expected[i] = steps[t - 1][i].is_floating_point() ? decay * expected[i].to(at::kDouble) +
                                                              (1.0 - decay) * steps[t - 1][i].to(at::kDouble)
                                                        : steps[t - 1][i];
  }
  const State kept = lumen::train::snapshot(*net);
  for (std::size_t i = 0; i < kept.size(); ++i)
    DOCTEST_CHECK(at::allclose(kept[i].to(at::kDouble), expected[i].to(at::kDouble), 1e-5, 1e-6));

  // The steps themselves are those of a run without it, also in the epochs after a mean was measured.
  std::vector<State> plain;
  for (const double average : {0.0, 0.6}) {
    Tiny other = tiny();
    State last;
    Trainer<> run{.epochs = 3, .batch = 5, .average = average};
    run.progress = [&](std::string_view, std::int64_t, std::int64_t) {
      last = lumen::train::snapshot(*other);
    };
    static_cast<void>(run(other, training(), testing()));
    plain.push_back(last);
  }
  DOCTEST_CHECK(std::ranges::equal(plain[0], plain[1],
                                   [](const Tensor& a, const Tensor& b) { return at::equal(a, b); }));
}

DOCTEST_TEST_CASE("Trainer: the time limit") {
  const Trainer<> trainer{.epochs = 10, .max_seconds = 5};
  DOCTEST_CHECK(!trainer.finished({}));
  DOCTEST_CHECK(!trainer.finished({{.seconds = 2}}));
  DOCTEST_CHECK(trainer.finished({{.seconds = 2}, {.seconds = 2}}));  // a third would end at 6
  DOCTEST_CHECK(trainer.finished(History(10)));
  Tiny net = tiny();
  DOCTEST_CHECK(Trainer<>{.epochs = 50, .max_seconds = 1e-9}(net, training(), testing()).size() == 1);
}

DOCTEST_TEST_CASE("Trainer: penalties shrink the weights") {
  const auto size = [](double l1, double l2) {
    Tiny net = tiny();
    // one epoch: of several, the best and not the last would be kept
    const Trainer<> trainer{.epochs = 1, .batch = 1, .learning_rate = 1e-2, .l1 = l1, .l2 = l2};
    static_cast<void>(trainer(net, training(), testing()));
    double sum = 0;
    for (const Tensor& p : net->parameters())
      if (p.dim() > 1) sum += p.abs().sum().item<double>();
    return sum;
  };
  const double plain = size(0, 0);
  DOCTEST_CHECK(size(0.1, 0) < 0.9 * plain);
  DOCTEST_CHECK(size(0, 1.0) < 0.9 * plain);
}

DOCTEST_TEST_CASE("Trainer: chosen parameters alone are penalised") {
  const auto trained = [](std::function<bool(const std::string&, const Tensor&)> penalise) {
    Tiny net = tiny();
    const Trainer<> trainer{
        .epochs = 1, .batch = 1, .learning_rate = 1e-2, .l2 = 1.0, .penalise = std::move(penalise)};
    static_cast<void>(trainer(net, training(), testing()));
    std::vector<double> sizes;
    for (const auto& each : net->named_parameters()) sizes.push_back(each.value().abs().sum().item<double>());
    return sizes;
  };
  const auto name_of = [](std::size_t i) { return tiny()->named_parameters().keys()[i]; };
  const auto all = trained([](const std::string&, const Tensor&) { return true; }), usual = trained({});
  const auto one = trained([&](const std::string& name, const Tensor&) { return name == name_of(0); });
  bool vectors_shrink = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool weight = tiny()->named_parameters()[name_of(i)].dim() >= 2;
    if (weight && i > 0) DOCTEST_CHECK(usual[i] < one[i]);
    vectors_shrink = vectors_shrink || (!weight && all[i] < 0.9 * usual[i]);
  }
  DOCTEST_CHECK(vectors_shrink);
  const std::string said =
      message_of([&] { trained([](const std::string& name, const Tensor&) { return name == "nobody"; }); });
  DOCTEST_CHECK(said.find("no parameter is chosen") != std::string::npos);
}

DOCTEST_TEST_CASE(
    "Trainer: pixels that count nothing teach nothing, and a loss that knows no weights refuses them") {
  using lumen::train::CrossEntropy;
  auto samples = SyntheticVessels{.size = 32}.many(0, 4), inverted = samples;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    // the upper half is wrong, and counts nothing
    Tensor mask = at::ones({32, 32});
    mask.narrow(0, 0, 16).zero_();
    samples[i].weight = mask;
    inverted[i].weight = mask;
    inverted[i].label = samples[i].label.clone();
    inverted[i].label.narrow(0, 0, 16).mul_(-1).add_(1);
  }
  const Trainer<CrossEntropy> trainer{.epochs = 2, .batch = 2, .seed = 4};
  const auto learned = [&](const std::vector<lumen::data::Sample>& set) {
    Tiny net = tiny();
    (void)trainer(net, Dataset(set, {.crop = 24}), testing());
    return net;
  };
  DOCTEST_CHECK(same(learned(samples), learned(inverted)));
  for (auto& sample : inverted) sample.weight.fill_(1);
  DOCTEST_CHECK_FALSE(same(learned(samples), learned(inverted)));
  const auto refused = [&](auto loss) {
    Trainer<decltype(loss)> other{.epochs = 1};
    Tiny net = tiny();
    return message_of([&] { (void)other(net, Dataset(samples, {.crop = 24}), testing()); });
  };
  DOCTEST_CHECK(lumen::testing::holds(refused(lumen::train::SoftDice{}), "which this loss does not take"));
  DOCTEST_CHECK(
      lumen::testing::holds(refused(lumen::train::OutsideInfluence<>{}), "a loss that asks for the images"));
}

DOCTEST_TEST_CASE("Trainer: bad options") {
  Tiny net = tiny();
  DOCTEST_CHECK(message_of([&] { static_cast<void>(Trainer<>{.batch = 0}(net, training(), testing())); }) ==
                "Trainer: `epochs` must be at least 0 and `batch` at least 1");
  DOCTEST_CHECK(message_of([&] { static_cast<void>(Trainer<>{.l1 = -1}(net, training(), testing())); }) ==
                "Trainer: `learning_rate` must be positive, `l1` and `l2` not negative");
  for (const double average : {-0.1, 1.0})
    DOCTEST_CHECK(message_of([&] {
                    static_cast<void>(Trainer<>{.average = average}(net, training(), testing()));
                  }) == "Trainer: `average` must be in [0, 1)");
  DOCTEST_CHECK(message_of([&] { static_cast<void>(Trainer<>{}(net, training(), {})); }) ==
                "Trainer: there are no test images");
  const std::string diverged = message_of(
      [&] { static_cast<void>(Trainer<>{.epochs = 9, .learning_rate = 1e30}(net, training(), testing())); });
  DOCTEST_INFO(diverged);
  DOCTEST_CHECK(diverged.find("lower the learning rate") != std::string::npos);
}

DOCTEST_TEST_CASE("Trainer: what the docs show") {
  const File file;
  Dataset training_data = training();
  const std::vector<lumen::data::Sample> test_images = testing();
  Tiny net = tiny();
  //! [trainer]
  const lumen::train::Trainer<lumen::train::DiceCrossEntropy, lumen::train::Plateau> trainer{
      .schedule = {.factor = 0.5, .patience = 3},
      .epochs = 4,
      .batch = 8,
      .learning_rate = 2e-3,
      .checkpoint = file.path,
      .purpose = "a tiny network on synthetic vessels",
      .seed = 7};
  const lumen::train::History history = trainer(net, training_data, test_images);
  const double best = history[*lumen::train::best_epoch(history)].test_iou;
  //! [trainer]
  DOCTEST_CHECK(history.size() == 4);
  DOCTEST_CHECK(lumen::train::evaluate(net, test_images, trainer.loss).iou == best);
}
