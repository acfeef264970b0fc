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

/// A case by its name: what measuring it for so many seconds gives.
struct Measured {
  std::string name;
  std::function<Row(double seconds)> measure;
};

/// Measures the cases that are asked for, one after the other, and prints the table.
/// Arguments: [--only NAME] [--seconds S] [--threads N] [--json FILE].
inline int run_measured(int argc, char** argv, const std::vector<Measured>& all) try {
  std::string only, json;
  double seconds = 20.0;
  for (int i = 1; i < argc; i += 2) {
    const std::string key = argv[i];
    require(i + 1 < argc, [&] { return "no value for " + key; });
    const std::string value = argv[i + 1];
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
  for (const Measured& each : all) {
    if (each.name.find(only) == std::string::npos) continue;
    rows.push_back(each.measure(seconds));
    rows.back().name = each.name;
    std::cerr << each.name << ": " << seconds_text(rows.back().ours) << ", "
              << seconds_text(rows.back().limit) << "; " << rows.back().verdict << '\n';
  }
  finish(rows, json, "none");
  return EXIT_SUCCESS;
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}

/// Checks that both sides agree, and times them by turns.
inline Row measure(const Comparison& asked, double seconds) {
  if (asked.tolerance >= 0) {
    const Tensor ours = asked.ours(), limit = asked.limit();
    require(ours.sizes() == limit.sizes(),
            [&] { return text(asked.name, ": ", ours.sizes(), " and ", limit.sizes()); });
    const double error = ((ours - limit).abs().max() / limit.abs().max()).item<double>();
    require(error <= asked.tolerance, [&] { return text(asked.name, ": the results differ by ", error); });
  }
  const auto times =
      interleaved({timed([&] { (void)asked.ours(); }), timed([&] { (void)asked.limit(); })}, seconds);
  Row row{.ours = median(times[0]), .limit = median(times[1]), .over_limit = ratio(times[0], times[1])};
  if (asked.over_limit > 0)
    row.verdict =
        text("<= ", asked.over_limit, " x limit: ", row.over_limit <= asked.over_limit ? "met" : "missed");
  if (asked.faster > 0)
    row.verdict = text("naive/lumen ", fixed(1 / row.over_limit), ", >= ", asked.faster, ": ",
                       1 / row.over_limit >= asked.faster ? "met" : "missed");
  return row;
}

/// The same for several.
inline int run_comparisons(int argc, char** argv, const std::vector<Comparison>& all) {
  std::vector<Measured> cases;
  for (const Comparison& each : all)
    cases.push_back({each.name, [each](double seconds) { return measure(each, seconds); }});
  return run_measured(argc, argv, cases);
}

}  // namespace lumen::bench
