// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/execution.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// What a method answers: a map, and what is known about how far to trust it.
template <Input X = Tensor>
struct Attribution {
  X map{};  ///< one value for each element of the input: its shape, dtype and device

  /// F(x) for each sample, [N], in units of the score.
  Tensor score{};
  /// Sum of the map less the difference of scores that it should explain, [N], in units of the score;
  /// undefined for methods that make no such promise.
  Tensor completeness_error{};
  /// Standard error of each value of the map, from the draws that it averages; undefined without draws.
  X standard_error{};

  std::int64_t forward_passes = 0;   ///< evaluations of the model for each sample, however they were batched
  std::int64_t backward_passes = 0;  ///< gradient evaluations for each sample and target

  /// The share of the work that was done, 0 to 1. Below 1 the method was stopped (`Run::stop`), and the map is what is
  /// known so far: of what was not looked at it is 0, and `known` tells where that is. A map of draws is then that of
  /// fewer draws, known nowhere; `standard_error` tells how far it may be off.
  double done = 1.0;
  X known{};  ///< of a stopped method: bool, where the map is as it would be in the end; undefined if done
  Execution execution{};  ///< of methods that perturb the input: how their passes ran
};

}  // namespace lumen
