// SPDX-License-Identifier: BSD-3-Clause
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>

#include <lumen/core/terminal_bar.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/npy.hpp>

#include "command.hpp"
#include "network.hpp"
#include "picture.hpp"
#include "target.hpp"

namespace cli {

namespace fs = std::filesystem;

namespace {

struct Options {
  std::string model{};
  std::vector<std::string> inputs{};
  std::string method = "integrated-gradients";
  std::string target = "predicted", neuron{}, baseline{}, layer{};
  std::vector<std::string> settings{};
  std::string mean{}, std{}, size{}, crop{}, channels = "auto";
  std::string out{}, picture{}, panel{};
  LoadOptions load{};
  Drawing drawing{};
  RegionOptions regions{};
  std::string memory = "128M";
  std::uint64_t seed = 0;
  bool json = false;
};

/// "512M", "2G", "65536": bytes.
std::int64_t bytes_of(std::string words) {
  std::int64_t unit = 1;
  constexpr std::string_view units = "KMG";
  if (const auto at = words.empty() ? std::string_view::npos : units.find(words.back());
      at != std::string_view::npos) {
    unit = std::int64_t{1} << (10 * (at + 1));
    words.pop_back();
  }
  const std::int64_t count = to_integer(words);
  require(count >= 1 && count <= (std::int64_t{1} << 50) / unit, "--memory: expected 1 byte to 1024 TiB");
  return count * unit;
}

Preprocessing preprocessing_of(const Options& options, const Network& network) {
  const auto sides = [](const std::string& words, const char* option) {
    std::vector<std::int64_t> values;
    if (!words.empty()) values = to_integers(words);
    const bool fits = values.size() <= 2 && (values.empty() || std::min(values.front(), values.back()) >= 1);
    require(fits, [&] { return text(option, ' ', words, ": expected S or H,W, at least 1 each"); });
    return values;
  };
  Preprocessing how{.size = sides(options.size, "--size"), .crop = sides(options.crop, "--crop")};
  if (!options.mean.empty()) how.mean = to_numbers(options.mean);
  if (!options.std.empty()) how.std = to_numbers(options.std);
  for (const double value : how.std) require(value > 0, "--std: expected numbers above 0");
  require(options.channels == "auto" || options.channels == "1" || options.channels == "3",
          "--channels: expected auto, 1 (gray) or 3 (RGB)");
  how.channels = options.channels == "auto" ? channels_of(network) : to_integer(options.channels);
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

/// Where each input's result of one kind is written: a file for one input, files in a folder for several.
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

  /// The file for this input; empty if nothing is wanted.
  std::string next(const std::string& stem) {
    if (path_.empty() || !several_) return path_;
    std::string name = stem;
    for (int i = 2; !taken_.insert(name).second; ++i) name = stem + "-" + std::to_string(i);
    return (fs::path(path_) / (name + extension_)).string();
  }

 private:
  std::string path_, extension_;
  bool several_;
  std::set<std::string> taken_;
};

void explain(const Options& options) {
  require(options.neuron.empty() || !options.layer.empty(), "--neuron: name its layer with --layer");
  require(options.regions.share > 0 && options.regions.share <= 1, "--top: expected a share in (0, 1]");
  const Entry& entry = method_named(options.method);
  Choices choices{.settings = settings_of(options.settings), .seed = options.seed};
  if (!options.layer.empty()) choices.layer = to_layer(options.layer);
  if (!options.neuron.empty()) choices.neuron = to_target(options.neuron);
  std::optional<lm::AnyTarget> asked;
  if (options.target != "predicted") asked = to_target(options.target);
  const std::vector<fs::path> files = files_of(options.inputs);

  const Network network = load(options.model, options.load);
  require(network.inputs == 1, [&] {
    return text(options.model, " takes ", network.inputs,
                " tensors; this program explains networks of one input");
  });
  if (choices.layer) check_layer(network, *choices.layer);
  const Preprocessing how = preprocessing_of(options, network);
  const auto placed = [&](const Tensor& x) { return x.to(network.device, network.dtype); };
  if (!options.baseline.empty()) {
    choices.baseline = to_baseline(
        options.baseline, [&](const std::string& path) { return placed(read_samples(path, how).front().x); });
  }
  const Explainer explainer = entry.prepare(choices);

  lm::Run run{.memory = bytes_of(options.memory), .progress = lm::TerminalBar{}};
  const bool several = files.size() > 1 || fs::is_directory(options.inputs.front()) ||
                       read_samples(files.front(), how).size() > 1;
  Place maps(options.out, ".npy", several), pictures(options.picture, ".png", several),
      panels(options.panel, ".png", several);
  Json all{{"model", options.model}, {"method", entry.name}, {"results", Json::array()}};
  std::int64_t number = 0;
  for (const fs::path& file : files) {
    for (Sample& sample : read_samples(file, how)) {
      Answer answer{.sample = std::move(sample)};
      const Tensor x = placed(answer.sample.x);
      run.samples = {number++};
      {
        const at::NoGradGuard no_grad;
        answer.output = network.model(x);
      }
      // a neuron takes the output's place, unless the method asks about both
      const bool neuron_only = choices.neuron && !entry.both;
      if (!neuron_only) answer.target = asked ? options.target : predicted_target(answer.output);
      const lm::AnyTarget target = neuron_only ? *choices.neuron : asked ? *asked : to_target(answer.target);
      if (choices.neuron) {
        answer.target += (neuron_only ? "" : ", ") + options.neuron + " of " + options.layer;
      }
      const auto start = std::chrono::steady_clock::now();
      answer.map = explainer(network.model, x, {target}, run).front();
      if (x.is_cuda()) answer.map.map = answer.map.map.cpu();  // waits for the device
      answer.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      answer.map_file = maps.next(answer.sample.stem);
      answer.picture_file = pictures.next(answer.sample.stem);
      answer.panel_file = panels.next(answer.sample.stem);
      if (!answer.map_file.empty()) lm::io::write_npy(answer.map_file, answer.map.map);
      if (!answer.picture_file.empty()) {
        lm::io::write_image(answer.picture_file, overlay_of(answer, options.drawing));
      }
      if (!answer.panel_file.empty()) {
        lm::io::write_image(answer.panel_file, panel_of(answer, entry.name, options.drawing));
      }
      const Json summary = summary_of(answer, options.regions);
      if (!options.json) std::fputs(lines_of(summary).c_str(), stdout);
      all["results"].push_back(summary);
    }
  }
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
}

}  // namespace

void add_explain(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("explain", "Says which parts of an input decided a network's output");
  const auto add = [&](const char* name, auto& value, const char* what) {
    return command.add_option(name, value, what)->capture_default_str();
  };
  add("-m,--model", options->model, "TorchScript file")->required();
  add("-i,--input,input", options->inputs, "images (PNG, JPEG, BMP, TIFF), arrays (npy), or folders of them")
      ->required();
  add("--method", options->method, "`lumen methods` lists them");
  add("-t,--target", options->target,
      "what to explain: predicted, 3, class:3, output, element:1,2, slice:0-4,*, pixel:C,ROW,COLUMN, "
      "region:C,mask.png, class-region:C, margin:3,5; softmax: or log-odds: before one of these");
  add("--set", options->settings, "an option of the method: NAME=VALUE")->allow_extra_args(false);
  add("--baseline", options->baseline,
      "what absent looks like: zero, constant:0.5, mean, blur:4, noise:0.1, uniform:0,1, a file, "
      "samples:FOLDER; "
      "several with +");
  add("--layer", options->layer,
      "a module's path (layer4.1, path#CALL) or an operator (relu:3, conv2d:-1); :input");
  add("--neuron", options->neuron, "a target of the layer's value, explained in place of the output");
  add("--size", options->size, "resizes images: S for the shorter side, or H,W");
  add("--crop", options->crop, "then cuts S or H,W from the centre");
  add("--mean", options->mean, "then subtracts this, one number or one a channel");
  add("--std", options->std, "then divides by this");
  add("--channels", options->channels,
      "of images: 1 gray, 3 RGB, auto: as the network's first weight takes them");
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
