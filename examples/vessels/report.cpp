// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <lumen/io/npy.hpp>
#include <lumen/version.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/mark.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/report.hpp>

#include "influence.hpp"
#include "influence_report.hpp"
#include "job.hpp"

namespace lm = lumen;

namespace vessels {

namespace {

namespace fs = std::filesystem;
using lm::view::decimals;
using lm::view::Figure;
using lm::view::number;
using lm::view::Rgb;

constexpr Rgb found{64, 160, 72}, invented{214, 72, 60}, missed{58, 110, 200}, marked{255, 214, 10};

/// A file name from a name.
std::string plain(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool keep = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (keep) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!keep && !out.empty() && out.back() != '-') out += '-';
  }
  return out;
}

fs::path map_file(const Story& story, const Answer& answer) {
  return fs::path("maps") /
         (plain(story.sample.name) + "_" + answer.target + "_" + plain(answer.method) + ".npy");
}

/// The image as a person wants to see it: microscope images are dark, so its brightest percent is white.
Tensor shown(const lm::data::Sample& sample) {
  const Tensor plane = sample.image.mean(0);
  return lm::view::picture(plane, lm::view::percentile_range(plane, 0.5, 99.5));
}

Tensor black_and_white(const Tensor& mask) { return lm::view::picture(mask.to(at::kFloat)); }

/// What is shown of a map: all of it, or for one pixel its surroundings, since a network sees no farther.
struct Window {
  std::int64_t top = 0, left = 0, height = 0, width = 0;

  Window(const Story& story, const std::string& target)
      : height(story.predicted.size(0)), width(story.predicted.size(1)) {
    if (target != "pixel") return;
    constexpr std::int64_t side = 72;
    const auto place = [](std::int64_t centre, std::int64_t extent) {
      return std::clamp<std::int64_t>(centre - side / 2, 0, std::max<std::int64_t>(extent - side, 0));
    };
    top = place(story.row, height);
    left = place(story.column, width);
    height = std::min(side, height);
    width = std::min(side, width);
  }

  [[nodiscard]] Tensor of(const Tensor& picture) const {
    return picture.narrow(-2, top, height).narrow(-1, left, width).contiguous();
  }
};

/// Fewer shades than colours can tell apart: the file becomes a third as large, the eye sees the same.
Tensor shaded(const Tensor& map, const lm::view::Colormap& colors, lm::view::Range range) {
  const double width = range.high - range.low;
  if (!(width > 0.0)) return lm::view::colorize(map, colors, range);
  const Tensor step = ((map.to(at::kDouble) - range.low) / width * 48.0).round() / 48.0 * width + range.low;
  return lm::view::colorize(step, colors, range);
}

lm::view::MatrixRow row(const Story& story, const Answer& answer) {
  const Window window(story, answer.target);
  const Tensor map = window.of(answer.map.to(at::kDouble));
  const lm::view::Range both = lm::view::symmetric_range(map, 99.5), up{0.0, both.high};
  const auto& colors = answer.has_sign ? lm::view::colormap::rd_yl_gn : lm::view::colormap::viridis;
  const Tensor dimmed = (window.of(shown(story.sample)).to(at::kDouble) * 0.6).to(at::kByte);
  Tensor over = lm::view::Overlay{
      .colors = colors, .range = lm::view::symmetric_range(map, 98.0), .alpha = 1.0}(dimmed, map);
  if (answer.target == "pixel")
    lm::view::draw(
        over,
        {.row = story.row - window.top, .column = story.column - window.left, .radius = 4, .color = marked});
  lm::view::MatrixRow out{.label = answer.method};
  out.note = lm::text(answer.forward_passes, " + ", answer.backward_passes, " passes, ",
                      decimals(answer.seconds, 2), " s");
  if (!std::isnan(answer.relative_error))
    out.note += lm::text("; off by ", number(100 * answer.relative_error, 2), " %");
  out.figures = {
      Figure{.picture = shaded(map, colors, answer.has_sign ? both : up)}, Figure{.picture = over}, {}, {}};
  if (answer.has_sign) {
    out.figures[2].picture = shaded(map.clamp_min(0), lm::view::colormap::greens, up);
    out.figures[3].picture = shaded((-map).clamp_min(0), lm::view::colormap::reds, up);
  }
  return out;
}

