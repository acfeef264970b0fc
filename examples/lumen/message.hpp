// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>
#include <string>

namespace cli {

/// What went wrong, in one line and in the words of the command line: LibTorch's messages without the places that
/// they came from.
[[nodiscard]] std::string first_line(const std::exception& error);

}  // namespace cli
