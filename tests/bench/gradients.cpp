// SPDX-License-Identifier: BSD-3-Clause
// The gradient family against the least that LibTorch can do, and against Captum.
#include <unistd.h>

#include <ATen/Parallel.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/target/element.hpp>

#include "bench/limit.hpp"
#include "bench/nets.hpp"
#include "bench/peer.hpp"
#include "bench/report.hpp"

namespace bench = lumen::bench;
namespace fs = std::filesystem;
using lumen::Tensor;

namespace {

constexpr std::int64_t asked = 3, steps = 50, draws = 20, many = 4000, classes = 10;
constexpr double noise = 0.1;

struct Options {
  std::string json, only, python, script, compile;
  double seconds = 20.0;
  int threads = 0;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw std::runtime_error("no value for " + name);
    const std::string value = argv[++i];
    if (name == "--json")
      options.json = value;
    else if (name == "--only")
      options.only = value;
    else if (name == "--python")
      options.python = value;
    else if (name == "--peer")
      options.script = value;
    else if (name == "--compile")
      options.compile = value;
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--threads")
      options.threads = std::stoi(value);
    else
      throw std::runtime_error("unknown option " + name);
  }
  return options;
}

/// A check of two maps: the norm of their difference over that of the first.
void compare(const std::string& what, const Tensor& ours, const Tensor& theirs, double tolerance) {
  const double error = ((ours - theirs).norm() / theirs.norm()).item<double>();
  if (!(error <= tolerance))
    throw std::runtime_error(lumen::text(what, ": maps differ by ", error, ", allowed ", tolerance));
  std::cerr << what << ": maps agree to " << error << '\n';
}

struct Case {
  std::string name{};  ///< as the peer knows it, without the network
  std::function<Tensor()> ours{}, limit{};
  double over_limit = 0.0;  ///< the target set, 0 for none
  double speed_up = 0.0;
  std::string check{};  ///< the peer's case for the comparison; empty: the case itself
  std::function<Tensor()> ours_check{}, limit_check{};
  double tolerance = 1e-4;
};

/// What the project holds itself to on a network; 0 for none.
struct Goals {
  double over_limit = 0.0;  ///< of Saliency and Integrated Gradients
  double saliency_speed_up = 0.0, ig_speed_up = 0.0;
};

class Bench {
 public:
  Bench(Options options, fs::path folder)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        peer_(bench::start_peer(options_.python, options_.script)) {}

  [[nodiscard]] bool wanted(const std::string& name) const { return bench::wanted(options_.only, name); }
  [[nodiscard]] std::string peer_name() const {
    return peer_ ? peer_->name().substr(0, peer_->name().find(',')) : "";
  }