void data_section(lm::view::Report& report, const Result& result) {
  auto& section = report.section("Data");
  section.text(lm::text(
      result.data_words, ": ", result.training_images, " train the network, ", result.test_images,
      " are kept for testing and never trained on. Each has a label (white: vessel) and a skeleton, the "
      "centre lines of the vessels. Below, some training images; their contrast is stretched for the eye, "
      "the network sees the original."));
  lm::view::Matrix matrix{.columns = {"Image", "Label", "Skeleton"}, .side = 180};
  for (const auto& sample : result.examples)
    matrix.rows.push_back(
        {.label = sample.name,
         .note = lm::text(sample.image.size(1), " x ", sample.image.size(2), ", ",
                          decimals(100 * sample.label.eq(1).to(at::kDouble).mean().item<double>(), 1),
                          " % vessel"),
         .figures = {Figure{.picture = shown(sample)}, Figure{.picture = black_and_white(sample.label.eq(1))},
                     Figure{.picture = black_and_white(sample.skeleton)}}});
  section.matrix(matrix);
}

void training_section(lm::view::Report& report, const Result& result) {
  auto& section = report.section("Training");
  std::vector<double> train_loss, test_loss, train_iou, test_iou;
  for (const auto& epoch : result.history) {
    train_loss.push_back(epoch.train_loss);
    test_loss.push_back(epoch.test_loss);
    train_iou.push_back(epoch.train_iou);
    test_iou.push_back(epoch.test_iou);
  }
  section.plots({{.title = "Loss",
                  .x_label = "epoch",
                  .series = {{.name = "train", .y = train_loss}, {.name = "test", .y = test_loss}}},
                 {.title = "IoU",
                  .x_label = "epoch",
                  .series = {{.name = "train", .y = train_iou}, {.name = "test", .y = test_iou}}}});
  section.note(lm::text(
      "IoU (intersection over union) is the area that prediction and label share, divided by the area that "
      "either covers: 1 is perfect. Train: on random crops, while the weights still changed. Test: mean over "
      "whole images after the epoch. ",
      result.recipe, ". Maps lie in memory in ", result.layout, "."));
  if (const auto best = lm::train::best_epoch(result.history))
    section.text(lm::text("The weights explained here are those of epoch ", *best + 1,
                          ", which did best on the test images (IoU ",
                          decimals(result.history[*best].test_iou), "); the last epoch reached ",
                          decimals(result.history.back().test_iou),
                          ". Choosing the epoch by the test images flatters the first number a little."));
  section.heading("Test images");
  // Long lists stand in three columns side by side.
  const std::size_t count = result.test_names.size(), groups = count > 20 ? 3 : 1,
                    height = (count + groups - 1) / groups;
  lm::view::Table table{};
  for (std::size_t g = 0; g < groups; ++g)
    for (const char* header : {"Image", "IoU", "Dice"}) table.headers.emplace_back(header);
  for (std::size_t i = 0; i < height; ++i) {
    auto& line = table.rows.emplace_back();
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t k = g * height + i;
      line.push_back(k < count ? result.test_names[k] : "");
      line.push_back(k < count ? decimals(result.test_ious[k]) : "");
      line.push_back(k < count ? decimals(result.test_dices[k]) : "");
    }
  }
  section.table(table);
}

