// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

namespace lumen::io {

/// A name out of a file, for a message: in quotes, at most 80 characters, with ? for what no line can show.
[[nodiscard]] inline std::string in_quotes(std::string_view name) {
  constexpr std::size_t most = 80;
  std::string shown = "'";
  for (const char c : name.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return shown + (name.size() > most ? "...'" : "'");
}

}  // namespace lumen::io
