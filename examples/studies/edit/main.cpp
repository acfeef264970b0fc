// SPDX-License-Identifier: BSD-3-Clause
// A rectangle of an inner layer is set to zero: what becomes of the segmentation?
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/trace/edit.hpp>
#include <lumen/trace/observe.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/mark.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/pair_grid.hpp>

#include "common/study.hpp"
#include "subject.hpp"

namespace lm = lumen;

namespace studies::edit {

namespace {

using lm::view::decimals;
using lm::view::Figure;

/// A colour for each class: PASCAL VOC's, whose bits are those of the class.
lm::view::Rgb color(std::int64_t label) {
  std::uint8_t rgb[3] = {0, 0, 0};
  for (int bit = 7; bit >= 0 && label > 0; --bit, label >>= 3)
    for (int channel = 0; channel < 3; ++channel)
      rgb[channel] = static_cast<std::uint8_t>(rgb[channel] | (((label >> channel) & 1) << bit));
  return {rgb[0], rgb[1], rgb[2]};
}

Tensor painted(const Tensor& labels) {
  Tensor out = lm::view::blank(labels.size(0), labels.size(1), {0, 0, 0});
  for (std::int64_t label = 1; label <= labels.max().item<std::int64_t>(); ++label)
    if (labels.eq(label).any().item<bool>()) out = lm::view::tint(out, labels.eq(label), color(label));
  return out;
}

/// What the network says of every pixel.
struct Said {
  Tensor labels{};         ///< [H, W]
  Tensor probabilities{};  ///< [classes, H, W]
};
template <class Net>
Said ask(const Net& net, const Tensor& x) {
  const at::NoGradGuard no_gradient;
  const Tensor p = at::softmax(lm::forward(net, x), 1)[0];
  return {p.argmax(0), p};
}

/// A rectangle of a layer as the pixels of the image that lie under it.
Tensor under(const lm::trace::FillRectangle& cells, const Tensor& layer, const Tensor& labels) {
  Tensor mask = at::zeros_like(labels, at::kBool);
  const auto scaled = [](std::int64_t cell, std::int64_t count, std::int64_t pixels) {
    return cell * pixels / count;
  };
  const std::int64_t top = scaled(cells.top, layer.size(2), labels.size(0)),
                     bottom = scaled(cells.top + cells.height, layer.size(2), labels.size(0)),
                     left = scaled(cells.left, layer.size(3), labels.size(1)),
                     right = scaled(cells.left + cells.width, layer.size(3), labels.size(1));
  mask.slice(0, top, bottom).slice(1, left, right).fill_(true);
  return mask;
}

struct Change {
  std::int64_t inside = 0, outside = 0;  ///< pixels with another class, under the rectangle and elsewhere
  Tensor where{};                        ///< bool [H, W]
  Tensor of_probability{};               ///< of the class that was predicted, [H, W]
};

Change edited(const Subject& subject, const Said& before, const lm::layer::Layer& layer, const Tensor& value,
              const lm::trace::FillRectangle& cells) {
  //! [edit]
  const Said after = ask(lm::trace::edit(subject.net, layer, cells), subject.x);
  //! [edit]
  const Tensor here = under(cells, value, before.labels), chosen = before.labels.unsqueeze(0);
  Change out{
      .where = after.labels.ne(before.labels),
      .of_probability = (after.probabilities.gather(0, chosen) - before.probabilities.gather(0, chosen))[0]};
  out.inside = (out.where & here).sum().item<std::int64_t>();
  out.outside = (out.where & here.logical_not()).sum().item<std::int64_t>();
  return out;
}

void sweep(Findings& found, const Subject& subject, const Said& before) {
  const Tensor value = lm::LayerActivation{.layers = {subject.layer}}(subject.net, subject.x).front();
  const std::int64_t height = value.size(2) / 4, width = value.size(3) / 4;
  lm::require(height >= 1 && width >= 1, "the layer is smaller than 4 x 4 cells");
  auto& section = found.report.section("A window of zeros");
  section.text(lm::text(
      "All ", value.size(1), " channels of ", subject.layer_words, " (", value.size(2), " x ", value.size(3),
      " cells) are set to zero inside a window of ", height, " x ", width,
      " cells, in turn at 16 places. Red: pixels that change their class. The frame is the window."));
  std::vector<Figure> figures;
  lm::view::PairGrid probabilities{.columns = 4,
                                   .magnify = std::max<std::int64_t>(1, 224 / before.labels.size(1)),
                                   .colors = lm::view::colormap::rd_yl_gn,
                                   .unit = "change of the predicted class's probability"};
  double most = 0;
  for (std::int64_t i = 0; i < 16; ++i) {
    const lm::trace::FillRectangle cells{i / 4 * height, i % 4 * width, height, width};
    const Change change = edited(subject, before, subject.layer, value, cells);
    const Tensor frame = lm::view::outline(under(cells, value, before.labels));
    Tensor picture = lm::view::tint(painted(before.labels), change.where, {235, 60, 50});
    picture = lm::view::tint(picture, frame, {255, 214, 10});
    figures.push_back(
        {.picture = picture,
         .title = lm::text("rows ", cells.top, "+, columns ", cells.left, "+"),
         .caption = lm::text(change.inside, " pixels change inside, ", change.outside, " outside")});
    probabilities.pairs.push_back(
        {.map = change.of_probability, .title = lm::text("row ", cells.top, ", column ", cells.left)});
    most = std::max(most, change.of_probability.abs().max().item<double>());
    found.numbers["sweep"].push_back(
        {{"top", cells.top},
         {"left", cells.left},
         {"changed_inside", change.inside},
         {"changed_outside", change.outside},
         {"largest_change_of_probability", change.of_probability.abs().max().item<double>()}});
  }
  section.grid(figures, 200);
  probabilities.range = lm::view::Range{-most, most};
  section.figure({.picture = probabilities.draw(),
                  .title = "How the probability of the predicted class changes",
                  .caption = "One scale for all 16 windows."});
}

void depths(Findings& found, const Subject& subject, const Said& before) {
  std::vector<lm::layer::Layer> layers;
  for (const auto& operation : lm::trace::observe([&] { (void)subject.net(subject.x); })) {
    if (operation.kind != "relu") continue;
    const Tensor result = operation.results.front().toTensor();
    if (result.dim() == 4 && result.size(2) >= 8 && result.size(3) >= 8)
      layers.push_back(lm::layer::nth("relu", operation.nth));
  }
  if (layers.empty()) return;
  auto& section = found.report.section("Depth");
  section.text(
      "The same window in the middle, a quarter of the layer high and wide, at every ReLU. The deeper the "
      "layer, the wider "
      "its cells see; what comes around it by a shorter path (the skip connections of a U-Net) repairs the "
      "rest.");
  lm::view::Table table{.headers = {"Layer", "Cells", "Changed under the window, %", "Changed elsewhere, %"},
                        .caption = "Share of pixels that change their class."};
  lm::view::Series inside{.name = "under the window"}, outside{.name = "elsewhere"};
  for (const auto& layer : layers) {
    const Tensor value = lm::LayerActivation{.layers = {layer}}(subject.net, subject.x).front();
    const std::int64_t height = value.size(2) / 4, width = value.size(3) / 4;
    const lm::trace::FillRectangle cells{(value.size(2) - height) / 2, (value.size(3) - width) / 2, height,
                                         width};
    const Change change = edited(subject, before, layer, value, cells);
    const double pixels = static_cast<double>(before.labels.numel()),
                 below = under(cells, value, before.labels).sum().item<double>();
    inside.x.push_back(static_cast<double>(layer.nth));
    outside.x.push_back(static_cast<double>(layer.nth));
    inside.y.push_back(100 * static_cast<double>(change.inside) / below);
    outside.y.push_back(100 * static_cast<double>(change.outside) / (pixels - below));
    table.rows.push_back({lm::text("ReLU ", layer.nth), lm::text(value.size(2), " x ", value.size(3)),
                          decimals(inside.y.back(), 2), decimals(outside.y.back(), 2)});
    found.numbers["depth"].push_back({{"relu", layer.nth},
                                      {"cells", {value.size(2), value.size(3)}},
                                      {"changed_inside", change.inside},
                                      {"changed_outside", change.outside}});
  }
  section.plot({.title = "Pixels that change their class",
                .x_label = "which ReLU, in order of execution",
                .y_label = "share, %",
                .series = {inside, outside}});
  section.table(table);
}

void channels(Findings& found, const Subject& subject, const Said& before) {
  const Tensor areas = at::bincount(before.labels.flatten(), {}, before.probabilities.size(0));
  std::vector<std::int64_t> classes;  // the largest in the image, background last
  for (std::int64_t i = 0; i < areas.size(0); ++i)
    if (areas[i].item<std::int64_t>() > 0) classes.push_back(i);
  std::ranges::stable_sort(classes, [&](std::int64_t a, std::int64_t b) {
    return std::pair(a == 0, -areas[a].item<std::int64_t>()) <
           std::pair(b == 0, -areas[b].item<std::int64_t>());
  });
  classes.resize(std::min<std::size_t>(classes.size(), 4));

  const Tensor value = lm::LayerActivation{.layers = {subject.layer}}(subject.net, subject.x).front();
  auto& section = found.report.section("Channels");
  section.text(
      lm::text("Which of the ", value.size(1), " channels of ", subject.layer_words,
               " speak for a class? Each channel's map is its activation times the mean of its gradient: the "
               "terms that Grad-CAM "
               "adds up, before they are added. Channels are ranked by the mean magnitude of that map."));
  lm::view::Table table{.headers = {"Question", "Score", "Channels, strongest first"}};
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const std::int64_t label = classes[k];
    const std::int64_t place = at::where(before.labels.eq(label), before.probabilities[label],
                                         at::zeros_like(before.probabilities[label]))
                                   .argmax()
                                   .item<std::int64_t>();
    const std::int64_t row = place / before.labels.size(1), column = place % before.labels.size(1);
    //! [targets]
    const lm::Targets questions{
        lm::target::ClassRegion{.channel = label, .reduction = lm::target::Reduction::Mean},
        lm::target::Pixel{.channel = label, .row = row, .column = column}};
    const lm::AtLayer gradient{.method = lm::Saliency{.absolute = false}, .layer = subject.layer};
    const auto slopes = gradient(subject.net, subject.x, questions);
    //! [targets]
    for (std::size_t q = 0; q < 2; ++q) {
      const std::string words =
          q == 0 ? lm::text("class ", label, ", mean over its region")
                 : lm::text("class ", label, ", its surest pixel (row ", row, ", column ", column, ")");
      const Tensor maps = (slopes[q].map.mean({2, 3}, true) * value)[0];
      const Tensor strength = maps.abs().mean({1, 2});
      const Tensor order = strength.argsort(std::int64_t{0}, true);
      std::string list;
      lm::view::PairGrid grid{.columns = 8,
                              .magnify = std::max<std::int64_t>(1, 112 / maps.size(2)),
                              .colors = lm::view::colormap::rd_yl_gn,
                              .unit = "logit",
                              .text = 1};
      for (std::int64_t i = 0; i < std::min<std::int64_t>(order.size(0), 16); ++i) {
        const auto channel = order[i].item<std::int64_t>();
        if (i < 8) list += lm::text(i == 0 ? "" : ", ", channel);
        grid.pairs.push_back({.map = maps[channel], .title = lm::text("channel ", channel)});
        found.numbers["channels"][lm::text("class_", label, q == 0 ? "_region" : "_pixel")].push_back(
            channel);
      }
      const auto ends = grid.ends();
      const double most = std::max(std::abs(ends.low), std::abs(ends.high));
      grid.range = lm::view::Range{-most, most};
      table.rows.push_back({words, decimals(slopes[q].score.item<double>(), 3), list});
      if (k == 0)
        section.figure({.picture = grid.draw(),
                        .title = "The strongest channels for " + words,
                        .caption = "Green speaks for the class, red against it; one scale for all."});
    }
  }
  section.table(table);
}

Findings work(const Options& options) {
  const Subject subject = load(options);
  const Said before = ask(subject.net, subject.x);
  Findings found;
  found.report.title = "An edit inside a network";
  found.report.lead =
      "What does a segmentation lose when a part of an inner layer is set to zero, and which channels carry "
      "a class?";
  found.report.byline = subject.words;
  found.numbers["study"] = "edit";
  found.numbers["data"] = options.data.empty() ? "trained here" : "given";
  found.numbers["seed"] = options.seed;
  auto& section = found.report.section("The image");
  section.grid({Figure{.picture = lm::view::picture(
                           subject.x[0], lm::view::percentile_range(subject.x[0].mean(0), 0.5, 99.5)),
                       .title = "Image",
                       .caption = lm::text(subject.x.size(2), " x ", subject.x.size(3), " pixels")},
                Figure{.picture = painted(before.labels), .title = "Segmentation"}},
               256);
  std::vector<lm::view::Key> keys;
  for (std::int64_t label = 0; label < before.probabilities.size(0); ++label) {
    const auto area = before.labels.eq(label).sum().item<std::int64_t>();
    if (area > 0) keys.push_back({color(label), lm::text("class ", label, ": ", area, " pixels")});
  }
  section.key(keys);
  sweep(found, subject, before);
  depths(found, subject, before);
  channels(found, subject, before);
  return found;
}

}  // namespace

}  // namespace studies::edit

int main(int argc, char** argv) {
  return studies::run(
      argc, argv,
      {.name = "edit",
       .about = "Sets a rectangle of an inner layer of a segmentation network to zero, everywhere in turn.",
       .data =
           "a folder with network.pt, a TorchScript network [N, 3, H, W] -> logits, and images (.png, .jpg); "
           "examples/studies/edit/make_network.py makes one; default: a small network is trained",
       .work = studies::edit::work});
}
