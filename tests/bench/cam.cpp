// SPDX-License-Identifier: BSD-3-Clause
// The CAMs of ResNet-18 at 224 x 224: Grad-CAM against the least that LibTorch can do and against pytorch-grad-cam;
// Ablation-CAM's closed form against one whole forward pass for every channel.
#include <unistd.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/ablation_cam.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/target/element.hpp>

#include "bench/measure.hpp"
#include "bench/nets.hpp"
#include "bench/peer.hpp"
#include "bench/report.hpp"

namespace bench = lumen::bench;
namespace fs = std::filesystem;
using lumen::Tensor;

namespace {

constexpr std::int64_t asked = 3;    ///< the class, of 1000
constexpr std::int64_t ablated = 8;  ///< channels that the slow side ablates one by one, of 512
const lumen::target::Class question{.index = asked};

struct Options {
  std::string json{}, only{}, python{}, script{};
  double seconds = 20.0;
  int threads = 0;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      std::cout << "usage: bench_cam [--json FILE] [--only NAME] [--seconds S] [--threads N] [--python "
                   "PYTHON --peer "
                   "peer_cam.py]\n";
      std::exit(EXIT_SUCCESS);
    }
    if (i + 1 == argc) throw std::runtime_error(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--json")
      options.json = value;
    else if (name == "--only")
      options.only = value;
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--threads")
      options.threads = std::stoi(value);
    else if (name == "--python")
      options.python = value;
    else if (name == "--peer")
      options.script = value;
    else
      throw std::runtime_error("unknown option " + name);
  }
  return options;
}

void compare(const std::string& what, const Tensor& ours, const Tensor& theirs, double tolerance) {
  const double error = ((ours - theirs).norm() / theirs.norm()).item<double>();
  if (!(error <= tolerance))
    throw std::runtime_error(lumen::text(what, ": maps differ by ", error, ", allowed ", tolerance));
  std::cerr << what << ": maps agree to " << error << '\n';
}

/// ResNet-18 cut by hand behind a stage.
struct Cut {
  const bench::ResNet18& net;
  std::size_t blocks;  ///< in the prefix

  [[nodiscard]] Tensor prefix(const Tensor& x) const {
    Tensor y = at::max_pool2d(at::relu(net.bn1(at::conv2d(x, net.conv1, {}, 2, 3))), 3, 2, 1);
    for (std::size_t i = 0; i < blocks; ++i) y = net.blocks[i](y);
    return y;
  }
  [[nodiscard]] Tensor suffix(Tensor y) const {
    for (std::size_t i = blocks; i < net.blocks.size(); ++i) y = net.blocks[i](y);
    return at::linear(at::adaptive_avg_pool2d(y, {1, 1}).flatten(1), net.fc, net.bias);
  }
  /// Grad-CAM with nothing around it: the prefix without a graph, the suffix forward and back.
  [[nodiscard]] Tensor grad_cam(const Tensor& x) const {
    Tensor value;
    {
      const at::NoGradGuard no_grad;
      value = prefix(x);
    }
    value.requires_grad_(true);
    const Tensor score = suffix(value).select(1, asked);
    const Tensor g = torch::autograd::grad({score}, {value}, {at::ones_like(score)}).front();
    const at::NoGradGuard no_grad;
    return (g.mean({2, 3}, true) * value).sum(1, true);
  }
};

/// The map as pytorch-grad-cam gives it: the positive part, stretched to [0, 1], upsampled.
Tensor as_picture(const Tensor& map) {
  const Tensor positive = map.clamp_min(0);
  const Tensor low = positive - positive.min();
  const Tensor large = lumen::upsampled(low / (low.max() + 1e-7), 224, 224, lumen::Upsample::Bilinear);
  const Tensor again = large - large.min();
  return (again / (again.max() + 1e-7)).squeeze(1);
}

class Bench {
 public:
  Bench(Options options, fs::path folder) : options_(std::move(options)), folder_(std::move(folder)) {}

  void run() {
    at::Generator source = at::detail::createCPUGenerator(12);
    x_ = at::randn({1, 3, 224, 224}, source, at::TensorOptions(at::kFloat));
    start_peer();
    grad_cam("layer4", 8, 16);
    grad_cam("layer3", 6, 12);
    family();
    ablation("ablationcam-closed", true);
    ablation("ablationcam-suffix", false);
    bench::finish(rows_, options_.json, peer_ ? peer_->name() : "none");
  }

 private:
  [[nodiscard]] bool wanted(const std::string& name) const { return bench::wanted(options_.only, name); }

  void start_peer() {
    peer_ = bench::start_peer(options_.python, options_.script);
    if (!peer_) return;
    std::map<std::string, Tensor> tensors = weights_.all();
    tensors.insert({"input", x_});
    bench::write_tensors(folder_ / "resnet18", tensors);
    peer_->ask("net resnet18 " + (folder_ / "resnet18").string());
  }

