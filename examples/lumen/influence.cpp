// SPDX-License-Identifier: BSD-3-Clause
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>

#include <lumen/core/seed.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/influence/except.hpp>
#include <lumen/influence/normalise.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/io/rows/dense.hpp>
#include <lumen/io/rows/reader.hpp>
#include <lumen/io/rows/writer.hpp>
#include <lumen/op/probabilities.hpp>
#include <lumen/view/colormap.hpp>

#include "command.hpp"
#include "network.hpp"
#include "reducers.hpp"
#include "sample.hpp"
#include "summary.hpp"
#include "target.hpp"

namespace cli {

namespace fs = std::filesystem;
namespace inf = lm::influence;

namespace {

struct Options {
  std::string input{}, target{}, layer{};
  std::string outputs = "all", way = "cheapest", channels = "sum", store_as = "float";
  std::vector<std::string> reduce{};
  std::string out{}, save_rows{}, store{};
  PrepareOptions prepare{};
  std::string memory = "512M";
  LoadOptions load{};
  bool json = false, no_resume = false, no_pictures = false;
};

/// The one image that the rows lead to, where the network is.
Tensor input_of(const Options& options, const Network& network) {
  Reader reader(network, preprocessing_of(options.prepare), {});
  const std::vector<Sample> samples = reader.read({options.input});
  const Tensor x = samples.front().parts.front();
  require(samples.size() == 1 && x.dim() == 4, [&] {
    return text(options.input, " holds ", samples.size(), " samples of shape ", x.sizes(),
                "; rows are of one image, [1, C, H, W]");
  });
  return x;
}

/// Reads every reducer's image, whatever their number.
class Statistics {
 public:
  explicit Statistics(const std::vector<NamedStatistic>& all) {
    for (const NamedStatistic& each : all) each_.emplace_back(each.statistic);
  }
  [[nodiscard]] bool needs_peaks() const {
    return std::any_of(each_.begin(), each_.end(), [](const auto& one) { return one.needs_peaks(); });
  }
  void operator()(const inf::Windows& rows) {
    for (auto& one : each_) one(rows);
  }
  [[nodiscard]] std::vector<Tensor> result() const {
    std::vector<Tensor> images;
    for (const auto& one : each_) images.push_back(one.result());
    return images;
  }

