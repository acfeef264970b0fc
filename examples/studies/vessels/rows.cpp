// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/data/random.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/sparsity.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "parts.hpp"

namespace lm = lumen;
namespace inf = lumen::influence;

namespace studies::vessels {

namespace {

const lm::target::Class vessel{.index = 1};

Tensor asked(const VesselImages& images, std::size_t image) { return images.test[image].image.unsqueeze(0); }

}  // namespace

std::vector<Place> choose_places(const VesselImages& images, std::int64_t of_each, std::uint64_t seed) {
  std::vector<Place> places;
  for (std::size_t i = 0; i < images.test.size(); ++i) {
    const lm::data::Sample& sample = images.test[i];
    const bool lines = sample.skeleton.defined() && sample.skeleton.any().item<bool>();
    const Tensor there = (lines ? sample.skeleton : sample.label.eq(1)).nonzero();
    auto order = lm::data::shuffled(static_cast<std::size_t>(there.size(0)), lm::data::Random({seed, i}));
    order.resize(std::min(order.size(), static_cast<std::size_t>(of_each)));
    std::ranges::sort(order);
    for (const std::size_t k : order) {
      const Tensor place = there[static_cast<std::int64_t>(k)];
      places.push_back({i, place[0].item<std::int64_t>(), place[1].item<std::int64_t>()});
    }
  }
  return places;
}

std::array<Rows, 2> rows_of(const Network& network, const VesselImages& images,
                            const std::vector<Place>& places) {
  lm::net::UNet net = network.net;
  std::array<Rows, 2> found;
  std::array<std::vector<std::pair<Tensor, inf::RowChunk>>, 2> chunks;  // with the places' numbers
  std::vector<double> probability(places.size()), brightness(places.size());
  for (std::size_t first = 0; first < places.size();) {
    const std::size_t image = places[first].image;
    const Tensor x = asked(images, image);
    inf::Pixels pixels;
    std::size_t last = first;
    for (; last < places.size() && places[last].image == image; ++last)
      pixels.places.push_back({places[last].row, places[last].column});
    const Tensor p = [&] {
      const at::NoGradGuard no_gradient;
      return at::softmax(net->forward(x), 1)[0][1];
    }();
    for (std::size_t k = first; k < last; ++k) {
      probability[k] = p[places[k].row][places[k].column].item<double>();
      brightness[k] = x[0][0][places[k].row][places[k].column].item<double>();
    }
    //! [rows]
    inf::rows(net, x, pixels, {lm::target::Softmax{vessel}, lm::target::LogOdds{vessel}},
              [&](const inf::RowChunk& chunk) {
                //! [rows]
                std::vector<std::int64_t> numbers;
                for (std::int64_t b = 0; b < chunk.size(); ++b) {
                  const auto* at = chunk.places.data_ptr<std::int64_t>() + 2 * b;
                  const auto same = [&](const Place& place) {
                    return place.image == image && place.row == at[0] && place.column == at[1];
                  };
                  numbers.push_back(std::ranges::find_if(places, same) - places.begin());
                }
                chunks[chunk.target].emplace_back(at::tensor(numbers, at::kLong), chunk);
              });
    first = last;
  }

  const auto count = static_cast<std::int64_t>(places.size());
  for (std::size_t t = 0; t < 2; ++t) {
    Rows& rows = found[t];
    rows.probability = at::tensor(probability, at::kDouble);
    rows.brightness = at::tensor(brightness, at::kDouble);
    Tensor high = at::zeros({count}, at::kDouble), low = at::zeros_like(high), gini = at::zeros_like(high);
    inf::ValueHistogram histogram(100, -1.0, 1.0);
    double large = 0, all = 0;
    for (const auto& [numbers, chunk] : chunks[t]) {
      const inf::Windows windows(chunk);
      high.index_copy_(0, numbers, windows.extremes().first);
      low.index_copy_(0, numbers, windows.extremes().second);
      gini.index_copy_(0, numbers, inf::Gini{}(windows));
      histogram(windows);
      large += windows.magnitudes().gt(0.1).sum().item<double>();
      all += static_cast<double>(windows.count() * chunk.height * chunk.width);
    }
    rows.extreme = at::maximum(high.abs(), low.abs());
    rows.peak = rows.extreme.max().item<double>();
    rows.highest = high.mean().item<double>();
    rows.lowest = low.mean().item<double>();
    rows.gini = gini.mean().item<double>();
    rows.sparsity = gini;
    rows.large = large / all;
    rows.values = histogram.result();
    //! [boxes]
    for (const double level : levels) {
      const inf::Threshold threshold{.level = level * rows.peak, .of = inf::Threshold::Of::Value};
      Tensor counts = at::zeros({count}, at::kDouble), areas = at::zeros_like(counts),
             fills = at::zeros_like(counts);
      for (const auto& [numbers, chunk] : chunks[t]) {
        const inf::Windows windows(chunk);
        counts.index_copy_(0, numbers, inf::Count{threshold}(windows));
        areas.index_copy_(0, numbers, inf::BoxArea{threshold}(windows));
        fills.index_copy_(0, numbers, inf::Fulfilment{threshold}(windows));
      }
      rows.levels.push_back(threshold.level);
      rows.counts.push_back(counts);
      rows.areas.push_back(areas);
      rows.fills.push_back(fills);
    }
    //! [boxes]
    if (rows.probability.gt(0.5).any().item<bool>())
      rows.confidence = inf::against_confidence(rows.counts[one_percent], rows.probability);
  }
  return found;
}

inf::KeptRow kept_row(const Network& network, const VesselImages& images, const Place& place,
                      double threshold) {
  lm::net::UNet net = network.net;
  const auto reduced = inf::Reduce{}(
      [&](const inf::RowSink& sink) {
        inf::rows(net, asked(images, place.image), inf::Pixels{{{place.row, place.column}}},
                  {lm::target::Softmax{vessel}}, sink);
      },
      inf::Extremes(inf::Count{{.level = threshold, .of = inf::Threshold::Of::Value}}, 1));
  return std::get<0>(reduced.results)[0].front();
}

}  // namespace studies::vessels
