// SPDX-License-Identifier: BSD-3-Clause
// KernelSHAP, LIME and sampled Shapley values of 50 segments against Captum's with as many samples, and the error that
// each leaves for the forward passes that it takes.
#include <unistd.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/attribution/shapley/shapley_sampling.hpp>
#include <lumen/attribution/surrogate/lime.hpp>
#include <lumen/target/element.hpp>

#include "bench/measure.hpp"
#include "bench/nets.hpp"
#include "bench/peer.hpp"
#include "bench/report.hpp"

namespace bench = lumen::bench;
namespace fs = std::filesystem;
namespace surrogate = lumen::surrogate;
using lumen::Tensor;

namespace {

const lumen::target::Class question{.index = 3};

struct Options {
  std::string json{}, only{}, python{}, script{};
  double seconds = 20.0;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw std::runtime_error(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--json")
      options.json = value;
    else if (name == "--only")
      options.only = value;
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--threads")
      at::set_num_threads(std::stoi(value));
    else if (name == "--python")
      options.python = value;
    else if (name == "--peer")
      options.script = value;
    else
      throw std::runtime_error("unknown option " + name);
  }
  return options;
}

/// 5 x 10 cells, [1, 1, side, side].
Tensor segments(std::int64_t side) {
  const Tensor place = at::arange(side, at::kLong);
  const Tensor row = (place * 5).div(side, "floor").reshape({1, 1, side, 1});
  return row * 10 + (place * 10).div(side, "floor").reshape({1, 1, 1, side});
}

/// Of each of the 50 segments.
Tensor values(const Tensor& map, const Tensor& mask) {
  const Tensor flat = mask.reshape({-1});
  const Tensor sum = at::zeros({50}, map.options()).index_add(0, flat, map.select(1, 0).reshape({-1}));
  return sum / at::bincount(flat, {}, 50).to(sum.scalar_type());
}

struct Subject {
  std::string name;
  std::function<Tensor(const Tensor&)> net;
  std::map<std::string, Tensor> weights;
  Tensor x, mask;
  std::int64_t samples;
};

Subject small() {
  const bench::Weights weights = bench::Small::weights();
  at::Generator source = at::detail::createCPUGenerator(31);
  return {"small",       bench::Small(weights),
          weights.all(), at::randn({1, 1, 28, 28}, source, at::TensorOptions(at::kFloat)),
          segments(28),  512};
}
Subject pooled() {
  const bench::Weights weights = bench::Pooled::weights();
  at::Generator source = at::detail::createCPUGenerator(32);
  return {"pooled",      bench::Pooled(weights),
          weights.all(), at::randn({1, 1, 28, 28}, source, at::TensorOptions(at::kFloat)),
          segments(28),  512};
}
Subject perceptron() {
  const bench::Weights weights = bench::Perceptron::weights();
  at::Generator source = at::detail::createCPUGenerator(34);
  return {"perceptron",  bench::Perceptron(weights),
          weights.all(), at::randn({1, 1, 28, 28}, source, at::TensorOptions(at::kFloat)),
          segments(28),  2048};
}
Subject resnet() {
  const bench::Weights weights = bench::ResNet18::weights();
  at::Generator source = at::detail::createCPUGenerator(33);
  return {"resnet18",    bench::ResNet18(weights),
          weights.all(), at::randn({1, 3, 224, 224}, source, at::TensorOptions(at::kFloat)),
          segments(224), 128};
}

Tensor ours(const std::string& method, const Subject& s, std::int64_t samples, std::uint64_t seed,
            std::int64_t* passes = nullptr, const lumen::Run& run = {}) {
  lumen::Attribution<Tensor> why;
  if (method == "kernelshap")
    why = lumen::KernelShap{.groups = {s.mask}, .samples = samples, .run = run, .seed = seed}(s.net, s.x,
                                                                                              question);
  else if (method == "lime")
    why = lumen::Lime{.groups = {s.mask},
                      .samples = samples,
                      .regression = surrogate::Lasso{},
                      .run = run,
                      .seed = seed}(s.net, s.x, question);
  else
    why = lumen::ShapleySampling{.groups = {s.mask}, .samples = samples, .run = run, .seed = seed}(s.net, s.x,
                                                                                                   question);
  if (passes) *passes = why.forward_passes;
  return why.map;
}

class Bench {
 public:
  Bench(Options options, fs::path folder) : options_(std::move(options)), folder_(std::move(folder)) {}

  void run() {
    peer_ = bench::start_peer(options_.python, options_.script);
    for (const Subject& subject : {small(), pooled(), perceptron(), resnet()}) {
      const bool any =
          std::ranges::any_of(methods, [&](const auto& m) { return wanted(m + "50-" + subject.name); });
      if (!any) continue;
      tell(subject);
      for (const std::string& method : methods) time(method, subject);
    }
    bench::finish(rows_, options_.json, peer_ ? peer_->name() : "none");
    if (wanted("error")) errors();
  }

 private:
  const std::vector<std::string> methods{"kernelshap", "lime"};

  [[nodiscard]] bool wanted(const std::string& name) const { return bench::wanted(options_.only, name); }

