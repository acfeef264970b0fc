// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include <lumen/core/error.hpp>

namespace lumen::testing {

/// The message of the lumen::Error that `f` throws; empty when it throws none.
template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool holds(std::string_view message, std::string_view part) {
  return message.find(part) != std::string_view::npos;
}

}  // namespace lumen::testing
