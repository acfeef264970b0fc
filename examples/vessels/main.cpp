// SPDX-License-Identifier: BSD-3-Clause
// Trains a small network to find blood vessels, asks many methods why it sees them, and writes a report.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <thread>

#include <ATen/Parallel.h>
#include <CLI/CLI.hpp>

#include <lumen/core/error.hpp>

#include "job.hpp"

namespace vessels {

namespace {

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Trains a small network to find blood vessels, or reuses its checkpoint, explains what it sees on "
      "test\n"
      "images, and writes report.html, summary.json and the maps.");
  app.add_option("--data", options.data,
                 "VessMAP folder: images/*.tiff, labels/*.png, skeletons/*.png (default: synthetic vessels)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--out", options.out, "folder for the results")->capture_default_str();
  const auto suited = [](auto synthetic, auto folder) {
    return lumen::text(" (default: ", synthetic, " synthetic, ", folder, " otherwise)");
  };
  app.add_option("--epochs", options.epochs,
                 "epochs of training" + suited(synthetic_training.epochs, folder_training.epochs))
      ->check(CLI::PositiveNumber);
  app.add_option(
         "--seconds", options.seconds,
         "limit on the time of training" + suited(synthetic_training.seconds, folder_training.seconds))
      ->check(CLI::PositiveNumber);
  app.add_option("--images", options.images, "test images to explain")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--explain", options.explain,
                 "explains the images of this folder (or of its images/, with labels/ if it has them) in "
                 "place of test "
                 "images")
      ->check(CLI::ExistingDirectory);
  app.add_option("--steps", options.steps, "points on a path, and noisy copies, of each method")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option(
      "--methods", options.methods,
      "what to ask: names of `lumen methods` with commas between them, or all (default: a choice)");
  app.add_option("--influence", options.influence,
                 "rows of every so manieth pixel of one image are computed: 1 all, 0 about 4000, -1 none")
      ->capture_default_str();
  app.add_option("--net", options.net, "unet (0.48 M parameters) or resnet (31 M)")
      ->capture_default_str()
      ->check(CLI::IsMember({"unet", "resnet"}));
  app.add_option("--seed", options.seed, "of the split, the weights, the order of the images and all draws")
      ->capture_default_str();
  app.add_option("--checkpoint", options.checkpoint,
                 "file of the training's state (default: in the output folder, one for each set of options)");
  app.add_flag("--retrain", options.retrain, "train from the beginning, without the checkpoint");
  app.add_option("--threads", options.threads, "processor threads (default: all)")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const int threads =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  at::set_num_threads(std::max(1, threads));
  std::filesystem::create_directories(options.out);
  work(options);
  return 0;
}

}  // namespace

}  // namespace vessels

int main(int argc, char** argv) {
  try {
    return vessels::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vessels: %s\n", error.what());
    return 1;
  }
}
