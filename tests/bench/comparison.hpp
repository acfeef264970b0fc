// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/Parallel.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

#include "bench/measure.hpp"
#include "bench/report.hpp"

namespace lumen::bench {

/// One row: lumen against the least that LibTorch can do for the same numbers.
struct Comparison {
  std::string name;
  std::function<Tensor()> ours, limit;
  double over_limit = 0.0;  ///< target: lumen takes at most so many times the limit's time; 0 for none
  double faster = 0.0;      ///< target where `limit` is a naive way: lumen is at least so many times faster
  double tolerance =
      1e-4;  ///< of the two results' difference over the largest value; negative: not the same numbers
};

/// Checks that both sides agree, times them by turns and prints the table.
/// Arguments: [--only NAME] [--seconds S] [--threads N] [--json FILE].
inline int run_comparisons(int argc, char** argv, const std::vector<Comparison>& all) try {
  std::string only, json;
  double seconds = 20.0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--only")
      only = value;
    else if (key == "--json")
      json = value;
    else if (key == "--seconds")
      seconds = std::stod(value);
    else if (key == "--threads")
      at::set_num_threads(std::stoi(value));
    else
      throw Error("unknown option " + key);
  }
  std::vector<Row> rows;
  for (const Comparison& each : all) {
    if (each.name.find(only) == std::string::npos) continue;
    if (each.tolerance >= 0) {
      const Tensor ours = each.ours(), limit = each.limit();
      require(ours.sizes() == limit.sizes(),
              [&] { return text(each.name, ": ", ours.sizes(), " and ", limit.sizes()); });
      const double error = ((ours - limit).abs().max() / limit.abs().max()).item<double>();
      require(error <= each.tolerance, [&] { return text(each.name, ": the results differ by ", error); });
    }
    const auto times =
        interleaved({timed([&] { (void)each.ours(); }), timed([&] { (void)each.limit(); })}, seconds);
    Row row{.name = each.name,
            .ours = median(times[0]),
            .limit = median(times[1]),
            .over_limit = ratio(times[0], times[1])};
    if (each.over_limit > 0)
      row.verdict =
          text("<= ", each.over_limit, " x limit: ", row.over_limit <= each.over_limit ? "met" : "missed");
    if (each.faster > 0)
      row.verdict = text("naive/lumen ", fixed(1 / row.over_limit), ", >= ", each.faster, ": ",
                         1 / row.over_limit >= each.faster ? "met" : "missed");
    std::cerr << each.name << ": " << times.front().size() << " rounds done\n";
    rows.push_back(row);
  }
  finish(rows, json, "none");
  return EXIT_SUCCESS;
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}

}  // namespace lumen::bench
