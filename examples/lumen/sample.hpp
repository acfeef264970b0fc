// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "input.hpp"
#include "network.hpp"

namespace cli {

/// One sample to explain.
struct Sample {
  std::string name{};              ///< its file, with #row for one of several rows of an array
  std::string stem{};              ///< for names of results
  std::int64_t row = 0, rows = 1;  ///< which of how many of its file
  Tensors parts{};           ///< all inputs of the network, [1, ...], where the network is and of its type
  std::vector<bool> held{};  ///< which of them are not explained and ride along
  std::vector<Tensor>
      pictures{};  ///< of the explained ones: [C, H, W] or what else it is, in [0, 1]; or undefined

  [[nodiscard]] Tensors explained() const;  ///< the parts that are not held; all if every one is
  /// The network as a function of `explained()`, for any number of rows.
  [[nodiscard]] Model explained_model(const Model& whole) const;
};

/// Reads files as a network takes them: what the options leave open is tried, once for each kind of file.
class Reader {
 public:
  /// @param held  numbers of inputs that ride along without being explained; integers do so by themselves
  Reader(const Network& network, Preprocessing how, std::vector<std::int64_t> held)
      : network_(network), how_(std::move(how)), held_(std::move(held)) {}

  /// The samples of one file, or of one file for each input of the network.
  /// @throws Error naming the file, if it cannot be read or the network fails on it in every way that it could be meant
  [[nodiscard]] std::vector<Sample> read(const std::vector<std::filesystem::path>& files);

  /// A file like one of the inputs, for a baseline: [1, ...]. @throws Error as read
  [[nodiscard]] Tensor read_like(const std::filesystem::path& file, std::size_t part);

  /// Whether the network runs on one sample at a time only, as far as was seen.
  [[nodiscard]] bool one_at_a_time() const { return one_at_a_time_; }

  /// Whether samples were seen to influence each other, as in a batch norm without statistics of its own.
  [[nodiscard]] bool samples_interact() const { return samples_interact_; }

 private:
  using Readings = std::vector<Reading>;

  [[nodiscard]] Tensor placed(const Tensor& x) const;
  [[nodiscard]] Tensors first_of(const std::vector<Raw>& raws, const Readings& readings) const;
  [[nodiscard]] Readings decide(const std::vector<Raw>& raws);

  const Network& network_;
  Preprocessing how_;
  std::vector<std::int64_t> held_;
  std::map<std::string, Readings> known_;  ///< by what kinds of files they are
  bool one_at_a_time_ = false, samples_interact_ = false;
};

}  // namespace cli
