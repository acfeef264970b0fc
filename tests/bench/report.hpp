// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace lumen::bench {

/// One row of the table.
struct Row {
  std::string name{};
  double ours = 0.0, limit = 0.0;  ///< seconds, medians over rounds
  double over_limit = 0.0;         ///< ours over limit, median of the rounds' ratios
  std::string peer{};              ///< empty: there was none
  std::optional<double> peer_seconds{},
      speed_up{};  ///< the peer's median; the peer's over ours, median of ratios
  std::optional<std::int64_t> peak{}, budget{}, resident{};  ///< bytes
  std::string verdict{};  ///< of the target that the project set itself, if any
};

inline std::string seconds_text(double seconds) {
  std::ostringstream out;
  out << std::fixed;
  if (seconds < 1.0)
    out << std::setprecision(3) << seconds * 1e3 << " ms";
  else
    out << std::setprecision(2) << seconds << " s";
  return out.str();
}

inline std::string mebibytes(const std::optional<std::int64_t>& bytes) {
  if (!bytes) return "-";
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << static_cast<double>(*bytes) / (1 << 20);
  return out.str();
}

inline std::string fixed(const std::optional<double>& value) {
  if (!value) return "-";
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << *value;
  return out.str();
}

inline void print_table(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> cells{{"case", "lumen", "limit", "lumen/limit", "peer", "peer s",
                                               "peer/lumen", "peak MiB", "budget MiB", "RSS MiB", "target"}};
  for (const Row& row : rows)
    cells.push_back({row.name, seconds_text(row.ours), seconds_text(row.limit), fixed(row.over_limit),
                     row.peer.empty() ? "-" : row.peer,
                     row.peer_seconds ? seconds_text(*row.peer_seconds) : "-", fixed(row.speed_up),
                     mebibytes(row.peak), mebibytes(row.budget), mebibytes(row.resident), row.verdict});
  std::vector<std::size_t> widths(cells.front().size(), 0);
  for (const auto& line : cells)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i)
      std::cout << (i == 0 ? std::left : std::right) << std::setw(static_cast<int>(widths[i]) + 2) << line[i];
    std::cout << '\n';
  }
}

/// Adds the rows to those that the file holds already.
inline void write_json(const std::string& path, const std::vector<Row>& rows) {
  const auto optional = [](const auto& value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
  nlohmann::json json = nlohmann::json::array();
  if (std::ifstream before(path); before) before >> json;
  for (const Row& row : rows)
    json.push_back({{"name", row.name},
                    {"ours_seconds", row.ours},
                    {"limit_seconds", row.limit},
                    {"peer", row.peer.empty() ? nlohmann::json() : nlohmann::json(row.peer)},
                    {"peer_seconds", optional(row.peer_seconds)},
                    {"peak_bytes", optional(row.peak)},
                    {"ours_over_limit", row.over_limit},
                    {"peer_over_ours", optional(row.speed_up)},
                    {"budget_bytes", optional(row.budget)},
                    {"resident_bytes", optional(row.resident)}});
  std::ofstream file(path);
  file << json.dump(1) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

/// The table of the rows and, with a path, the file; nothing if there are no rows.
inline void finish(const std::vector<Row>& rows, const std::string& json, const std::string& peer) {
  if (rows.empty()) return;
  std::cout << "LibTorch " << TORCH_VERSION_MAJOR << '.' << TORCH_VERSION_MINOR << '.' << TORCH_VERSION_PATCH
            << ", threads: " << at::get_num_threads() << ", peer: " << peer << '\n';
  print_table(rows);
  if (!json.empty()) write_json(json, rows);
}

}  // namespace lumen::bench
