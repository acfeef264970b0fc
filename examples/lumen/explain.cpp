// SPDX-License-Identifier: BSD-3-Clause
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include <lumen/core/terminal_bar.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/op/probabilities.hpp>

#include "baseline.hpp"
#include "command.hpp"
#include "features.hpp"
#include "message.hpp"
#include "network.hpp"
#include "picture.hpp"
#include "sample.hpp"
#include "target.hpp"

namespace cli {

namespace fs = std::filesystem;

namespace {

struct Options {
  std::vector<std::string> inputs{};
  std::string method = "integrated-gradients";
  std::string target = "predicted", neuron{}, baseline{}, layer{};
  std::vector<std::string> settings{};
  PrepareOptions prepare{};
  std::string channels = "auto", batch = "auto";
  std::vector<std::string> shapes{};
  std::string held{};
  std::string out{}, picture{}, panel{};
  LoadOptions load{};
  Drawing drawing{};
  RegionOptions regions{};
  std::string memory = "128M";
  std::uint64_t seed = 0;
  bool json = false;
};

Preprocessing preprocessing_of(const Options& options) {
  Preprocessing how = preprocessing_of(options.prepare);
  if (options.channels != "auto") {
    how.channels = to_integer(options.channels);
    require(how.channels >= 1,
            "--channels: expected auto, 1 (gray), 3 (RGB) or the number that the file has");
  }
  if (options.batch != "auto") how.batch = options.batch == "yes";
  for (const std::string& words : options.shapes) {
    how.shape.push_back(to_integers(words));
    for (const std::int64_t side : how.shape.back())
      require(side >= 1, [&] { return text("--shape ", words, ": expected numbers above 0"); });
  }
  return how;
}

Settings settings_of(const std::vector<std::string>& words) {
  Settings settings;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    require(equals != std::string::npos && equals > 0,
            [&] { return text("--set ", word, ": expected NAME=VALUE, such as steps=50"); });
    settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return settings;
}

/// Where the results of one kind are written: a file for one input, files in a folder for several.
class Place {
 public:
  Place(std::string path, std::string extension, bool several)
      : path_(std::move(path)), extension_(std::move(extension)), several_(several) {
    if (path_.empty()) return;
    const std::string dotted = lm::io::extension(path_);
    if (several_) {
      require(dotted != extension_, [&] {
        return text(path_, ": there are several inputs; name a folder, in which each gets its own ",
                    extension_);
      });
      fs::create_directories(path_);
    } else {
      require(dotted == extension_,
              [&] { return text(path_, ": expected a name that ends in ", extension_); });
      const fs::path folder = fs::path(path_).parent_path();
      require(folder.empty() || fs::is_directory(folder),
              [&] { return text("there is no folder ", folder); });
    }
  }

  [[nodiscard]] bool wanted() const { return !path_.empty(); }

  /// The files for this input's results, of which there are `count`; none if nothing is wanted.
  std::vector<std::string> next(const std::string& stem, std::size_t count) {
    if (path_.empty()) return {};
    fs::path base = fs::path(path_).parent_path() / fs::path(path_).stem();
    if (several_) {
      std::string name = stem;
      for (int i = 2; !taken_.insert(name).second; ++i) name = stem + "-" + std::to_string(i);
      base = fs::path(path_) / name;
    }
    std::vector<std::string> files;
    for (std::size_t i = 0; i < count; ++i)
      files.push_back(base.string() + (count > 1 ? "-" + std::to_string(i) : "") + extension_);
    if (count == 1 && !several_) files.front() = path_;
    return files;
  }

