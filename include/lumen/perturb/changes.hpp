// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/core/execution.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// What some regions do to the scores when they are replaced.
struct Changes {
  Tensor which{}, samples{};     ///< int64 [k]: the region and the sample of the batch
  std::vector<Tensor> scores{};  ///< for each target F(x) - F(x with the region replaced), [k]
};

/// How far a method came over regions, and how.
struct Visited {
  Tensor regions{};   ///< bool [count, N]: which regions of which samples
  double done = 1.0;  ///< the share of them
  Execution execution{};
};

}  // namespace lumen::perturb
