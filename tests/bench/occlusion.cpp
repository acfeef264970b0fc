// SPDX-License-Identifier: BSD-3-Clause
// Seconds of occlusion by windows of 16 x 16, 8 apart, by what each window changes, against whole passes of the same
// model at their best batch and layout, and against Captum at its best perturbations_per_eval and at its default of 1.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "bench/measure.hpp"
#include "bench/occlusion_nets.hpp"
#include "bench/peer.hpp"
#include "bench/report.hpp"

namespace bench = lumen::bench;
namespace lm = lumen;
namespace target = lumen::target;
using lumen::Tensor;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

template <class Module, class... Options>
bench::Net seeded(Options... options) {
  Module net = lumen::net::seeded(1, [&] { return Module(options...); });
  net->eval();
  return [net](const Tensor& x) mutable { return net->forward(x); };
}

struct Case {
  std::string name;
  bench::Net net;
  std::int64_t channels, size;
  std::int64_t region;  ///< side of the square that the target asks about; 0: the score of a class
  double one,
      two;  ///< at least so many times faster than whole passes, on one and on two threads; 0: no target
};

lm::AnyTarget question(const Case& each) {
  if (each.region == 0) return target::Class{.index = 3};
  Tensor mask = at::zeros({each.size, each.size}, at::kBool);
  const std::int64_t begin = (each.size - each.region) / 2;
  mask.narrow(0, begin, each.region).narrow(1, begin, each.region).fill_(true);
  return target::Region{.channel = 1, .mask = mask};
}

/// Seconds of a whole pass for one row, at the best of some batches and layouts.
double whole_row(const bench::Net& net, const Tensor& x, double seconds) {
  const at::NoGradGuard no_grad;
  double best = std::numeric_limits<double>::infinity();
  const auto begin = Clock::now();
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t batch : {1, 2, 4, 8, 16, 32}) {
      for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        if (since(begin) > seconds) continue;
        const Tensor rows = x.expand({batch, -1, -1, -1}).clone(layout);
        const auto start = Clock::now();
        (void)net(rows);
        best = std::min(best, since(start) / static_cast<double>(batch));
      }
    }
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) try {
  std::string only, json, python, script;
  double seconds = 20.0;
  std::int64_t memory = std::int64_t{1} << 30;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--only")
      only = value;
    else if (key == "--json")
      json = value;
    else if (key == "--seconds")
      seconds = std::stod(value);
    else if (key == "--threads")
      at::set_num_threads(std::stoi(value));
    else if (key == "--python")
      python = value;
    else if (key == "--peer")
      script = value;
    else if (key == "--memory")
      memory = std::stoll(value);
    else
      throw lumen::Error("unknown option " + key);
  }
  const int threads = at::get_num_threads();
  const std::unique_ptr<bench::Peer> peer = bench::start_peer(python, script);
  const auto resnet18 = [] { return bench::Net(bench::ResNet18(bench::ResNet18::weights())); };
  const std::vector<std::pair<Case, std::function<bench::Net()>>> all{
      {{"occlusion-ten-256", {}, 1, 256, 128, 60, 50}, bench::ten_convolutions},
      {{"occlusion-unet3-256-region128", {}, 1, 256, 128, 9, 6}, bench::unet_of_three},
      {{"occlusion-unet3-256-region32", {}, 1, 256, 32, 30, 0}, bench::unet_of_three},
      {{"occlusion-vgg16-224", {}, 3, 224, 0, 8, 4}, bench::vgg16},
      {{"occlusion-resnet18-224", {}, 3, 224, 0, 2.5, 2}, resnet18},
      {{"occlusion-resnet50-224", {}, 3, 224, 0, 0, 0}, bench::resnet50},
      {{"occlusion-unet-256", {}, 1, 256, 128, 0, 0}, [] { return seeded<lm::net::UNet>(); }},
      {{"occlusion-custom-256", {}, 1, 256, 128, 0, 0}, [] { return seeded<lm::net::CustomResNet>(2); }}};
  std::vector<bench::Row> rows;
  for (const auto& [described, make] : all) {
    if (!bench::wanted(only, described.name)) continue;
    Case each = described;
    each.net = make();
    at::Generator source = at::detail::createCPUGenerator(1);
    const Tensor x =
        at::rand({1, each.channels, each.size, each.size}, source, at::TensorOptions(at::kFloat));
    const lm::AnyTarget asked = question(each);
    const double whole = whole_row(each.net, x, seconds);
    lm::Occlusion<> method{.window = {{16, 16}}, .stride = {{8, 8}}, .run = {.memory = memory}};
    method.run.passes = lm::Passes::Incremental;
    std::vector<double> spent;
    lm::Attribution<Tensor> found;
    std::int64_t resident = 0;
    const auto begin = Clock::now();
    do {
      const auto start = Clock::now();
      const auto work = [&] { found = method(each.net, x, asked); };
      if (spent.empty()) {
        resident = bench::resident_rise(work);
      } else {
        work();
      }
      spent.push_back(since(start));
    } while (since(begin) < seconds && spent.size() < 5);
    const auto windows = static_cast<double>(found.forward_passes - 1);
    bench::Row row{
        .name = each.name, .ours = *std::min_element(spent.begin(), spent.end()), .limit = whole * windows};
    row.over_limit = row.ours / row.limit;
    row.resident = resident;
    row.budget = memory;
    const bool known = peer && each.name.find("unet-") == std::string::npos &&
                       each.name.find("custom") == std::string::npos &&
                       each.name.find("resnet50") == std::string::npos;
    double at_one = 0.0;
    if (known) {
      row.peer = peer->name();
      at_one = std::stod(peer->ask("one " + each.name)) * windows;
      row.peer_seconds = std::min(at_one, std::stod(peer->ask("best " + each.name)) * windows);
      row.speed_up = *row.peer_seconds / row.ours;
    }
    const double wanted = threads == 1 ? each.one : threads == 2 ? each.two : 0.0;
    row.verdict = lumen::text("whole/ours ", bench::fixed(1.0 / row.over_limit), ", counted ",
                              bench::fixed(windows / found.execution.full_passes));
    if (known) row.verdict += ", Captum's default/ours " + bench::fixed(at_one / row.ours);
    if (wanted > 0)
      row.verdict += lumen::text(", >= ", wanted, ": ", 1.0 / row.over_limit >= wanted ? "met" : "missed");
    std::cerr << each.name << ": " << row.verdict
              << (found.execution.why.empty() ? "" : "; " + found.execution.why) << '\n';
    rows.push_back(row);
  }
  bench::finish(rows, json, peer ? peer->name() : "none");
  return EXIT_SUCCESS;
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
