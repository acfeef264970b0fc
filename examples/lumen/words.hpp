// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <lumen/catalogue/parse.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

/// The command line: its names, and those of the library that it uses throughout.
namespace cli {

namespace lm = lumen;
using lm::Error;
using lm::require;
using lm::Tensor;
using lm::Tensors;
using lm::text;
using lm::catalogue::cut;
using lm::catalogue::to_integer;
using lm::catalogue::to_integers;
using lm::catalogue::to_layer;
using lm::catalogue::to_number;
using lm::catalogue::to_numbers;

/// "512M", "2G", "65536" of --memory: bytes.
[[nodiscard]] inline std::int64_t bytes_of(std::string words) {
  std::int64_t unit = 1;
  constexpr std::string_view units = "KMG";
  if (const auto at = words.empty() ? std::string_view::npos : units.find(words.back());
      at != std::string_view::npos) {
    unit = std::int64_t{1} << (10 * (at + 1));
    words.pop_back();
  }
  const std::int64_t count = to_integer(words);
  require(count >= 1 && count <= (std::int64_t{1} << 50) / unit, "--memory: expected 1 byte to 1024 TiB");
  return count * unit;
}

}  // namespace cli
