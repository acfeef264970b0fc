// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>

namespace lumen::train {

/// What one epoch of training came to.
struct Epoch {
  double learning_rate = 0.0;
  double train_loss = 0.0;  ///< mean over the batches, without penalties on the weights
  double train_iou =
      0.0;  ///< mean over the training views (augmented crops), while the weights still changed
  double test_loss = 0.0;  ///< mean over whole test images, after the epoch
  double test_iou = 0.0;   ///< mean over whole test images, after the epoch
  double seconds = 0.0;    ///< wall clock, training and testing

  static constexpr std::size_t columns = 6;
  [[nodiscard]] std::array<double, columns> values() const {
    return {learning_rate, train_loss, train_iou, test_loss, test_iou, seconds};
  }
  [[nodiscard]] static Epoch from(const std::array<double, columns>& v) {
    return {v[0], v[1], v[2], v[3], v[4], v[5]};
  }
};

/// The epochs in order; row 0 is the first.
using History = std::vector<Epoch>;

/// The first epoch of the highest test IoU; nothing for an empty history.
[[nodiscard]] inline std::optional<std::size_t> best_epoch(const History& history) {
  if (history.empty()) return std::nullopt;
  std::size_t best = 0;
  for (std::size_t i = 1; i < history.size(); ++i)
    if (history[i].test_iou > history[best].test_iou) best = i;
  return best;
}

/// Wall-clock seconds that all epochs took together, over all sessions of a resumed run.
[[nodiscard]] inline double seconds_spent(const History& history) {
  double sum = 0.0;
  for (const Epoch& epoch : history) sum += epoch.seconds;
  return sum;
}

inline constexpr std::string_view history_header =
    "epoch,learning_rate,train_loss,train_iou,test_loss,test_iou,seconds";

/// Writes comma-separated values, one line an epoch (numbered from 1); every number reads back exactly.
/// @throws Error  the file cannot be written
inline void write_history(const History& history, const std::filesystem::path& path) {
  std::ofstream out(path);
  out << history_header << '\n';
  for (std::size_t i = 0; i < history.size(); ++i) {
    out << i + 1;
    for (const double value : history[i].values()) {
      std::array<char, 32> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
      out << ',' << std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    }
    out << '\n';
  }
  out.close();
  require(!out.fail(), [&] { return text("cannot write the training history to ", path); });
}

/// @throws Error  the file is missing, or a line is not what `write_history` writes
[[nodiscard]] inline History read_history(const std::filesystem::path& path) {
  std::ifstream in(path);
  require(in.is_open(), [&] { return text("cannot open the training history ", path); });
  std::string line;
  require(std::getline(in, line) && line == history_header,
          [&] { return text(path, " is no training history: its first line should be ", history_header); });
  History history;
  while (std::getline(in, line)) {
    std::array<double, Epoch::columns + 1> numbers{};
    const char* at = line.data();
    const char* const end = at + line.size();
    bool good = true;
    for (std::size_t i = 0; i < numbers.size() && good; ++i) {
      const auto read = std::from_chars(at, end, numbers[i]);
      const bool last = i + 1 == numbers.size();
      good = read.ec == std::errc{} && (last ? read.ptr == end : read.ptr != end && *read.ptr == ',');
      at = good && !last ? read.ptr + 1 : end;
    }
    require(good && numbers[0] == static_cast<double>(history.size() + 1), [&] {
      return text(path, ", line ", history.size() + 2, ": expected epoch ", history.size() + 1, " and ",
                  Epoch::columns, " numbers, got '", line, "'");
    });
    std::array<double, Epoch::columns> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = numbers[i + 1];
    history.push_back(Epoch::from(values));
  }
  return history;
}

}  // namespace lumen::train
