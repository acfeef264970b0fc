// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*Model<|(because|satisfy) 'Model[<'])
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/target/element.hpp>

struct Net {
#ifdef LUMEN_POSITIVE
  lumen::Tensor forward(const lumen::Tensor& x) { return x; }
#else
  void forward(const lumen::Tensor&) {}
#endif
};

void explain(Net& net, const lumen::Tensor& x) { (void)lumen::Saliency{}(net, x, lumen::target::Class{}); }
