// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lumen {

/// Bad input to lumen: what was wrong, what was expected, how to mend it, and where it was noticed.
/// Errors that LibTorch itself raises (c10::Error) pass through unchanged.
class Error : public std::invalid_argument {
 public:
  explicit Error(const std::string& what, std::source_location where = std::source_location::current())
      : std::invalid_argument(what), where_(where) {}

  /// The place in lumen that refused.
  [[nodiscard]] const std::source_location& where() const noexcept { return where_; }

 private:
  std::source_location where_;
};

/// `Run::stop` ended a method that has nothing to give for half of its work.
class Stopped : public Error {
 public:
  using Error::Error;
};

/// Its arguments, printed one after the other: for messages.
template <class... Parts>
[[nodiscard]] std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// @throws Error with `message` unless `condition` holds
inline void require(bool condition, std::string_view message,
                    std::source_location where = std::source_location::current()) {
  if (!condition) throw Error(std::string(message), where);
}

/// The same with a message that is only built when it is needed: `require(ok, [&] { return text(...); })`.
template <class Message>
  requires std::convertible_to<std::invoke_result_t<const Message&>, std::string>
void require(bool condition, const Message& message,
             std::source_location where = std::source_location::current()) {
  if (!condition) throw Error(message(), where);
}

}  // namespace lumen