  template <class Net>
  void run(const std::string& net_name, const bench::Weights& weights, const Tensor& x,
           const Tensor& baselines, const std::vector<std::int64_t>& candidates, bool small,
           const Goals& goals) {
    const std::string suffix = "-" + net_name;
    bool any = false;
    for (const char* name : {"saliency", "ig50", "smoothgrad20", "gradientshap20", "targets10", "ig50-64MiB"})
      any = any || wanted(name + suffix);
    if (!any) return;
    const Net net(weights);
    const std::int64_t rows = bench::limit::best_rows(net, x, candidates);
    std::cerr << net_name << ": the limit puts " << rows << " rows through at once\n";
    if (peer_) {
      std::map<std::string, Tensor> tensors = weights.all();
      tensors.insert({{"input", x}, {"baselines", baselines}, {"noise", at::full({1}, noise)}});
      bench::write_tensors(folder_ / net_name, tensors);
      peer_->ask("net " + net_name + " " + (folder_ / net_name).string());
    }
    const lumen::target::Class question{.index = asked};
    const auto integrated = [=, &net](std::int64_t bytes) {
      return [=, &net] {
        return lumen::IntegratedGradients{.steps = steps, .run = {.memory = bytes}}(net, x, question).map;
      };
    };
    const auto smooth = [&](std::int64_t samples, double stdev) {
      return [=, &net] {
        return lumen::Smooth{.method = lumen::Saliency{},
                             .samples = samples,
                             .stdev = stdev,
                             .scale = lumen::NoiseScale::InputUnits}(net, x, question)
            .map;
      };
    };
    const auto smooth_limit = [&](std::int64_t samples, double stdev) {
      return [=, &net] { return bench::limit::smooth_grad(net, x, asked, samples, stdev, rows); };
    };
    const auto shap = [&](std::int64_t samples) {
      return [=, &net] {
        return lumen::GradientShap{.baseline = lumen::baseline::Samples{baselines},
                                   .samples = samples,
                                   .check_completeness = false}(net, x, question)
            .map;
      };
    };
    const auto shap_limit = [&](std::int64_t samples) {
      return [=, &net] { return bench::limit::gradient_shap(net, x, baselines, asked, samples, rows); };
    };
    const auto ig_limit = [=, &net] {
      return bench::limit::integrated_gradients(net, x, asked, steps, rows);
    };

    one({.name = "saliency",
         .ours = [=, &net] { return lumen::Saliency{}(net, x, question).map; },
         .limit = [=, &net] { return bench::limit::saliency(net, x, asked); },
         .over_limit = goals.over_limit,
         .speed_up = goals.saliency_speed_up},
        net_name);
    one({.name = "ig50",
         .ours = integrated(lumen::Run{}.memory),
         .limit = ig_limit,
         .over_limit = goals.over_limit,
         .speed_up = goals.ig_speed_up},
        net_name);
    one({.name = "smoothgrad20",
         .ours = smooth(draws, noise),
         .limit = smooth_limit(draws, noise),
         .check = small ? "smoothgrad20-many" : "smoothgrad20-still",
         .ours_check = small ? smooth(many, noise) : smooth(draws, 0.0),
         .limit_check = small ? smooth_limit(many, noise) : smooth_limit(draws, 0.0),
         .tolerance = small ? 0.05 : 1e-4},
        net_name);
    if (small)  // for the large network there is no check that is both fast and strict
      one({.name = "gradientshap20",
           .ours = shap(draws),
           .limit = shap_limit(draws),
           .check = "gradientshap20-many",
           .ours_check = shap(many),
           .limit_check = shap_limit(many),
           .tolerance = 0.1},
          net_name);
    targets<Net>(net, x, net_name);
    if (!small)
      one({.name = "ig50-64MiB", .ours = integrated(std::int64_t{64} << 20), .limit = ig_limit}, net_name,
          std::int64_t{64} << 20, false);
  }

  /// Seconds that the compiler takes for lumen's umbrella header, against LibTorch's own that it stands on.
  void include_cost() {
    if (options_.compile.empty() || !wanted("include")) return;
    const auto compile = [&](const std::string& name, const std::string& text) {
      const fs::path file = folder_ / name;
      std::ofstream(file) << text << "\nint main() {}\n";
      return bench::timed([command = options_.compile + " -o /dev/null -c " + file.string()] {
        if (std::system(command.c_str()) != 0) throw std::runtime_error("cannot compile: " + command);
      });
    };
    const auto times = bench::interleaved(
        {compile("lumen.cpp", "#include <lumen/lumen.hpp>"),
         compile("torch.cpp", "#include <ATen/ATen.h>\n#include <torch/csrc/autograd/autograd.h>")},
        options_.seconds);
    bench::Row row{.name = "include",
                   .ours = bench::median(times[0]),
                   .limit = bench::median(times[1]),
                   .over_limit = bench::ratio(times[0], times[1])};
    row.verdict = lumen::text("adds ", bench::fixed(row.ours - row.limit),
                              " s, under 2 s: ", row.ours - row.limit < 2.0 ? "met" : "missed");
    rows_.push_back(row);
  }

  void finish() const { bench::finish(rows_, options_.json, peer_ ? peer_->name() : "none"); }

 private:
  void one(const Case& item, const std::string& net_name, std::int64_t budget = lumen::Run{}.memory,
           bool with_peer = true) {
    const std::string name = item.name + "-" + net_name;
    if (!wanted(name)) return;
    const auto& ours_check = item.ours_check ? item.ours_check : item.ours;
    const Tensor ours = ours_check();
    compare(name + ", lumen and limit", ours, item.limit_check ? item.limit_check() : item.limit(),
            item.tolerance);
    std::vector<bench::Timed> sides{bench::timed(item.ours), bench::timed(item.limit)};
    if (peer_ && with_peer) {
      const fs::path file = folder_ / "map.bin";
      peer_->ask("map " + (item.check.empty() ? item.name : item.check) + " " + net_name + " " +
                 file.string());
      compare(name + ", lumen and peer", ours, bench::read_tensor(file, ours), item.tolerance);
      sides.push_back([&](int repetitions) {
        return std::stod(
            peer_->ask("time " + item.name + " " + net_name + " " + std::to_string(repetitions)));
      });
    }
    measure(name, sides, peer_ && with_peer ? peer_name() : "", item.ours, budget, item.over_limit,
            item.speed_up);
  }

