// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*TargetOrTargets<|(because|satisfy) 'TargetOrTargets[<'])
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/target/element.hpp>

void explain(const lumen::Tensor& x) {
  const auto net = [](const lumen::Tensor& input) { return input; };
#ifdef LUMEN_POSITIVE
  (void)lumen::Saliency{}(net, x, lumen::target::Class{.index = 3});
#else
  (void)lumen::Saliency{}(net, x, 3);
#endif
}
