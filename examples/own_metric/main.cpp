// SPDX-License-Identifier: BSD-3-Clause
// A metric of one's own: a functor over maps, which takes xtensor expressions and tensors alike.
#include <cmath>
#include <cstdio>

#include <lumen/lumen.hpp>

namespace lm = lumen;

//! [metric]
/// The share of a map's magnitude that lies within `radius` pixels of a place: 0 ... 1.
struct MassAround {
  double row = 0, column = 0;  ///< the place, pixels
  double radius = 1;           ///< pixels, >= 0

  /// @throws Error for a map that is no picture, or that is zero everywhere
  template <class E>
  double operator()(const E& map) const {
    lm::require(map.dimension() == 2, [&] {
      return lm::text("MassAround: the map has ", map.dimension(), " axes, expected rows and columns");
    });
    double inside = 0, all = 0;
    for (std::size_t r = 0; r < map.shape()[0]; ++r) {
      for (std::size_t c = 0; c < map.shape()[1]; ++c) {
        const double value = std::abs(static_cast<double>(map(r, c)));
        all += value;
        if (std::hypot(static_cast<double>(r) - row, static_cast<double>(c) - column) <= radius)
          inside += value;
      }
    }
    lm::require(all > 0, "MassAround: the map is zero everywhere, so that no share of it lies anywhere");
    return inside / all;
  }
};
//! [metric]

int main() {
  const auto net = [](const at::Tensor& x) {
    return (x.select(1, 0).select(1, 2).select(1, 3)).square().unsqueeze(1);
  };
  const at::Tensor x = at::ones({1, 1, 5, 6});
  const auto why = lm::Saliency{}(net, x, lm::target::Output{});
  const auto plane = lm::map::view<float>(why.map[0][0].contiguous());
  const double near = MassAround{.row = 2, .column = 3}(plane);
  const double far =
      MassAround{.row = 0, .column = 0}(xt::abs(plane));  // expressions are not evaluated first
  std::printf("%g of it at the pixel that counts, %g in the corner\n", near, far);
  return near == 1.0 && far == 0.0 ? 0 : 1;
}
