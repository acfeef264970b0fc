// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>

#include "words.hpp"

namespace cli {

/// The labels that a file holds, int64 [H, W] or [N, 1, H, W]: an array of integers or a picture, whose colours are told
/// apart. Nothing if there is no such file. @throws Error for a file of another kind
[[nodiscard]] std::optional<Tensor> mask_of(const std::string& file);

}  // namespace cli
