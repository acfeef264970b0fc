// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What a request may say: everything else is refused with a status and a sentence.
namespace explorer {

/// A request that is refused.
struct Refusal : std::runtime_error {
  Refusal(int code, const std::string& sentence) : std::runtime_error(sentence), status(code) {}
  int status;  ///< of HTTP, 4xx
};

/// Whether the Host header names this server: one of `names`, with or without the port.
[[nodiscard]] bool host_allowed(std::string_view host, const std::vector<std::string>& names, int port);

/// Whether a request that bears this Origin header (empty: none) comes from the explorer's own page.
[[nodiscard]] bool origin_allowed(std::string_view origin, const std::vector<std::string>& names, int port);

/// A query's parameters: each known name once, of at most 256 bytes.
class Query {
 public:
  /// @throws Refusal 400 for a name twice, a name that is not in `known` ("set.*" stands for all that begin so), a
  ///         value that is too long or holds control characters
  Query(const std::multimap<std::string, std::string>& given, const std::vector<std::string_view>& known);

  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
  /// @throws Refusal 400 if it is missing
  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] std::string text_or(const std::string& name, std::string other) const;
  /// @throws Refusal 400 unless it is an integer from `low` to `high`
  [[nodiscard]] std::int64_t integer(const std::string& name, std::int64_t low, std::int64_t high) const;
  /// @throws Refusal 400 unless it is a finite number, above `low` and at most `high`
  [[nodiscard]] double number(const std::string& name, double low, double high) const;
  /// Those that begin with "set.", without it.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> settings() const;

 private:
  std::map<std::string, std::string> values_;
};

/// "pixel:R,C" or "box:R0,C0,R1,C1" (ends excluded) of an output of this size.
struct Asked {
  bool region = false;
  std::int64_t row = 0, column = 0, row_end = 0, column_end = 0;
};
/// @throws Refusal 400 for anything else, and for places outside
[[nodiscard]] Asked parse_asked(std::string_view words, std::int64_t rows, std::int64_t columns);

/// A name for showing, of an uploaded file: its last part, without control characters, at most 80 bytes.
[[nodiscard]] std::string shown_name(std::string_view name);

}  // namespace explorer