void story_section(lm::view::Report& report, const Story& story) {
  auto& section = report.section("Image " + story.sample.name);
  const bool labelled = story.sample.label.defined();
  if (!labelled) section.text("This image has no label: how good the prediction is cannot be said.");
  if (labelled)
    section.text(lm::text(
        "Prediction and label share ", decimals(100 * story.iou, 1),
        " % of the area that either covers (IoU ", decimals(story.iou), ", Dice ", decimals(story.dice), ").",
        story.iou > 0.5 ? "" : " This is poor: read the maps below as reasons for a mistake."));
  const Tensor label = labelled ? story.sample.label.eq(1) : story.predicted;
  const Tensor image = shown(story.sample);
  Tensor verdict = lm::view::tint(image, label & story.predicted, found, 0.6);
  verdict = lm::view::tint(verdict, story.predicted & ~label, invented, 0.8);
  verdict = lm::view::tint(verdict, label & ~story.predicted, missed, 0.8);
  const Figure probability{
      .picture = lm::view::colorize(story.probability, lm::view::colormap::viridis, {0.0, 1.0}),
      .title = "Probability of vessel",
      .caption = "dark 0, yellow 1"};
  if (labelled) {
    section.grid({Figure{.picture = image, .title = "Image"},
                  Figure{.picture = black_and_white(label), .title = "Label"}, probability,
                  Figure{.picture = verdict, .title = "Prediction and label"}});
    section.key({{found, "vessel, and found"},
                 {invented, "found, but not in the label"},
                 {missed, "in the label, but missed"}});
  } else {
    section.grid({Figure{.picture = image, .title = "Image"}, probability,
                  Figure{.picture = verdict, .title = "Prediction"}});
  }

  if (!story.page.empty()) section.link("Ask any pixel of its centre lines what it depends on", story.page);

  for (const std::string target : {"region", "pixel"}) {
    lm::view::Matrix matrix{.columns = {"Map", "Over the image", "For vessel", "Against vessel"},
                            .side = 180};
    for (const Answer& answer : story.answers)
      if (answer.target == target) matrix.rows.push_back(row(story, answer));
    if (target == "region") {
      section.heading("Why are these pixels a vessel?");
      if (matrix.rows.empty()) {
        section.text(
            "The network calls no pixel of this image a vessel, so there is no region to ask about.");
        continue;
      }
      section.text(
          lm::text("Explained is the mean log-odds of vessel over all pixels that the network calls vessel (",
                   number(matrix.rows.empty() ? 0.0 : story.answers.front().score), ")."));
    } else {
      section.heading("Why is this one pixel a vessel?");
      section.text(lm::text("Explained are the log-odds of vessel at row ", story.row, ", column ",
                            story.column, story.on_skeleton ? ", on a centre line" : "",
                            " (yellow cross); the probability there is ",
                            decimals(story.probability[story.row][story.column].item<double>()),
                            ". The pictures show its surroundings: pixels that are farther away than the "
                            "network looks cannot matter."));
    }
    section.matrix(matrix);
  }
}

void comparison_section(lm::view::Report& report, const Result& result) {
  auto& section = report.section("Methods compared");
  section.text(
      "Means over the explained images. No column alone says which method is right: a map can be sparse and "
      "tidy and "
      "still not tell what the network does. Completeness is the one that can be checked exactly.");
  for (const std::string target : {"region", "pixel"}) {
    lm::view::Table table{.headers = {"Method", "Forward", "Backward", "Seconds", "Completeness error",
                                      "Sparsity (Gini)", "Mass in vessel", "Top 5 % IoU"}};
    using lm::view::Best;
    table.best = {Best::None,   Best::None,    Best::None,    Best::Lowest,
                  Best::Lowest, Best::Highest, Best::Highest, Best::Highest};
    table.caption = target == "region" ? "Target: the vessel region" : "Target: one centre-line pixel";
    std::vector<std::string> order;
    std::map<std::string, std::vector<const Answer*>> methods;
    for (const Story& story : result.stories)
      for (const Answer& answer : story.answers)
        if (answer.target == target) {
          if (methods[answer.method].empty()) order.push_back(answer.method);
          methods[answer.method].push_back(&answer);
        }
    for (const std::string& method : order) {
      const auto& answers = methods[method];
      // of the images for which it is known
      const auto mean = [&](double Answer::* member) {
        double sum = 0, count = 0;
        for (const Answer* answer : answers)
          if (!std::isnan(answer->*member)) sum += answer->*member, ++count;
        return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
      };
      const auto share = [&](double Answer::* member) {
        const double value = mean(member);
        return std::isnan(value) ? std::string("\u2013") : decimals(value);
      };
      const double error = 100 * mean(&Answer::relative_error);
      table.rows.push_back(
          {method, std::to_string(answers.front()->forward_passes),
           std::to_string(answers.front()->backward_passes), decimals(mean(&Answer::seconds), 2),
           std::isnan(error) ? "\u2013" : number(error, 2) + " %", decimals(mean(&Answer::gini)),
           share(&Answer::mass_inside), share(&Answer::top_iou)});
    }
    if (!table.rows.empty()) section.table(table);
  }
  section.note(
      "Forward, backward: evaluations of the network and of its gradient. Seconds: half of the run that "
      "answered both "
      "questions. Completeness error: how far "
      "the sum of the map is from the difference of scores that it must explain; a dash for methods that "
      "promise no sum. "
      "Sparsity: 0 for an even map, near 1 for a few bright pixels. Mass in vessel: the share of the "
      "evidence for vessel "
      "that lies on labelled vessel; the part of the image that is vessel is what chance gives. Top 5 % IoU: "
      "overlap of the "
      "strongest twentieth of the pixels with the label.");
}

