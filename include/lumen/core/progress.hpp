// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace lumen {

/// Where a running method says how far it is: `done` of `total` units of work, 0 <= done <= total.
/// Called on the thread that runs the method; an exception thrown here stops the method and passes through.
using Progress = std::function<void(std::string_view what, std::int64_t done, std::int64_t total)>;

}  // namespace lumen