  void grad_cam(const std::string& stage, std::size_t blocks, std::int64_t relu) {
    const std::string name = "gradcam-" + stage;
    if (!wanted(name)) return;
    const Cut cut{net_, blocks};
    const lumen::GradCam method{.layer = lumen::layer::nth("relu", relu)};
    const auto ours = [=, this] { return method(net_, x_, question).map; };
    const auto limit = [=, this] { return cut.grad_cam(x_); };
    compare(name + ", lumen and limit", ours(), limit(), 1e-4);
    std::vector<bench::Timed> sides{bench::timed(ours), bench::timed(limit)};
    if (peer_) {
      const fs::path file = folder_ / "map.bin";
      peer_->ask("map " + name + " resnet18 " + file.string());
      const Tensor picture = as_picture(ours());
      compare(name + ", lumen and peer", picture, bench::read_tensor(file, picture), 1e-3);
      sides.push_back([this, name](int repetitions) {
        return std::stod(peer_->ask("time " + name + " resnet18 " + std::to_string(repetitions)));
      });
    }
    bench::Row& row = measured(name, sides, peer_ ? peer_->name().substr(0, peer_->name().find(',')) : "");
    row.verdict = lumen::text("<= 1.15 x limit: ", row.over_limit <= 1.15 ? "met" : "missed");
    if (row.speed_up)
      row.verdict += lumen::text("; >= 2.5 x peer: ", *row.speed_up >= 2.5 ? "met" : "missed");
  }

  /// All gradient CAMs of a layer against one of them.
  void family() {
    if (!wanted("cams7-layer4")) return;
    const auto layer = lumen::layer::nth("relu", 16);
    const lumen::GradientCams all{
        .layers = {layer},
        .cams = {lumen::cam::Grad{}, lumen::cam::PlusPlus{}, lumen::cam::X{}, lumen::cam::HiRes{},
                 lumen::cam::Cellwise{}, lumen::cam::Eigen{}, lumen::cam::EigenGrad{}}};
    const lumen::GradCam one{.layer = layer};
    measured("cams7-layer4", {bench::timed([&] { (void)all(net_, x_, question); }), bench::timed([&] {
                                (void)one(net_, x_, question);
                              })},
             "");
  }

  /// All 512 channels of the last stage, against whole passes one by one.
  void ablation(const std::string& name, bool closed_form) {
    if (!wanted(name)) return;
    const Cut cut{net_, 8};
    const auto one_by_one = [&, this] {
      const at::NoGradGuard no_grad;
      std::vector<Tensor> scores;
      for (std::int64_t k = 0; k < ablated; ++k) {
        Tensor value = cut.prefix(x_);
        value.select(1, k).zero_();
        scores.push_back(cut.suffix(value).select(1, asked));
      }
      return at::cat(scores);
    };
    const lumen::AblationCam method{
        .layer = lumen::layer::nth("relu", 16), .relative = false, .closed_form = closed_form};
    const auto ours = [&, this] { return method(net_, x_, question); };
    {
      // a map of the first channels alone, from a net whose other channels are zero
      const at::NoGradGuard no_grad;
      const auto few = [&](const Tensor& image) {
        Tensor value = cut.prefix(image);
        value.narrow(1, ablated, value.size(1) - ablated).zero_();
        return cut.suffix(at::relu(value));
      };
      const Tensor value = cut.prefix(x_).narrow(1, 0, ablated);
      Tensor kept = at::zeros({1, 512, 7, 7});
      kept.narrow(1, 0, ablated).copy_(value);
      const Tensor score = cut.suffix(kept).select(1, asked);
      Tensor expected = at::zeros({1, 1, 7, 7});
      for (std::int64_t k = 0; k < ablated; ++k) {
        Tensor without = kept.clone();
        without.select(1, k).zero_();
        expected += (score - cut.suffix(without).select(1, asked)) * value.narrow(1, k, 1);
      }
      lumen::AblationCam of_few = method;
      of_few.layer = lumen::layer::nth("relu", 17);
      compare(name + ", lumen and one by one", of_few(few, x_, question).map, expected, 1e-3);
    }
    const bench::Timed slow = [one_by_one](int repetitions) {
      return bench::timed(one_by_one)(repetitions) * (512.0 / static_cast<double>(ablated));
    };
    bench::Row& row = measured(
        name,
        {bench::timed([&] { (void)ours(); }), bench::timed([&, this] { return cut.grad_cam(x_); }), slow},
        "one whole pass a channel");
    if (closed_form)
      row.verdict = lumen::text(">= 50 x one pass a channel: ", *row.speed_up >= 50 ? "met" : "missed");
  }

  bench::Row& measured(const std::string& name, const std::vector<bench::Timed>& sides,
                       const std::string& peer) {
    const auto times = bench::interleaved(sides, options_.seconds);
    bench::Row row{.name = name + "-resnet18",
                   .ours = bench::median(times[0]),
                   .limit = bench::median(times[1]),
                   .over_limit = bench::ratio(times[0], times[1]),
                   .peer = peer};
    if (times.size() > 2) {
      row.peer_seconds = bench::median(times[2]);
      row.speed_up = bench::ratio(times[2], times[0]);
    }
    std::cerr << name << ": " << times.front().size() << " rounds done\n";
    rows_.push_back(row);
    return rows_.back();
  }

  Options options_;
  fs::path folder_;
  Tensor x_;
  bench::Weights weights_ = bench::ResNet18::weights();
  bench::ResNet18 net_{weights_};
  std::unique_ptr<bench::Peer> peer_;
  std::vector<bench::Row> rows_;
};

}  // namespace

int main(int argc, char** argv) try {
  const Options options = read_options(argc, argv);
  if (options.threads > 0) at::set_num_threads(options.threads);
  const fs::path folder = fs::temp_directory_path() / ("lumen-bench-cam-" + std::to_string(getpid()));
  fs::create_directories(folder);
  struct Cleanup {
    fs::path folder;
    ~Cleanup() { fs::remove_all(folder); }
  } const cleanup{folder};
  Bench(options, folder).run();
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
