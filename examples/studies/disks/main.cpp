// SPDX-License-Identifier: BSD-3-Clause
// Six attribution methods on classifiers of disks in noise, for the predicted and for the opposite class.
#include <string>
#include <vector>

#include <lumen/data/disks.hpp>
#include <lumen/data/drawn_disks.hpp>
#include <lumen/io/state_dict.hpp>
#include <lumen/net/custom_cnn.hpp>
#include <lumen/net/load.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/target/element.hpp>
#include <lumen/train/classifier.hpp>
#include <lumen/view/number.hpp>

#include "common/classifiers.hpp"
#include "common/study.hpp"
#include "published.hpp"

namespace lm = lumen;

namespace studies::disks {

namespace {

using lm::view::decimals;

/// A set of images with the network that learned it.
struct Set {
  std::string name{};
  lm::data::Labelled images{};
  lm::net::CustomCNN net{nullptr};
};

std::vector<Set> load(const Options& options) {
  std::vector<Set> sets;
  for (const std::string name : {"easier", "harder", "vary_disk"}) {
    Set set{.name = name};
    set.net = lm::net::seeded(options.seed, [] { return lm::net::CustomCNN(); });
    if (options.data.empty()) {
      const lm::data::DrawnDisks recipe{.brightness = name == "harder" ? 1000.0 : 255.0,
                                        .anywhere = name == "vary_disk",
                                        .seed = options.seed};
      set.images = recipe.to_classify(100);
      auto others = recipe;
      others.seed = options.seed + 1;
      (void)lm::train::ClassifierTrainer{.epochs = options.quick ? 5 : 15,
                                         .weight_decay = 1e-4,
                                         .progress = options.progress,
                                         .seed = options.seed}(set.net, others.to_classify(100), set.images);
    } else {
      set.images =
          lm::data::read_disks(find(options.data, {"disks/classification_" + name + ".pth",
                                                   "data/classification_custom_dataset/" + name + ".pth"}));
      const std::string weights = "custom_cnn_classification_" + name + ".pth";
      (void)lm::net::load(
          *set.net, lm::io::read_state_dict(find(options.data, {"weights/" + weights, "models/" + weights})));
    }
    set.net->eval();
    sets.push_back(std::move(set));
  }
  return sets;
}

void accuracies(Findings& found, std::vector<Set>& sets) {
  auto& section = found.report.section("Confidence");
  lm::view::Table table{.headers = {"Network trained on"},
                        .caption = "Share of the 200 images of each set that are classified rightly, %."};
  for (const Set& set : sets) table.headers.push_back("on " + set.name);
  for (Set& one : sets) {
    auto& row = table.rows.emplace_back(std::vector{one.name});
    for (const Set& other : sets) {
      const double share = lm::train::accuracy(one.net, other.images);
      row.push_back(decimals(100 * share, 1));
      found.numbers["accuracy"][one.name][other.name] = share;
    }
  }
  section.table(table);
}

void examine(Findings& found, Set& set, const Options& options) {
  const auto images =
      first_of_each(set.images, 2, options.size > 0 ? static_cast<std::int64_t>(options.size) : 10);
  const Classifier net = [module = set.net](const Tensor& x) mutable { return module->forward(x); };
  const Tensor logits = lm::train::logits_of(net, images.images), predicted = logits.argmax(1);
  auto& section = found.report.section("Set " + set.name);
  section.text(
      "In each pair: the image, and the map. Above it: what the network says, and its probability. All maps "
      "of a figure "
      "share one scale. A value of 0 is black.");
  auto& numbers = found.numbers["sets"][set.name];
  numbers["images"] = confidences(images, logits);
  lm::view::Table table{
      .headers = {"Figure", "Class", "Least", "Largest", "Least, published", "Largest, published"},
      .caption = "Ranges of the figures, and of the original's published ones."};
  //! [questions]
  const lm::target::Classes of_predicted{predicted}, of_opposite{1 - predicted};
  //! [questions]
  const auto add = [&](const std::string& name, const std::string& file, const std::string& settings,
                       const std::string& question, const Tensor& map) {
    const auto drawn = grid(images, map, logits, {"noise", "disk"});
    const auto ends = drawn.ends();
    section.figure({.picture = drawn.draw(),
                    .title = lm::text(name, ", ", question, " class"),
                    .caption = lm::text(settings, "; network and images: ", set.name, ".")});
    const auto theirs = published(set.name, question, file);
    table.rows.push_back({name, question, decimals(ends.low, 4), decimals(ends.high, 4),
                          theirs ? decimals(theirs->low, 4) : "\u2013",
                          theirs ? decimals(theirs->high, 4) : "\u2013"});
    numbers["figures"].push_back({{"method", file},
                                  {"class", question},
                                  {"low", ends.low},
                                  {"high", ends.high},
                                  {"sum", map.sum().item<double>()}});
    if (theirs) numbers["figures"].back()["published"] = {theirs->low, theirs->high};
    found.maps.emplace_back(set.name + "." + question + "." + file, map.squeeze(1));
  };
  const std::vector<Method> all = methods(options);
  for (const Method& method : all) {
    const auto maps = method.maps(net, images.images, {of_predicted, of_opposite});
    add(method.name, method.file, method.settings, "predicted", maps[0]);
    add(method.name, method.file, method.settings, "opposite", maps[1]);
  }
  section.heading("What the original's figure of integrated gradients showed");
  section.text(
      "It took the class from a list of two where there were twenty images, and so asked every image for the "
      "same class, "
      "whatever the network had predicted.");
  for (const auto& [question, index] :
       {std::pair{"predicted", 0}, std::pair{"opposite", set.name == "easier" ? 1 : 0}}) {
    const auto maps = all.front().maps(net, images.images, {lm::target::Class{.index = index}});
    add("Integrated gradients, its class", "integrated_gradients_published",
        lm::text("20 steps from the baseline 0, class ", index, index == 1 ? " (disk)" : " (noise)",
                 " for every image"),
        question, maps[0]);
  }
  section.table(table);
}

Findings work(const Options& options) {
  std::vector<Set> sets = load(options);
  Findings found;
  found.report.title = "Disks in noise: six methods, two questions";
  found.report.lead =
      "A small network tells noise from noise with a disk. Six methods say why, for the class that it "
      "predicts and for "
      "the other one.";
  found.report.byline =
      options.data.empty()
          ? "Images drawn by the original's recipe, networks trained on others of their kind."
          : "The original's images and weights.";
  found.numbers["study"] = "disks";
  found.numbers["data"] = options.data.empty() ? "drawn" : "original";
  found.numbers["seed"] = options.seed;
  accuracies(found, sets);
  for (Set& set : sets) examine(found, set, options);
  return found;
}

}  // namespace

}  // namespace studies::disks

int main(int argc, char** argv) {
  return studies::run(argc, argv,
                      {.name = "disks",
                       .about = "Six attribution methods on classifiers of disks in noise, for the predicted "
                                "and the opposite class.",
                       .data = std::string("the original's images and weights: ") + studies::original +
                               "; default: images are drawn and networks trained",
                       .work = studies::disks::work});
}
