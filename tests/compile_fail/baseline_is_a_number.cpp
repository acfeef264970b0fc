// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*Baseline<|(because|satisfy) 'Baseline[<'])
#include <lumen/attribution/path/integrated_gradients.hpp>

#ifdef LUMEN_POSITIVE
const lumen::IntegratedGradients<lumen::baseline::Constant> method{.baseline = {.value = 0.5}};
#else
const lumen::IntegratedGradients<double> method{.baseline = 0.5};
#endif
