// SPDX-License-Identifier: BSD-3-Clause
// expect: TorchScriptIsWrappedInScriptNetwork
#include <torch/script.h>

#include <lumen/core/concepts.hpp>
#include <lumen/script/network.hpp>

template <lumen::Model M>
void explain(M&&) {}

void run(torch::jit::Module& module) {
#ifdef LUMEN_POSITIVE
  lumen::script::Network network(module);
  explain(network);
#else
  explain(module);
#endif
}