 private:
  std::string path_, extension_;
  bool several_;
  std::set<std::string> taken_;
};

/// Files that are explained together: one, or one for each input of the network.
using Job = std::vector<fs::path>;

std::vector<Job> jobs_of(const Options& options, const Network& network) {
  std::vector<Job> jobs;
  if (network.inputs == 1 && (network.most_inputs == 1 || options.inputs.size() == 1)) {
    for (const fs::path& file : files_of(options.inputs)) jobs.push_back({file});
    return jobs;
  }
  const auto given = static_cast<std::int64_t>(options.inputs.size());
  require(network.inputs <= given && given <= network.most_inputs, [&] {
    return text(network.name, " takes ", network.inputs,
                network.most_inputs > network.inputs ? text(" to ", network.most_inputs) : "",
                " inputs, and ", given, given == 1 ? " was" : " were",
                " given; give --input once for each, in the order of its forward");
  });
  for (const std::string& input : options.inputs) {
    const std::vector<fs::path> files = files_of({input});
    if (jobs.empty()) jobs.resize(files.size());
    require(files.size() == jobs.size(), [&] {
      return text("the first input has ", jobs.size(), " files and ", input, " has ", files.size(),
                  "; every input has one for each sample");
    });
    for (std::size_t i = 0; i < files.size(); ++i) jobs[i].push_back(files[i]);
  }
  return jobs;
}

/// "1,0,1": a class for each row of the inputs. None for another target.
std::optional<std::vector<std::int64_t>> classes_of(const std::string& words) {
  const bool list =
      words.find(',') != std::string::npos && words.find_first_not_of("0123456789,") == std::string::npos;
  return list ? std::optional(to_integers(words)) : std::nullopt;
}

/// Explains one sample after the other.
class Explanation {
 public:
  Explanation(const Options& options, const Entry& entry, const Network& network)
      : options_(options),
        entry_(entry),
        network_(network),
        reader_(network, preprocessing_of(options),
                options.held.empty() ? std::vector<std::int64_t>{} : to_integers(options.held)),
        run_{.memory = bytes_of(options.memory), .progress = lm::TerminalBar{}},
        classes_(classes_of(options.target)) {
    choices_.settings = settings_of(options.settings);
    choices_.seed = options.seed;
    if (!options.layer.empty()) choices_.layer = layer_in(network, options.layer);
    if (!options.neuron.empty()) choices_.neuron = to_target(options.neuron);
    if (options.target != "predicted" && !classes_) asked_ = to_target(options.target);
  }

  [[nodiscard]] Reader& reader() { return reader_; }
  [[nodiscard]] const std::optional<std::vector<std::int64_t>>& classes() const { return classes_; }

  Answer operator()(Sample sample) {
    const std::int64_t number = number_++;
    Answer answer{.sample = std::move(sample)};
    if (!explainer_) {
      if (!options_.baseline.empty()) choices_.baseline = baseline_of(options_.baseline, reader_);
      choices_.more_masks = mask_of;
      explainer_ = prepared(entry_, choices_);
    }
    const lm::op::Output output = lm::op::output_of(network_.model.run, answer.sample.parts);
    answer.output = output.value;
    answer.probabilities = output.probabilities;
    check_scale(options_.target, output.probabilities);
    // a neuron takes the output's place, unless the method asks about both
    const bool neuron_only = choices_.neuron && !entry_.both;
    if (!neuron_only) {
      answer.target = classes_ ? text("class:", classes_->at(static_cast<std::size_t>(number)))
                      : asked_ ? options_.target
                               : predicted_target(answer.output);
    }
    const lm::AnyTarget target = neuron_only ? *choices_.neuron : asked_ ? *asked_ : to_target(answer.target);
    if (choices_.neuron) {
      answer.target += (neuron_only ? "" : ", ") + options_.neuron + " of " + options_.layer;
    }
    lm::Run run = run_;
    run.samples = {number};
    if (reader_.one_at_a_time()) {
      run.memory = 1;
      answer.note =
          "the network runs on one sample at a time only (traced so?), and so did every pass; it is slower";
    }
    if (reader_.samples_interact()) {
      run.memory = 1;
      answer.note =
          "the network's samples influence each other (a batch norm without statistics, x - x.mean(0)?), so "
          "every "
          "pass held this one alone; it is slower";
    }
    const bool ids = !at::isFloatingType(answer.sample.explained().front().scalar_type());
    require(!ids || choices_.layer, [&] {
      return text(answer.sample.name,
                  " holds integers (ids?), which have no gradient and no parts to take away: name a ",
                  "layer behind them with --layer, such as the embedding; `lumen inspect` lists the layers");
    });
    const Model model = answer.sample.explained_model(network_.model);
    const auto start = std::chrono::steady_clock::now();
    answer.map = explainer_(model.run, answer.sample.explained(), {target}, run).front();
    for (Tensor& map : answer.map.map) map = map.cpu();  // waits for the device
    answer.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return answer;
  }