void reading_section(lm::view::Report& report, const Result& result) {
  auto& section = report.section("How to read the maps");
  section.text(
      "A map gives every pixel of the image a number: how much it spoke for (green) or against (red) the "
      "network's "
      "decision, in the unit of the decision. Log-odds are 0 where the network is undecided, 3 at a "
      "probability of 95 %, "
      "and \u22123 at 5 %. Every map has its own scale, which ends at its strongest pixels.\n\n"
      "A map without negative values, such as Saliency's, shows where the network is sensitive, from dark "
      "(not) to yellow "
      "(very).\n\nGood signs are green along the walls and in the inside of the vessels that the question "
      "was about. "
      "Look out for "
      "evidence that lies where no vessel is: then the network leans on something else, such as noise, a "
      "bright "
      "background or the border of the image.");
  if (result.stories.empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const Method& method : result.stories.front().methods)
    rows.push_back({method.title, method.what, method.paper});
  section.table({"Method", "What it computes", "Source"}, rows);
  if (result.stories.front().refused.empty()) return;
  section.text("These were asked and have no answer about such an output:");
  rows.clear();
  for (const auto& [name, why] : result.stories.front().refused) rows.push_back({name, why});
  section.table({"Method", "Why not"}, rows);
}

std::string command(const Options& options) {
  std::string words = "./examples/run.sh";
  if (!options.data.empty()) words += " --data " + options.data.string();
  words += lm::text(" --out ", options.out.string(), " --seed ", options.seed, " --net ", options.net,
                    " --images ", options.images, " --steps ", options.steps);
  if (!options.explain.empty()) words += " --explain " + options.explain.string();
  if (options.epochs > 0) words += lm::text(" --epochs ", options.epochs);
  if (options.seconds > 0) words += lm::text(" --seconds ", options.seconds);
  return words;
}

void write_report(const Result& result) {
  lm::view::Report report{.title = "Why does the network see a vessel here?"};
  report.lead =
      lm::text("A network of ", decimals(static_cast<double>(result.parameters) / 1e6, 2),
               " million parameters marks blood vessels in ", result.data_words,
               ". This page shows how well it does, and "
               "which pixels of an image made it decide, according to ",
               result.stories.empty() ? std::size_t{0} : result.stories.front().methods.size(), " methods.");
  report.byline = lm::text("lumen ", LUMEN_VERSION_MAJOR, ".", LUMEN_VERSION_MINOR, ".", LUMEN_VERSION_PATCH,
                           ", LibTorch ", TORCH_VERSION);
  double total = 0;
  for (const auto& [stage, seconds] : result.seconds) total += seconds;
  const double vessel = [&] {
    double sum = 0;
    for (const Story& story : result.stories) sum += story.predicted.to(at::kDouble).mean().item<double>();
    return result.stories.empty() ? 0.0 : 100 * sum / static_cast<double>(result.stories.size());
  }();
  auto& summary = report.section("In short");
  summary.facts(
      {{decimals(result.test_iou), "test IoU", lm::text("mean over ", result.test_images, " whole images")},
       {decimals(result.test_dice), "test Dice", "of the same"},
       {std::to_string(result.history.size()), "epochs",
        result.reused ? "from the checkpoint, nothing trained this time"
                      : lm::text(decimals(lm::train::seconds_spent(result.history), 0), " s of training")},
       {std::to_string(result.stories.size()), "images explained",
        lm::text("on average ", decimals(vessel, 0), " % called vessel")},
       {decimals(total, 0) + " s", "this run", "data, training, explaining"}});
  reading_section(report, result);
  data_section(report, result);
  training_section(report, result);
  for (const Story& story : result.stories) story_section(report, story);
  if (!result.stories.empty()) comparison_section(report, result);
  if (result.influence) influence_section(report, *result.influence, result.stories.front());
  auto& files = report.section("Files");
  files.text(
      "Beside this page: summary.json with every number, maps/*.npy with every map (float32, [H, W]), "
      "pages/*.html that answer for the pixels of centre lines, "
      "history.csv with the "
      "training curves. The same page again, from the same checkpoint:");
  files.code(command(result.options));
  report.save(result.options.out / "report.html");
}

