// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/catalogue/parse.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

/// The command line: its names, and those of the library that it uses throughout.
namespace cli {

namespace lm = lumen;
using lm::Error;
using lm::require;
using lm::Tensor;
using lm::Tensors;
using lm::text;
using lm::catalogue::cut;
using lm::catalogue::to_integer;
using lm::catalogue::to_integers;
using lm::catalogue::to_layer;
using lm::catalogue::to_number;
using lm::catalogue::to_numbers;

}  // namespace cli