 private:
  const Options& options_;
  const Entry& entry_;
  const Network& network_;
  Reader reader_;
  lm::Run run_;
  Choices choices_{};
  std::optional<lm::AnyTarget> asked_{};
  std::optional<std::vector<std::int64_t>> classes_;
  Explainer explainer_{};
  std::int64_t number_ = 0;
};

/// @throws Error unless there are as many classes as rows in all inputs
void check_classes(Explanation& explanation, const std::vector<Job>& jobs) {
  if (!explanation.classes()) return;
  std::size_t rows = 0;
  for (const Job& job : jobs) rows += explanation.reader().read(job).size();
  require(rows == explanation.classes()->size(), [&] {
    return text("--target names ", explanation.classes()->size(), " classes, and the inputs hold ", rows,
                " samples; give one class for each, or one for all");
  });
}

void explain(const Options& options) {
  require(options.neuron.empty() || !options.layer.empty(), "--neuron: name its layer with --layer");
  require(options.regions.share > 0 && options.regions.share <= 1, "--top: expected a share in (0, 1]");
  const Entry& entry = method_named(options.method);
  const Network network = load(options.load);
  Explanation explanation(options, entry, network);
  const std::vector<Job> jobs = jobs_of(options, network);
  check_classes(explanation, jobs);

  const bool many = jobs.size() > 1 || fs::is_directory(options.inputs.front());
  const bool rows = !many && explanation.reader().read(jobs.front()).size() > 1;
  Place maps(options.out, ".npy", many), pictures(options.picture, ".png", many || rows),
      panels(options.panel, ".png", many || rows);
  Json all{{"model", network.name}, {"method", entry.name}, {"results", Json::array()}};
  std::size_t failed = 0;
  for (const Job& job : jobs) {
    try {
      std::vector<Answer> answers;
      for (Sample& sample : explanation.reader().read(job)) {
        answers.push_back(explanation(std::move(sample)));
        Answer& answer = answers.back();
        const std::size_t count = answer.map.map.size();
        answer.picture_files = pictures.next(answer.sample.stem, count);
        for (std::size_t i = 0; i < answer.picture_files.size(); ++i)
          lm::io::write_image(answer.picture_files[i], overlay_of(answer, i, options.drawing));
        answer.panel_files = panels.next(answer.sample.stem, count);
        for (std::size_t i = 0; i < answer.panel_files.size(); ++i)
          lm::io::write_image(answer.panel_files[i], panel_of(answer, i, entry.name, options.drawing));
      }
      // the rows of one array become the rows of one
      const std::size_t count = answers.front().map.map.size();
      const std::vector<std::string> files = maps.next(job.front().stem().string(), count);
      for (std::size_t i = 0; i < files.size(); ++i) {
        Tensors of_rows;
        for (const Answer& answer : answers) of_rows.push_back(answer.map.map[i]);
        lm::io::write_npy(files[i], at::cat(of_rows));
      }
      for (Answer& answer : answers) {
        answer.map_files = files;
        const Json summary = summary_of(answer, options.regions);
        if (!options.json) std::fputs(lines_of(summary).c_str(), stdout);
        all["results"].push_back(summary);
      }
    } catch (const std::exception& error) {
      if (jobs.size() == 1) throw;
      ++failed;
      std::fprintf(stderr, "lumen: %s\n", first_line(error).c_str());
      all["results"].push_back({{"input", job.front().string()}, {"error", first_line(error)}});
    }
  }
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
  require(failed == 0, [&] { return text(failed, " of ", jobs.size(), " inputs could not be explained"); });
}

}  // namespace

void add_explain(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("explain", "Says which parts of an input decided a network's output");
  const auto add = [&](const char* name, auto& value, const char* what) {
    return command.add_option(name, value, what)->capture_default_str();
  };
  add("-m,--model", options->load.model, "TorchScript file");
  add("--net", options->load.net,
      "in place of --model: unet, custom-resnet, custom-cnn, custom-cnn-mnist, custom-cnn-mini; with "
      "options: "
      "unet:width=32,classes=3");
  add("--weights", options->load.weights,
      "of --net: a .pth or safetensors file, or a checkpoint of its training");
  add("-i,--input,input", options->inputs,
      "images (PNG, JPEG, BMP, TIFF), arrays (npy), or folders of them; of a network of several inputs, one "
      "for each")
      ->required();
  add("--method", options->method, "`lumen methods` lists them");
  add("-t,--target", options->target,
      "what to explain: predicted, 3, class:3, 1,0,1 (a class for each row), output, element:1,2, "
      "slice:0-4,*, pixel:C,ROW,COLUMN, "
      "region:C,mask.png, class-region:C, margin:3,5; softmax:, log-odds: or logit: before one of these");
  add("--set", options->settings, "an option of the method: NAME=VALUE")->allow_extra_args(false);
  add("--baseline", options->baseline,
      "what absent looks like: zero, constant:0.5, mean, blur:4, noise:0.1, uniform:0,1, a file, "
      "samples:FOLDER; "
      "several with +");
  add("--layer", options->layer,
      "a module's path (layer4.1, path#CALL) or an operator (relu:3, conv2d:-1); :input");
  add("--neuron", options->neuron, "a target of the layer's value, explained in place of the output");
  add("--size", options->prepare.size, "resizes images: S for the shorter side, or H,W");
  add("--crop", options->prepare.crop, "then cuts S or H,W from the centre");
  add("--mean", options->prepare.mean, "then subtracts this, one number or one a channel");
  add("--std", options->prepare.std, "then divides by this");
  add("--channels", options->channels,
      "of images: 1 gray, 3 RGB, or as many as the file has; auto: as the network takes them");
  add("--batch", options->batch,
      "whether the first axis of an array counts samples; auto: as the network takes it")
      ->check(CLI::IsMember({"auto", "yes", "no"}));
  add("--shape", options->shapes, "of the array with its batch axis, such as 1,4,45; once for each input")
      ->allow_extra_args(false);
  add("--held", options->held,
      "numbers of inputs, from 0, that are not explained and ride along; integers always do");
  add("-o,--out", options->out, "the map as .npy; for several inputs a folder");
  add("--picture", options->picture, "the map over the image as .png; for several inputs a folder");
  add("--panel", options->panel, "image, map and overlay as one .png; for several inputs a folder");
  const std::string colors = "of pictures: " + color_names();
  add("--colors", options->drawing.colors, colors.c_str());
  add("--alpha", options->drawing.alpha, "of the map over the image")->check(CLI::Range(0.0, 1.0));
  add("--magnify", options->drawing.magnify, "pictures by this; 0: small ones to about 256 pixels")
      ->check(CLI::Range(0, 64));
  add("--top", options->regions.share, "share of the pixels that the listed regions are made of");
  add("--regions", options->regions.most, "how many to list")->check(CLI::Range(0, 10000));
  add("--device", options->load.device, "cpu, cuda, cuda:1");
  add("--dtype", options->load.dtype, "float32 or float64; default: as in the file");
  add("--part", options->load.part, "of the network's output, if it is no tensor: out, logits, 0");
  add("--seed", options->seed, "of everything that is drawn");
  add("--memory", options->memory, "bytes that one pass may take: 512M, 2G");
  command.add_flag("--json", options->json, "everything as JSON on stdout");
  command.callback([options] { explain(*options); });
}

}  // namespace cli