void write_summary(const Result& result) {
  using Json = nlohmann::ordered_json;
  const auto real = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json out;
  out["test_iou"] = result.test_iou;
  out["test_dice"] = result.test_dice;
  out["last_epoch_test_iou"] = result.history.empty() ? Json(nullptr) : Json(result.history.back().test_iou);
  for (const auto& [stage, seconds] : result.seconds) out["seconds"][stage] = seconds;
  out["data"] = result.data_words;
  out["training_images"] = result.training_images;
  out["test_images"] = result.test_images;
  out["net"] = result.options.net;
  out["parameters"] = result.parameters;
  out["recipe"] = result.recipe;
  out["layout"] = result.layout;
  out["epochs"] = result.history.size();
  out["training_seconds"] = lm::train::seconds_spent(result.history);
  out["checkpoint"] = result.checkpoint.string();
  out["checkpoint_reused"] = result.reused;
  out["tests"] = Json::array();
  for (std::size_t i = 0; i < result.test_names.size(); ++i)
    out["tests"].push_back(
        {{"image", result.test_names[i]}, {"iou", result.test_ious[i]}, {"dice", result.test_dices[i]}});
  if (result.influence) {
    const Influence& influence = *result.influence;
    out["influence"] = {{"image", influence.image},
                        {"rows", influence.rows},
                        {"step", influence.step},
                        {"way", influence.way},
                        {"seconds", influence.seconds},
                        {"reducing_seconds", influence.reducing_seconds},
                        {"whole_backward_pass_seconds", influence.whole_pass_seconds},
                        {"theoretical_side", influence.theoretical},
                        {"count_against_probability",
                         {{"slope", real(influence.confidence.slope)},
                          {"correlation", real(influence.confidence.correlation)}}}};
    for (std::size_t g = 0; g < 2; ++g) {
      out["influence"]["effective_radius_90"].push_back(real(influence.fields[g].radius(90)));
      out["influence"]["sigma"].push_back(
          {real(influence.gaussians[g].sigma_row), real(influence.gaussians[g].sigma_column)});
    }
  }
  out["rows"] = Json::array();
  for (const Story& story : result.stories)
    for (const Answer& answer : story.answers) {
      Json line{{"image", story.sample.name}, {"target", answer.target}, {"method", answer.method}};
      if (answer.target == "pixel") line["pixel"] = {story.row, story.column};
      line["forward_passes"] = answer.forward_passes;
      line["backward_passes"] = answer.backward_passes;
      line["seconds"] = answer.seconds;
      line["score"] = real(answer.score);
      line["completeness_error"] = real(answer.completeness_error);
      line["relative_completeness_error"] = real(answer.relative_error);
      line["gini"] = answer.gini;
      line["mass_in_vessel"] = real(answer.mass_inside);
      line["top5_iou"] = real(answer.top_iou);
      line["map"] = map_file(story, answer).string();
      out["rows"].push_back(std::move(line));
    }
  std::ofstream file(result.options.out / "summary.json");
  file << out.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  lm::require(file.good(), "cannot write summary.json");
}

}  // namespace

void write_results(const Result& result) {
  fs::create_directories(result.options.out / "maps");
  for (const Story& story : result.stories)
    for (const Answer& answer : story.answers)
      lm::io::write_npy(result.options.out / map_file(story, answer), answer.map.to(at::kFloat).contiguous());
  if (result.influence) {
    const auto write = [&](const char* name, const Tensor& map) {
      lm::io::write_npy(result.options.out / "maps" / lm::text("influence_", name, ".npy"), map);
    };
    write("count", result.influence->count);
    write("fulfilment", result.influence->fulfilment);
    write("mass", result.influence->mass);
    write("input_mean", result.influence->of_input.mean);
    write("field_background", result.influence->fields[0].energy);
    write("field_vessel", result.influence->fields[1].energy);
  }
  lm::train::write_history(result.history, result.options.out / "history.csv");
  write_report(result);
  write_summary(result);
}

}  // namespace vessels
