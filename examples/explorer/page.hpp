// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace explorer {

/// The page's files by name, put into the program when it was built: nothing is read from disk at run time.
[[nodiscard]] const std::map<std::string, std::string_view, std::less<>>& page_files();

}  // namespace explorer