 private:
  std::vector<inf::PerPixel<inf::AnyStatistic>> each_;
};

struct Score {
  Tensor operator()(const inf::Windows& rows) const { return rows.chunk().scores.to(at::kCPU, at::kDouble); }
};

std::uint64_t hash(std::uint64_t so_far, const void* data, std::size_t bytes) {
  return lm::mix(lm::mix(so_far, bytes), lm::io::crc32({static_cast<const std::uint8_t*>(data), bytes}));
}

/// What tells these rows from all others: whoever asks the same again goes on where it was stopped.
std::string purpose_of(const Options& options, const Tensor& x) {
  const std::vector<std::uint8_t> file =
      lm::io::read_file(options.load.net.empty() ? options.load.model : options.load.weights);
  const Tensor values = x.cpu().contiguous();
  std::uint64_t key = hash(0, file.data(), file.size());
  key = hash(key, values.data_ptr(), values.nbytes());
  return text("lumen influence; model and input ", key, "; target ", options.target, "; outputs ",
              options.outputs, "; layer ", options.layer, "; part ", options.load.part, "; ",
              c10::toString(x.scalar_type()));
}

inf::Way way_of(const std::string& words) {
  if (words == "cheapest") return inf::Way::Cheapest;
  if (words == "rows") return inf::Way::Rows;
  if (words == "columns") return inf::Way::Columns;
  return inf::Way::Whole;
}

const char* words_of(inf::Way way) {
  switch (way) {
    case inf::Way::Rows:
      return "rows";
    case inf::Way::Columns:
      return "columns";
    case inf::Way::Whole:
      return "whole";
    default:
      return "cheapest";
  }
}

lm::io::rows::Encoding encoding_of(const std::string& words, at::ScalarType type) {
  using lm::io::rows::Encoding;
  if (words == "float16") return Encoding::Float16;
  if (words == "byte") return Encoding::Byte;
  return type == at::kDouble ? Encoding::Float64 : Encoding::Float32;
}

Json real(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json statistics_of(const Tensor& image) {
  const Tensor known = image.masked_select(image.isnan().logical_not());
  if (known.numel() == 0) return Json::object();
  return {{"min", real(known.min().item<double>())},
          {"mean", real(known.mean().item<double>())},
          {"median", real(known.median().item<double>())},
          {"max", real(known.max().item<double>())}};
}

Json report_of(const inf::Report& report) {
  Json json{{"way", words_of(report.way)},
            {"computed_rows", report.rows},
            {"forward_passes", report.forward_passes},
            {"backward_passes", report.backward_passes},
            {"setup_seconds", real(report.setup_seconds)},
            {"row_seconds", real(report.row_seconds)},
            {"rows_per_second",
             real(report.rows > 0 ? static_cast<double>(report.rows) / report.row_seconds : NAN)}};
  if (!report.why.empty()) json["why"] = report.why;
  std::int64_t confined = 0;
  for (const inf::StepReport& step : report.steps) {
    confined += step.confined ? 1 : 0;
    if (!step.confined) json["whole_operators"].push_back(step.where);
  }
  json["confined_operators"] = confined;
  return json;
}

void write_picture(const fs::path& path, const Tensor& image) {
  if (image.dim() != 2) return;
  const lm::view::Range range = lm::view::percentile_range(image, 0, 99.5);
  lm::io::write_image(
      path, lm::view::magnify(lm::view::colorize(image, lm::view::colormap::viridis, range),
                              std::max<std::int64_t>(1, 256 / std::min(image.size(0), image.size(1)))));
}

/// One line a reducer, the most important numbers of it.
void print(const Json& json) {
  std::printf("%s\n  rows          %s of %s outputs, %s\n", json["input"].get<std::string>().c_str(),
              json["rows"].dump().c_str(), json["outputs"].get<std::string>().c_str(),
              json["stream"].contains("way") ? json["stream"]["way"].get<std::string>().c_str()
                                             : "all were stored before");
  if (json["stream"].contains("why"))
    std::printf("  not confined  %s\n", json["stream"]["why"].get<std::string>().c_str());
  if (json["stream"].contains("rows_per_second"))
    std::printf("  speed         %s rows/s\n", json["stream"]["rows_per_second"].dump().c_str());
  for (const Json& each : json["reducers"]) {
    std::printf("  %-24s %s\n", each["reducer"].get<std::string>().c_str(), each["values"].dump().c_str());
  }
  std::printf("  written       %s\n", json["folder"].get<std::string>().c_str());
}

class Job {
 public:
  explicit Job(const Options& options)
      : options_(options), target_(to_target(options.target)), network_(load(options.load)) {
    require(network_.inputs == 1, [&] {
      return text(network_.name, " takes ", network_.inputs, " tensors; rows are of networks of one input");
    });
    for (const std::string& words : options.reduce) statistics_.push_back(to_statistic(words));
    for (std::size_t i = 0; i < statistics_.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        require(statistics_[i].file != statistics_[k].file,
                [&] { return text("--reduce ", statistics_[i].words, " is given twice"); });
      }
    }
    outputs_ = to_outputs(options.outputs);
    if (!options.layer.empty()) {
      settings_.layer = layer_in(network_, options.layer);
    }
    settings_.way = way_of(options.way);
    settings_.run.memory = bytes_of(options.memory);
    settings_.run.progress = lm::TerminalBar{};
    x_ = input_of(options, network_);
    if (options.layer.empty()) {
      check_scale(options.target, lm::op::output_of(network_.model.run, {x_}).probabilities);
    }
    fs::create_directories(options.out);
  }

  Json run() {
    Json json{{"model", network_.name},
              {"input", options_.input},
              {"target", options_.target},
              {"outputs", options_.outputs}};
    const bool scratch = options_.store.empty();
    const fs::path store = scratch ? fs::path(options_.out) / "rows.lrow" : fs::path(options_.store);
    if (options_.no_resume && scratch) {
      std::optional<inf::Report> report;
      reduce([&](const inf::RowSink& sink) { report = stream(outputs_, sink); }, json);
      json["stream"] = report_of(*report);
    } else {
      json["stream"] = complete(store);
      const lm::io::RowFile file(store);
      reduce(std::cref(file), json);
      if (!options_.save_rows.empty()) save(file);
    }
    write(json);
    if (scratch && !options_.no_resume) fs::remove(store);
    if (!scratch) json["store"] = options_.store;
    return json;
  }

 private:
  inf::Report stream(const inf::Outputs& outputs, const inf::RowSink& sink) const {
    return inf::rows(network_.model, x_, outputs, {target_}, sink, settings_);
  }

  /// Computes what the store does not hold yet.
  Json complete(const fs::path& store) {
    lm::io::RowWriter writer(store, {.encoding = encoding_of(options_.store_as, x_.scalar_type()),
                                     .purpose = purpose_of(options_, x_)});
    const std::int64_t before = writer.done().size(0);
    Json json{{"resumed_rows", before}};
    if (writer.finished()) return json;
    bool left = true;
    const inf::Except rest{outputs_, writer.done()};
    if (before > 0) {
      // the header of what is there tells the output's size
      const auto header = lm::io::RowFile(store, /*unfinished=*/true).header();
      left = rest(header.out_height, header.out_width).size(0) > 0;
    }
    if (left) {
      json = report_of(stream(rest, std::ref(writer)));
      json["resumed_rows"] = before;
    }
    writer.finish();
    return json;
  }

  template <class Stream>
  void reduce(const Stream& stream, Json& json) {
    const inf::Channels channels = options_.channels == "sum"      ? inf::Channels::Sum
                                   : options_.channels == "length" ? inf::Channels::Length
                                                                   : inf::Channels::Strongest;
    auto found = inf::Reduce{.channels = channels, .keep = options_.no_resume ? settings_.run.memory : 0}(
        stream, Statistics(statistics_), inf::PerPixel<Score>(Score{}), inf::ActivationMaps{});
    auto& [images, score, activation] = found.results;
    json["rows"] = found.rows;
    json["highest"] = real(found.peaks.highest);
    json["lowest"] = real(found.peaks.lowest);
    json["reducers"] = Json::array();
    add(json, "score", "score", "the pixel's score", score);
    for (std::size_t i = 0; i < images.size(); ++i) {
      add(json, statistics_[i].words, statistics_[i].file, statistics_[i].what, images[i]);
      if (images[i].dim() != 2) continue;
      const inf::LinearFit fit = inf::linear_fit(score, images[i]);
      json["reducers"].back()["against_score"] = {{"slope", real(fit.slope)},
                                                  {"intercept", real(fit.intercept)},
                                                  {"correlation", real(fit.correlation)}};
    }
    add(json, "mean", "input-mean", "of each input pixel: mean influence over the outputs", activation.mean);
    add(json, "mean-magnitude", "input-mean-magnitude", "of each input pixel: mean magnitude",
        activation.mean_magnitude);
    add(json, "highest", "input-highest", "of each input pixel: largest influence", activation.highest);
    add(json, "lowest", "input-lowest", "of each input pixel: smallest influence", activation.lowest);
  }

  void add(Json& json, const std::string& words, const std::string& file, const std::string& what,
           const Tensor& image) {
    const fs::path path = fs::path(options_.out) / (file + ".npy");
    lm::io::write_npy(path, image);
    Json line{{"reducer", words}, {"what", what}, {"file", file + ".npy"}, {"values", statistics_of(image)}};
    if (!options_.no_pictures && image.dim() == 2) {
      write_picture(fs::path(options_.out) / (file + ".png"), image);
      line["picture"] = file + ".png";
    }
    json["reducers"].push_back(std::move(line));
  }

  void save(const lm::io::RowFile& file) const {
    const auto& header = file.header();
    const Tensor places = outputs_(header.out_height, header.out_width);
    const bool all = places.size(0) == header.out_height * header.out_width;
    lm::io::DenseRows dense(options_.save_rows,
                            all ? Tensor() : places.select(1, 0) * header.out_width + places.select(1, 1));
    file(std::ref(dense));
    dense.finish();
  }

  void write(Json& json) const {
    json["folder"] = options_.out;
    std::ofstream file(fs::path(options_.out) / "summary.json");
    file << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    require(file.good(), [&] { return text("cannot write summary.json into ", options_.out); });
  }

  Options options_;
  lm::AnyTarget target_;
  Network network_;
  std::vector<NamedStatistic> statistics_{};
  inf::Outputs outputs_{};
  inf::Options settings_{};
  Tensor x_{};
};

}  // namespace

void add_influence(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(
      "influence",
      "Measures what every output pixel of a segmentation network depends on: rows of its Jacobian");
  const auto add = [&](const char* name, auto& value, const std::string& what) {
    return command.add_option(name, value, what)->capture_default_str();
  };
  add("-m,--model", options->load.model, "TorchScript file");
  add("--net", options->load.net, "in place of it: one of the library's networks, such as unet");
  add("--weights", options->load.weights, "of --net: a .pth or safetensors file, or a checkpoint");
  add("-i,--input,input", options->input, "one image (PNG, JPEG, BMP, TIFF) or array (npy)")->required();
  add("-t,--target", options->target,
      "the score of each pixel: 1 (a class's output), softmax:1 (its probability), log-odds:1, logit:1 (of "
      "probabilities), margin:1,0")
      ->required();
  add("--outputs", options->outputs,
      "which pixels: all, every:4, 'pixels:5,7;9,1', 'path:0,0;9,9', or a mask's file");
  add("--reduce", options->reduce, "what to say of each row: " + reducer_forms())->allow_extra_args(false);
  add("-o,--out", options->out, "folder for one .npy and one picture a reducer, and summary.json")
      ->required();
  add("--layer", options->layer, "ask about the pixels of a layer's value in place of the output's");
  add("--channels", options->channels, "of the image become one value a pixel")
      ->check(CLI::IsMember({"sum", "strongest", "length"}));
  add("--save-rows", options->save_rows,
      "the rows at the image's size as one .npy: few outputs, or much disk");
  add("--store", options->store, "keep the rows, as windows, in this file");
  add("--store-as", options->store_as, "float: as computed; float16; byte: each row over its own range")
      ->check(CLI::IsMember({"float", "float16", "byte"}));
  command.add_flag("--no-resume", options->no_resume,
                   "write no rows to disk: a run that is stopped begins again");
  command.add_flag("--no-pictures", options->no_pictures, "write no .png");
  add("--way", options->way, "how rows are computed; the same rows each way")
      ->check(CLI::IsMember({"cheapest", "rows", "columns", "whole"}));
  add("--size", options->prepare.size, "resizes images: S for the shorter side, or H,W");
  add("--crop", options->prepare.crop, "then cuts S or H,W from the centre");
  add("--mean", options->prepare.mean, "then subtracts this, one number or one a channel");
  add("--std", options->prepare.std, "then divides by this");
  add("--device", options->load.device, "cpu, cuda, cuda:1");
  add("--dtype", options->load.dtype, "float32 or float64; default: as in the file");
  add("--part", options->load.part, "of the network's output, if it is no tensor: out, logits, 0");
  add("--memory", options->memory, "bytes that a chunk of rows may take: 512M, 2G");
  command.add_flag("--json", options->json, "the summary as JSON on stdout");
  command.callback([options] {
    require(!options->reduce.empty() || !options->save_rows.empty() || !options->store.empty(),
            "nothing is asked for: give --reduce, --save-rows or --store");
    require(!options->no_resume || options->save_rows.empty(),
            "--save-rows reads stored rows; leave --no-resume out");
    require(options->store_as == "float" || !options->store.empty(),
            "--store-as: only rows that are kept may be less exact; name their file with --store");
    const Json json = Job(*options).run();
    options->json ? (void)std::printf("%s\n", json.dump(2).c_str()) : print(json);
  });
}

}  // namespace cli