  void tell(const Subject& subject) {
    if (!peer_) return;
    std::map<std::string, Tensor> tensors = subject.weights;
    tensors.insert({{"input", subject.x}, {"mask", subject.mask}});
    const fs::path folder = folder_ / subject.name;
    bench::write_tensors(folder, tensors);
    peer_->ask("net " + subject.name + " " + folder.string());
  }

  /// Against the least that its passes cost, in batches of 16, itself with whole passes, and Captum at its best number of samples to a pass.
  void time(const std::string& method, const Subject& s) {
    const std::string name = method + "50-" + s.name;
    if (!wanted(name)) return;
    const Tensor batch = s.x.expand({16, -1, -1, -1}).contiguous();
    const auto passes = [&] {
      const at::NoGradGuard no_grad;
      for (std::int64_t done = 0; done < s.samples; done += 16) (void)s.net(batch);
    };
    std::vector<bench::Timed> sides{
        bench::timed([&] { (void)ours(method, s, s.samples, 0); }), bench::timed(passes), bench::timed([&] {
          (void)ours(method, s, s.samples, 0, nullptr, {.passes = lumen::Passes::Whole});
        })};
    std::string best;
    if (peer_) {
      double least = 0;
      for (const char* per_eval : {"1", "8", "32", "128"}) {
        const std::string job = lumen::text(method, '-', s.samples, '-', per_eval, "-0");
        peer_->ask("time " + job + " " + s.name + " 1");
        const double seconds = std::stod(peer_->ask("time " + job + " " + s.name + " 1"));
        std::cerr << job << " of " << s.name << ": " << bench::seconds_text(seconds) << '\n';
        if (best.empty() || seconds < least) least = seconds, best = job;
      }
      sides.push_back([this, best, &s](int repetitions) {
        return std::stod(peer_->ask("time " + best + " " + s.name + " " + std::to_string(repetitions)));
      });
    }
    const auto times = bench::interleaved(sides, options_.seconds);
    bench::Row row{.name = name,
                   .ours = bench::median(times[0]),
                   .limit = bench::median(times[1]),
                   .over_limit = bench::ratio(times[0], times[1]),
                   .verdict = "whole passes/ours " + bench::fixed(bench::ratio(times[2], times[0]))};
    if (peer_) {
      row.peer = best;
      row.peer_seconds = bench::median(times[3]);
      row.speed_up = bench::ratio(times[3], times[0]);
      row.verdict += lumen::text(", >= 2 x peer: ", *row.speed_up >= 2.0 ? "met" : "missed");
    }
    rows_.push_back(row);
  }

  /// Root mean square error over the values' norm, the mean over seeds, by forward passes.
  void errors() {
    const Subject s = pooled();
    tell(s);
    std::int64_t passes = 0;
    const Tensor exact = values(ours("shapleysampling", s, 20'000, 99), s.mask);
    const int seeds = 5;
    const auto error = [&](const std::function<Tensor(int)>& map) {
      double sum = 0;
      for (int seed = 0; seed < seeds; ++seed)
        sum += ((values(map(seed), s.mask) - exact).norm() / exact.norm()).item<double>() / seeds;
      return sum;
    };
    std::cout << "\nerror of 50 Shapley values of the pooled network, relative, mean over " << seeds
              << " seeds\n"
              << std::setw(26) << "forward passes" << std::setw(12) << "KernelShap" << std::setw(18)
              << "ShapleySampling" << std::setw(18) << "Captum KernelShap" << std::setw(30)
              << "Captum ShapleyValueSampling" << '\n';
    for (const std::int64_t budget : {128, 256, 512, 1024, 2048, 4096}) {
      const std::int64_t orders = std::max<std::int64_t>(1, budget / 98);
      std::cout << std::setw(26) << budget << std::setw(12) << std::setprecision(3) << error([&](int seed) {
        return ours("kernelshap", s, budget, static_cast<std::uint64_t>(seed), &passes);
      }) << std::setw(18)
                << error([&](int seed) {
                     return ours("shapleysampling", s, orders, static_cast<std::uint64_t>(seed), &passes);
                   });
      if (peer_) {
        const auto theirs = [&](const std::string& method, std::int64_t samples) {
          return error([&](int seed) {
            const fs::path file = folder_ / "map.bin";
            peer_->ask(
                lumen::text("map ", method, '-', samples, "-32-", seed, ' ', s.name, ' ', file.string()));
            return bench::read_tensor(file, s.x);
          });
        };
        std::cout << std::setw(18) << theirs("kernelshap", budget) << std::setw(30)
                  << theirs("shapleysampling", std::max<std::int64_t>(1, budget / 50));
      }
      std::cout << std::endl;
    }
  }

  Options options_;
  fs::path folder_;
  std::unique_ptr<bench::Peer> peer_;
  std::vector<bench::Row> rows_;
};

}  // namespace

int main(int argc, char** argv) try {
  const fs::path folder = fs::temp_directory_path() / ("lumen-bench-shapley-" + std::to_string(getpid()));
  fs::create_directories(folder);
  Bench(read_options(argc, argv), folder).run();
  fs::remove_all(folder);
  return EXIT_SUCCESS;
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
