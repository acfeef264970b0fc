// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*Model<|(because|satisfy) 'Model[<'])
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/target/element.hpp>

void explain(const lumen::Tensor& x) {
#ifdef LUMEN_POSITIVE
  (void)lumen::Saliency{}([](const lumen::Tensor& input) { return input; }, x, lumen::target::Class{});
#else
  (void)lumen::Saliency{}(7, x, lumen::target::Class{});
#endif
}
