// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace lumen {

/// How the passes over perturbed inputs ran: whole, or by what the perturbation changes alone. The same numbers but for
/// rounding.
struct Execution {
  /// What an operator of an incremental pass took.
  struct Step {
    std::string where;      ///< "conv2d 3 (aten::conv2d, operator 17)"
    bool confined = false;  ///< false: it took the whole of its operands
    double share = 1.0;     ///< of its result that was computed anew for a region, 0 to 1, on average
  };

  bool incremental = false;   ///< whether some operators were confined
  std::string why{};          ///< why not, or why not all of them; empty if they were
  std::vector<Step> steps{};  ///< of the incremental passes: the operators behind what is perturbed
  /// What all perturbed passes took, in passes of the whole model for one sample, counted in products and results. Of
  /// whole passes their number.
  double full_passes = 0.0;
};

}  // namespace lumen
