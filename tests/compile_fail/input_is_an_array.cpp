// SPDX-License-Identifier: BSD-3-Clause
// expect: (satisfaction of [^A-Za-z]*Input<|(because|satisfy) 'Input[<'])
#include <array>
#include <tuple>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/target/element.hpp>

void explain(const lumen::Tensor& a, const lumen::Tensor& b) {
  const auto net = [](const lumen::Tensor& first, const lumen::Tensor& second) { return first + second; };
#ifdef LUMEN_POSITIVE
  (void)lumen::Saliency{}(net, std::tuple{a, b}, lumen::target::Class{});
#else
  (void)lumen::Saliency{}(net, std::array{a, b}, lumen::target::Class{});
#endif
}
