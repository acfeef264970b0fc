// SPDX-License-Identifier: BSD-3-Clause
// How far are sampled methods from what they estimate, for so many forward passes? A small network learns to segment
// vessels, one picture of them is explained with features of 16 x 16 pixels, again and again with other seeds.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lumen/data/synthetic.hpp>
#include <lumen/lumen.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/train/trainer.hpp>
#include <lumen/view/report.hpp>

namespace lm = lumen;
namespace fs = std::filesystem;
using at::Tensor;

namespace {

struct Options {
  fs::path out = "error-against-cost";
  std::int64_t seeds = 20;
  bool quick = false;
};

/// A method with as many forward passes as are asked for, about.
struct Candidate {
  std::string name;
  std::function<lm::Attribution<>(std::int64_t passes, std::uint64_t seed)> explain;
  Tensor truth;  ///< what it converges to
};

struct Point {
  double passes = 0, error = 0,
         told = 0;  ///< error: root mean square over features and seeds; told: standard error
};

/// Relative to the root mean square of the truth about its mean.
Point measure(const Candidate& candidate, std::int64_t passes, std::int64_t seeds) {
  Point point;
  const double scale = (candidate.truth - candidate.truth.mean()).square().mean().item<double>();
  for (std::int64_t seed = 1; seed <= seeds; ++seed) {
    const auto why = candidate.explain(passes, static_cast<std::uint64_t>(seed));
    point.passes += static_cast<double>(why.forward_passes);
    point.error += (why.map - candidate.truth).square().mean().item<double>();
    if (why.standard_error.defined()) point.told += why.standard_error.square().mean().item<double>();
  }
  const auto count = static_cast<double>(seeds);
  return {point.passes / count, std::sqrt(point.error / count / scale),
          std::sqrt(point.told / count / scale)};
}

lm::net::UNet trained(bool quick) {
  lm::net::UNet net = lm::net::seeded(1, [] { return lm::net::UNet(lm::net::UNetOptions{.width = 4}); });
  const lm::data::SyntheticVessels vessels{.size = 64};
  lm::train::Trainer<> trainer{.epochs = quick ? 2 : 12, .batch = 4, .learning_rate = 5e-3};
  (void)trainer(net, lm::data::Dataset(vessels.many(0, quick ? 8 : 32), {.crop = 0}), vessels.many(100, 4));
  return net;
}

lm::view::LineChart chart(std::string title, std::vector<lm::view::Series> series) {
  return {.title = std::move(title),
          .x_label = "forward passes, log10",
          .y_label = "relative error, log10",
          .series = std::move(series),
          .width = 780};
}

/// A chart as a picture of its own, on white.
void save(const lm::view::LineChart& chart, const fs::path& file) {
  std::string svg = chart.svg();
  const std::string open = lm::text("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", chart.width,
                                    "\" height=\"", chart.height, "\"");
  svg.replace(0, 4, open);
  const std::string font = "font-family=\"inherit\"";
  svg.replace(svg.find(font), font.size(), "font-family=\"sans-serif\"");
  svg.insert(svg.find('>') + 1, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
  std::ofstream out(file);
  out << svg << '\n';
  lm::require(static_cast<bool>(out.flush()), [&] { return lm::text("cannot write ", file); });
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Error against forward passes of sampled perturbation methods");
  app.add_option("--out", options.out, "folder for the page and the numbers")->capture_default_str();
  app.add_option("--seeds", options.seeds, "runs of each method")
      ->capture_default_str()
      ->check(CLI::Range(2, 10000));
  app.add_flag("--quick", options.quick, "few passes, to see that it works");
  CLI11_PARSE(app, argc, argv);
  try {
    lm::net::UNet net = trained(options.quick);
    const Tensor x = lm::data::SyntheticVessels{.size = 64}(200).image.narrow(1, 0, 48).unsqueeze(0);
    const lm::target::Softmax question{lm::target::ClassRegion{.channel = 1}};
    const Tensor rows = at::arange(48, at::kLong).div(16, "floor").unsqueeze(1);
    const lm::Tensors groups{(rows * 4 + at::arange(64, at::kLong).div(16, "floor")).reshape({1, 1, 48, 64})};
    const std::int64_t far = options.quick ? 2000 : 30000;

    std::vector<Candidate> all;
    const auto add = [&](std::string name, auto explain, Tensor truth) {
      if (!truth.defined()) truth = explain(far, 0).map;
      all.push_back({std::move(name), explain, truth});
    };
    const Tensor exact = lm::ShapleyValues{.groups = groups}(net, x, question).map;
    const std::int64_t players = 12;
    const auto orders = [&](bool antithetic) {
      return [&, antithetic](std::int64_t passes, std::uint64_t seed) {
        const std::int64_t each = (players - 1) * (antithetic ? 2 : 1);
        return lm::ShapleySampling{.groups = groups,
                                   .samples = std::max<std::int64_t>(2, passes / each),
                                   .antithetic = antithetic,
                                   .seed = seed}(net, x, question);
      };
    };
    add("ShapleySampling, single orders", orders(false), exact);
    add("ShapleySampling, orders and their reverses", orders(true), exact);
    add(
        "KernelShap",
        [&](std::int64_t passes, std::uint64_t seed) {
          return lm::KernelShap{.groups = groups, .samples = passes, .seed = seed}(net, x, question);
        },
        exact);
    add("Lime",
        [&](std::int64_t passes, std::uint64_t seed) {
          return lm::Lime{.groups = groups, .samples = passes, .seed = seed}(net, x, question);
        },
        {});
    add("Rise",
        [&](std::int64_t passes, std::uint64_t seed) {
          return lm::Rise{.samples = passes, .grid = 4, .seed = seed}(net, x, question);
        },
        {});
    add("Sobol",
        [&](std::int64_t passes, std::uint64_t seed) {
          const std::int64_t design = 8, each = design * (players + 2);
          return lm::Sobol{.groups = groups,
                           .design = design,
                           .samples = std::max<std::int64_t>(2, passes / each),
                           .seed = seed}(net, x, question);
        },
        {});
    add("Hsic",
        [&](std::int64_t passes, std::uint64_t seed) {
          return lm::Hsic{.groups = groups, .samples = passes, .seed = seed}(net, x, question);
        },
        {});

    std::vector<std::int64_t> costs{64, 128, 256, 512, 1024};  // of fewer KernelShap cannot be sure
    if (options.quick) costs = {64, 128};
    const std::int64_t seeds = options.quick ? 2 : options.seeds;
    nlohmann::json numbers;
    std::vector<lm::view::Series> shapley, others;
    lm::view::Table table{.headers = {"method", "passes", "relative error", "standard error that it tells"},
                          .rows = {}};
    for (const Candidate& candidate : all) {
      lm::view::Series series{.name = candidate.name};
      for (const std::int64_t cost : costs) {
        const Point point = measure(candidate, cost, seeds);
        series.x.push_back(std::log10(point.passes));
        series.y.push_back(std::log10(std::max(point.error, 1e-9)));
        table.rows.push_back({candidate.name, lm::view::number(point.passes, 4),
                              lm::view::number(point.error, 3), lm::view::number(point.told, 3)});
        numbers[candidate.name].push_back(
            {{"passes", point.passes}, {"error", point.error}, {"standard_error", point.told}});
        std::printf("%-45s %7.0f passes, error %.4f, told %.4f\n", candidate.name.c_str(), point.passes,
                    point.error, point.told);
      }
      (&candidate - all.data() < 3 ? shapley : others).push_back(std::move(series));
    }
    fs::create_directories(options.out);
    lm::view::Report report{.title = "Error against cost"};
    report.lead = lm::text("Twelve features of 16 x 16 pixels, ", seeds,
                           " seeds. The error is the root of the mean square ",
                           "over features and seeds, divided by the spread of the values themselves.");
    const lm::view::LineChart same = chart("Estimates of the same numbers", std::move(shapley));
    const lm::view::LineChart each = chart("Each against its own long run", std::move(others));
    save(same, options.out / "shapley.svg");
    save(each, options.out / "others.svg");
    report.section("Shapley values").plot(same, "Against the exact values over all 4096 coalitions.");
    report.section("Other methods")
        .plot(each, lm::text("The methods estimate different things; each is compared with a run of about ",
                             far, " passes."));
    report.section("Numbers").table(table);
    report.save(options.out / "index.html");
    std::ofstream(options.out / "summary.json") << numbers.dump(2) << '\n';
    std::printf("%s\n", (options.out / "index.html").c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error_against_cost: %s\n", error.what());
    return 1;
  }
  return 0;
}
