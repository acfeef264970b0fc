// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/op/crops.hpp>

namespace lumen::op {

/// Which boxes of an operand are read, and what counts as its values outside of it.
struct Footprint {
  Boxes boxes{};
  double outside = 0.0;
};

/// A step computed on boxes of a result, all of one extent and each within the result, on nothing but the boxes
/// of its operands that they read. Built once, used often, by several threads at once.
///
///     value(cut(operand, footprint(boxes))...) = cut(step(operand...), boxes)
struct Confined {
  std::vector<bool>
      whole{};  ///< of the result's dimensions, those that boxes must hold all of: channels that are mixed

  /// What the boxes read of an operand.
  std::function<Footprint(std::size_t operand, const Boxes& boxes)> footprint{};
  /// The values of the boxes.
  /// @param crops  for each operand the crops of its footprint, [B, ...]; undefined for constants. Move them in where
  ///               the step may write into them.
  std::function<Tensor(Tensors crops, const Boxes& boxes)> value{};
};

}  // namespace lumen::op
