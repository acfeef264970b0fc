// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <lumen/core/terminal_bar.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/io/file.hpp>
#include <lumen/op/probabilities.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/logit.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/view/influence_page.hpp>

#include "command.hpp"
#include "network.hpp"
#include "reducers.hpp"
#include "sample.hpp"
#include "summary.hpp"

namespace cli {

namespace inf = lm::influence;

namespace {

struct Options {
  std::string input{}, out{}, outputs = "every:4", score = "probability", title{};
  std::int64_t of_class = -1;
  PrepareOptions prepare{};
  LoadOptions load{};
  bool json = false;
};

lm::AnyTarget target_of(const Options& options, bool probabilities) {
  const lm::target::Class pixel{.index = options.of_class};
  if (probabilities) {
    if (options.score == "log-odds") return lm::target::Logit<lm::target::Class>{pixel};
    return pixel;
  }
  if (options.score == "probability") return lm::target::Softmax<lm::target::Class>{pixel};
  if (options.score == "log-odds") return lm::target::LogOdds<lm::target::Class>{pixel};
  return pixel;
}

Json run(Options options) {
  const Network network = load(options.load);
  Reader reader(network, preprocessing_of(options.prepare), {});
  const std::vector<Sample> samples = reader.read({options.input});
  const Sample& sample = samples.front();
  const Tensor x = sample.parts.front();
  require(samples.size() == 1 && x.dim() == 4 && sample.pictures.front().defined(), [&] {
    return text(options.input, " holds ", samples.size(), " samples of shape ", x.sizes(),
                "; a page is of one image, [1, C, H, W]");
  });
  const auto [output, finished] = lm::op::output_of(network.model.run, {x});
  require(output.dim() == 4 && output.size(0) == 1, [&] {
    return text(network.name, " gives ", output.sizes(),
                " for one image; expected a dense output, [1, K, H, W]");
  });
  const std::int64_t classes = output.size(1);
  if (options.of_class < 0) options.of_class = classes - 1;
  require(options.of_class < classes,
          [&] { return text("--class ", options.of_class, ": the network has ", classes, " classes"); });
  require(!finished || options.score != "logit", [&] {
    return text(network.name, " gives probabilities already (it ends in a ",
                classes == 1 ? "sigmoid" : "softmax", "?), no logits; give --score probability or log-odds");
  });
  const Tensor given = finished ? output : classes == 1 ? output.sigmoid() : output.softmax(1);
  const Tensor probability = given[0][options.of_class].cpu();

  lm::view::InfluencePage page;
  const inf::Report report =
      inf::rows(network.model, x, to_outputs(options.outputs), {target_of(options, finished)}, std::ref(page),
                {.run = {.progress = lm::TerminalBar{}}});
  const std::string title = options.title.empty() ? text("What ", sample.stem, " depends on") : options.title;
  const std::string note = text("Each pixel's ", options.score, " of class ", options.of_class, " of ",
                                network.name, ", differentiated with respect to every pixel of the image.");
  const std::string html = page.html(sample.pictures.front(), probability, title, note, options.score);
  lm::io::write_file(options.out, {reinterpret_cast<const std::uint8_t*>(html.data()), html.size()});
  return {{"page", options.out},
          {"input", options.input},
          {"class", options.of_class},
          {"score", options.score},
          {"rows", page.rows()},
          {"bytes", html.size()},
          {"seconds", report.setup_seconds + report.row_seconds + report.sink_seconds}};
}

}  // namespace

void add_page(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(
      "page",
      "Writes one HTML file that answers, without a server, what chosen pixels of an output depend on");
  const auto add = [&](const char* name, auto& value, const std::string& what) {
    return command.add_option(name, value, what)->capture_default_str();
  };
  add("-m,--model", options->load.model, "TorchScript file");
  add("--net", options->load.net, "or a network of the library, such as unet or unet:width=32");
  add("--weights", options->load.weights, "its weights: .pth, .safetensors, or a training checkpoint");
  add("-i,--input,input", options->input, "one image (PNG, JPEG, BMP, TIFF) or array (npy)")->required();
  add("-o,--out", options->out, "the file, page.html")->required();
  add("--outputs", options->outputs,
      "which pixels: all, every:4, 'pixels:5,7;9,1', 'path:0,0;9,9', or a mask's file (a skeleton)");
  add("--class", options->of_class, "whose score; the last one by default");
  add("--score", options->score, "of a pixel")->check(CLI::IsMember({"probability", "log-odds", "logit"}));
  add("--title", options->title, "of the page");
  add("--size", options->prepare.size, "resizes images: S for the shorter side, or H,W");
  add("--crop", options->prepare.crop, "then cuts S or H,W from the centre");
  add("--mean", options->prepare.mean, "then subtracts this, one number or one a channel");
  add("--std", options->prepare.std, "then divides by this");
  add("--device", options->load.device, "cpu, cuda, cuda:1");
  add("--part", options->load.part, "of the network's output, if it is no tensor: out, logits, 0");
  command.add_flag("--json", options->json, "what was written, as JSON on stdout");
  command.callback([options] {
    const Json json = run(*options);
    if (options->json) {
      std::printf("%s\n", json.dump(2).c_str());
    } else {
      std::printf("%s: %s pixels, %.1f MB\n", options->out.c_str(), json["rows"].dump().c_str(),
                  json["bytes"].get<double>() / 1e6);
    }
  });
}

}  // namespace cli