  template <class Net>
  void targets(const Net& net, const Tensor& x, const std::string& net_name) {
    const std::string name = "targets10-" + net_name;
    if (!wanted(name)) return;
    lumen::Targets questions;
    for (std::int64_t t = 0; t < classes; ++t) questions.push_back(lumen::target::Class{.index = t});
    const lumen::Saliency method{.absolute = false};
    const auto together = [&] { return method(net, x, questions); };
    const auto separately = [&] {
      for (const lumen::AnyTarget& question : questions) (void)method(net, x, question);
    };
    const auto expected = bench::limit::several(net, x, classes);
    const auto results = together();
    for (std::size_t t = 0; t < expected.size(); ++t)
      compare(name + ", lumen and limit, target " + std::to_string(t), results[t].map, expected[t], 1e-4);
    measure(name,
            {bench::timed(together), bench::timed([&] { (void)bench::limit::several(net, x, classes); }),
             bench::timed(separately)},
            "lumen, one call each", together, lumen::Run{}.memory, 0.0, 0.0);
  }

  template <class Work>
  void measure(const std::string& name, const std::vector<bench::Timed>& sides, const std::string& peer,
               const Work& work, std::int64_t budget, double over_limit, double speed_up) {
    bench::Row row{.name = name, .peer = peer, .budget = budget};
    {
      const lumen::MemoryMeter meter;
      (void)work();
      row.peak = meter.peak();
    }
    row.resident = bench::resident_rise([&] { (void)work(); });
    const auto times = bench::interleaved(sides, options_.seconds);
    row.ours = bench::median(times[0]);
    row.limit = bench::median(times[1]);
    row.over_limit = bench::ratio(times[0], times[1]);
    if (times.size() > 2) {
      row.peer_seconds = bench::median(times[2]);
      row.speed_up = bench::ratio(times[2], times[0]);
    }
    if (over_limit > 0.0)
      row.verdict =
          lumen::text("<= ", over_limit, " x limit: ", row.over_limit <= over_limit ? "met" : "missed");
    if (speed_up > 0.0 && row.speed_up)
      row.verdict = lumen::text(">= ", speed_up, " x peer: ", *row.speed_up >= speed_up ? "met" : "missed");
    if (*row.peak > budget) row.verdict += row.verdict.empty() ? "over budget" : "; over budget";
    std::cerr << name << ": " << times.front().size() << " rounds done\n";
    rows_.push_back(row);
  }

  Options options_;
  fs::path folder_;
  std::unique_ptr<bench::Peer> peer_;
  std::vector<bench::Row> rows_;
};

Tensor input(std::vector<std::int64_t> shape, std::uint64_t seed) {
  at::Generator source = at::detail::createCPUGenerator(seed);
  return at::randn(shape, source, at::TensorOptions(at::kFloat));
}

}  // namespace

int main(int argc, char** argv) try {
  const Options options = read_options(argc, argv);
  if (options.threads > 0) at::set_num_threads(options.threads);
  const fs::path folder = fs::temp_directory_path() / ("lumen-bench-" + std::to_string(getpid()));
  fs::create_directories(folder);
  struct Cleanup {
    fs::path folder;
    ~Cleanup() { fs::remove_all(folder); }
  } const cleanup{folder};
  Bench all(options, folder);
  all.run<bench::Small>("small", bench::Small::weights(), input({1, 1, 28, 28}, 10),
                        input({4, 1, 28, 28}, 11), {1, 5, 10, 25, 50}, true,
                        {.saliency_speed_up = 2.5, .ig_speed_up = 3.0});
  all.run<bench::Pooled>("pooled", bench::Pooled::weights(), input({1, 1, 28, 28}, 10),
                         input({4, 1, 28, 28}, 11), {1, 5, 10, 25, 50}, true, {});
  all.run<bench::ResNet18>("resnet18", bench::ResNet18::weights(), input({1, 3, 224, 224}, 12),
                           input({4, 3, 224, 224}, 13), {1, 2, 5, 10}, false, {.over_limit = 1.05});
  all.include_cost();
  all.finish();
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
