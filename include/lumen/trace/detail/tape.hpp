// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/trace/step.hpp>

namespace lumen::trace::detail {

/// A value of one pass: a part of the input, what an operator made, or a tensor that was found among the arguments.
struct Taped {
  std::vector<std::int64_t> sizes{};
  at::ScalarType dtype = at::kFloat;
  std::int64_t maker = -1;  ///< the step that made it; -1: none
  bool depends = false;     ///< on the input
  Tensor kept{};            ///< undefined once it was let go; constants are always kept
  bool pinned = false;      ///< so is this: the output, a layer that was asked for
};

/// One pass, as it ran: every operand is a value of the pass, constants too.
struct Tape {
  std::vector<Step> steps{};
  std::vector<Taped> values{};    ///< the parts of the input first
  std::vector<ValueId> layers{};  ///< what was asked for at layers; -1: not come to
  ValueId output = -1;
  std::int64_t operators = 0;  ///< that the pass ran
  std::string fault{};         ///< why a replay would not be the model; empty if nothing is known

  /// Notes the first reason.
  void fail(std::string why) {
    if (fault.empty()) fault = std::move(why);
  }
};

}  // namespace lumen::trace::detail
