// SPDX-License-Identifier: BSD-3-Clause
// Explains TorchScript networks from the command line.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include <ATen/Parallel.h>

#include "command.hpp"
#include "message.hpp"
#include "words.hpp"

namespace {

int fail(const std::exception& error, int code) {
  std::fprintf(stderr, "lumen: %s\n", cli::first_line(error).c_str());
  return code;
}

int run(int argc, char** argv) {
  CLI::App app("Says why a network sees what it sees: attribution maps for TorchScript models.", "lumen");
  app.require_subcommand(1);
  int threads = 0;
  app.add_option("--threads", threads, "processor threads (default: all)")->check(CLI::PositiveNumber);
  app.parse_complete_callback([&threads] {
    at::set_num_threads(threads > 0 ? threads
                                    : std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  });
  cli::add_explain(app);
  cli::add_methods(app);
  cli::add_inspect(app);
  cli::add_influence(app);
  cli::add_page(app);
  try {
    const std::string command = argc > 1 ? argv[1] : "-";
    const auto named = [&](const CLI::App* known) { return known->get_name() == command; };
    if (!command.starts_with('-') && app.get_subcommands(named).empty()) {
      throw CLI::ExtrasError({command + " is no command"});
    }
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : fail(error, 2);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return fail(error, 1);
  }
}
