// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "method.hpp"
#include "sample.hpp"

namespace cli {

/// A baseline in words, with files and folders, which are read like the inputs. @throws Error for no baseline
[[nodiscard]] AnyBaseline baseline_of(const std::string& words, Reader& reader);

}  // namespace cli
