// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <CLI/CLI.hpp>

/// The commands of the program: each adds itself, and runs when it is the one that was given.
namespace cli {

void add_explain(CLI::App& app);
void add_methods(CLI::App& app);
void add_inspect(CLI::App& app);
void add_influence(CLI::App& app);
void add_page(CLI::App& app);

}  // namespace cli
