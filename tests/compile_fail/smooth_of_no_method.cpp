// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*Method<|(because|satisfy) 'Method[<'])
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/baseline/blur.hpp>
#include <lumen/engine/method.hpp>

#ifdef LUMEN_POSITIVE
const lumen::Smooth<lumen::Saliency> method{};
#else
const lumen::Smooth<lumen::baseline::Blur> method{};
#endif
