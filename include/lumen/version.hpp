// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#define LUMEN_VERSION_MAJOR 0
#define LUMEN_VERSION_MINOR 1
#define LUMEN_VERSION_PATCH 0

namespace lumen {

/// The version as text, "major.minor.patch".
inline constexpr const char* version = "0.1.0";

}  // namespace lumen
