// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

#include <lumen/op/detail/entries.hpp>

namespace lumen::op {

/// How an operand of a step and one of its results lie to each other. Build it once and ask it often.
/// An operator without an entry, or one that mixes the rows of the batch, has `local` = false and reads all of it.
[[nodiscard]] inline Geometry geometry(const trace::Step& step, std::size_t operand, std::size_t result = 0) {
  require(operand < step.operands.size() && result < step.result_sizes.size(), [&] {
    return text("op::geometry: ", step.where(), " has ", step.operands.size(), " operands and ",
                step.result_sizes.size(), " results, and operand ", operand, " with result ", result,
                " was asked for");
  });
  const detail::Subject subject{step, operand, result};
  if (is_convolution(step)) return detail::convolution(subject);
  const detail::Entry entry = detail::entry_of(step);
  return entry == nullptr ? detail::everything(subject) : entry(subject);
}

/// The part of an operand that a part of a result reads.
[[nodiscard]] inline Box needed(const trace::Step& step, std::size_t operand, const Box& result_box,
                                std::size_t result = 0) {
  return geometry(step, operand, result).needed(result_box);
}

/// The part of a result that a part of an operand touches.
[[nodiscard]] inline Box reached(const trace::Step& step, std::size_t operand, const Box& operand_box,
                                 std::size_t result = 0) {
  return geometry(step, operand, result).reached(operand_box);
}

/// Whether the geometry of a step is known, for this result and all values of the program among its operands: then
/// row n of the result reads row n of each alone.
[[nodiscard]] inline bool is_local(const trace::Step& step, std::size_t result = 0) {
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    if (!step.operands[i].is_constant() && !geometry(step, i, result).local) return false;
  }
  return true;
}

}  // namespace lumen::op
