// SPDX-License-Identifier: BSD-3-Clause
#include "common/study.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <thread>

#include <ATen/Parallel.h>
#include <CLI/CLI.hpp>

#include <lumen/core/error.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/io/npy.hpp>

namespace studies {

namespace {

void write(const Findings& found, const fs::path& out) {
  found.report.save(out / "report.html");
  std::ofstream summary(out / "summary.json");
  summary << found.numbers.dump(2) << '\n';
  summary.close();
  lumen::require(!summary.fail(), [&] { return lumen::text("cannot write ", out / "summary.json"); });
  if (!found.maps.empty()) fs::create_directories(out / "maps");
  for (const auto& [name, map] : found.maps)
    lumen::io::write_npy(out / "maps" / (name + ".npy"), map.to(at::kFloat).contiguous());
}

int work(int argc, char** argv, const Study& study) {
  Options options{.out = study.name + "-study"};
  int threads = 0;
  CLI::App app(study.about + "\nWrites report.html, summary.json and maps/*.npy.");
  app.add_option("--data", options.data, study.data)->check(CLI::ExistingDirectory);
  app.add_option("--out", options.out, "folder for the results")->capture_default_str();
  app.add_flag("--quick", options.quick, "smaller: under five minutes on two processor cores");
  app.add_option("--size", options.size, "images to look at (default: what suits the study)")
      ->check(CLI::PositiveNumber);
  if (!study.train.empty()) app.add_flag("--train", options.train, study.train);
  app.add_option("--seed", options.seed, "of all that is drawn")->capture_default_str();
  app.add_option("--threads", threads, "processor threads (default: all)")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  at::set_num_threads(threads > 0 ? threads
                                  : std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  options.progress = lumen::TerminalBar{};
  fs::create_directories(options.out);
  Findings found = study.work(options);
  found.report.footnotes.push_back(lumen::text("The same numbers are in summary.json beside this page. Seed ",
                                               options.seed, options.quick ? "; made with --quick." : "."));
  write(found, options.out);
  std::printf("%s\n%s\n", (options.out / "report.html").c_str(), (options.out / "summary.json").c_str());
  return 0;
}

}  // namespace

int run(int argc, char** argv, const Study& study) {
  try {
    return work(argc, argv, study);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", study.name.c_str(), error.what());
    return 1;
  }
}

fs::path find(const fs::path& folder, const std::vector<fs::path>& names) {
  std::string tried;
  for (const fs::path& name : names) {
    if (fs::exists(folder / name)) return folder / name;
    tried += (tried.empty() ? "" : ", ") + name.string();
  }
  throw lumen::Error(
      lumen::text(folder, " holds none of ", tried, "; the data of the original are at ", original));
}

}  // namespace studies
