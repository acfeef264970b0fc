// SPDX-License-Identifier: BSD-3-Clause
#include "influence.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <functional>
#include <tuple>

#include <lumen/influence/field/theoretical.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/io/file.hpp>
#include <lumen/map/distance.hpp>
#include <lumen/map/view.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/trace/program.hpp>
#include <lumen/view/influence_page.hpp>

namespace lm = lumen;
namespace inf = lumen::influence;

namespace vessels {

namespace {

using Of = inf::Threshold::Of;
const lm::AnyTarget vessel_log_odds = lm::target::LogOdds{lm::target::Class{.index = 1}};

/// What was asked for, without the gaps between.
Tensor dense(const Tensor& image, std::int64_t step) {
  return image.slice(0, 0, image.size(0), step).slice(1, 0, image.size(1), step).contiguous();
}

const char* words_of(inf::Way way) {
  return way == inf::Way::Rows      ? "backward, confined to windows"
         : way == inf::Way::Columns ? "forward from the image's pixels, confined to windows"
                                    : "by whole backward passes";
}

/// How much a pixel can see at most, in pixels a side.
std::int64_t theoretical_side(const Network& net, const Tensor& x) {
  const auto program =
      lm::trace::Program::record([&](const lm::Tensors& parts) { return net(parts.front()); }, {x},
                                 {.any_batch = false, .verify = false});
  const inf::TheoreticalFields fields(program);
  std::int64_t largest = 0;
  const std::vector<std::int64_t> sizes = program.sizes(program.output());
  for (std::int64_t place = 0; place < 8;
       ++place) {  // it depends on where the pixel lies in the coarsest map
    const std::int64_t row = std::min(sizes[2] / 2 + place, sizes[2] - 1),
                       column = std::min(sizes[3] / 2 + place, sizes[3] - 1);
    const auto parts = fields.parts(program.output(), {{0, sizes[1]}, {row, row + 1}, {column, column + 1}});
    const auto& seen = parts.at(program.inputs().front());
    largest = std::max({largest, seen[1].size(), seen[2].size()});
  }
  return largest;
}

double seconds_of_one_backward_pass(const Network& net, const Tensor& x) {
  const at::AutoGradMode enable(true);
  const Tensor input = x.clone().requires_grad_(true);
  const Tensor output = net(input);
  double best = 1e9;
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    Tensor seed = at::zeros_like(output);
    seed[0][1][output.size(2) / 2][output.size(3) / 2] = 1;
    (void)torch::autograd::grad({output}, {input}, {seed}, /*retain_graph=*/true);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

Influence measure_influence(const Network& net, const Story& story, std::int64_t step,
                            const lm::Progress& progress) {
  const Tensor x = story.sample.image.unsqueeze(0);
  const std::int64_t height = x.size(2), width = x.size(3);
  Influence found{.image = story.sample.name, .step = step};
  if (found.step == 0)
    found.step =
        std::max<std::int64_t>(1, std::llround(std::sqrt(static_cast<double>(height * width) / 4096)));
  found.whole_pass_seconds = seconds_of_one_backward_pass(net, x);
  found.theoretical = theoretical_side(net, x);

  //! [influence]
  const inf::Count count{{.level = 0.01, .of = Of::Image}};  // above 1 % of the image's maximum
  const inf::Fulfilment fulfilment{{.level = 0.1, .of = Of::Row}};
  const Tensor label = story.sample.label.eq(1).contiguous();
  const Tensor distance = lm::map::tensor(lm::map::distance_to(lm::map::view<bool>(label)));
  const inf::EffectiveField field(story.predicted.to(at::kLong), 2);  // of background, and of vessel
  inf::Report report;
  const auto reduced = inf::Reduce{}(
      [&](const inf::RowSink& sink) {
        report = inf::rows(net, x, inf::Every{.step = found.step}, {vessel_log_odds}, sink,
                           {.run = {.progress = progress}});
      },
      count, fulfilment, inf::Mass{}, inf::by_distance(distance, distance_edges), inf::ActivationMaps{},
      field, inf::Extremes(count, 4, 1.0));
  const auto& [counts, fulfilments, masses, profile, of_input, fields, extremes] = reduced.results;
  //! [influence]

  found.rows = reduced.rows;
  found.seconds = report.setup_seconds + report.row_seconds;
  found.reducing_seconds = report.sink_seconds;
  found.way = words_of(report.way);
  found.count = dense(counts, found.step);
  found.fulfilment = dense(fulfilments, found.step);
  found.mass = dense(masses, found.step);
  found.probability = dense(story.probability.to(at::kDouble), found.step);
  const Tensor shares = dense(profile, found.step).reshape({-1, profile.size(2)}).mean(0);
  for (std::int64_t k = 0; k < shares.size(0); ++k) found.near_vessel.push_back(shares[k].item<double>());
  found.of_input = of_input;
  found.extremes = extremes;
  for (std::size_t g = 0; g < 2; ++g) {
    found.fields[g] = fields[g];
    found.gaussians[g] = inf::fit_gaussian(fields[g].energy);
  }
  if (found.probability.gt(0.5).any().item<bool>())
    found.confidence = inf::against_confidence(found.count, found.probability);
  return found;
}

std::filesystem::path write_page(const Network& net, const Story& story, const std::filesystem::path& out) {
  const lm::data::Sample& sample = story.sample;
  inf::Outputs outputs = inf::Every{.step = 4};
  if (sample.skeleton.defined() && sample.skeleton.any().item<bool>()) outputs = inf::Mask{sample.skeleton};
  lm::view::InfluencePage page;
  inf::rows(net, sample.image.unsqueeze(0), outputs, {vessel_log_odds}, std::ref(page));
  const std::string html =
      page.html(sample.image, story.probability, "What the vessels of " + sample.name + " depend on",
                "The log-odds of vessel, differentiated with respect to every pixel.", "log-odds");
  std::string file;
  for (const char c : sample.name) file += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  const std::filesystem::path path = std::filesystem::path("pages") / (file + ".html");
  std::filesystem::create_directories(out / "pages");
  lm::io::write_file(out / path, {reinterpret_cast<const std::uint8_t*>(html.data()), html.size()});
  return path;
}

}  // namespace vessels
