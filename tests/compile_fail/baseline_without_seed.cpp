// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*Baseline<|(because|satisfy) 'Baseline[<'])
#include <cstdint>

#include <lumen/attribution/path/integrated_gradients.hpp>

struct Noise {
#ifdef LUMEN_POSITIVE
  std::uint64_t seed = 0;
#endif
  lumen::Tensor operator()(const lumen::Tensor& sample, at::Generator& generator) const {
    return at::randn(sample.sizes(), generator);
  }
};

const lumen::IntegratedGradients<Noise> method{};
