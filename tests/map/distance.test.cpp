// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/distance.hpp>
#include <lumen/map/view.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/nets.hpp>

using lumen::Tensor;
namespace map = lumen::map;
namespace nets = lumen::testing::nets;

namespace {

/// Every pixel against every pixel of the mask.
Tensor slow(const Tensor& mask) {
  Tensor distance = at::full(mask.sizes(), std::numeric_limits<double>::infinity(), at::kDouble);
  const Tensor inside = mask.nonzero();
  for (std::int64_t r = 0; r < mask.size(0); ++r)
    for (std::int64_t c = 0; c < mask.size(1); ++c)
      for (std::int64_t k = 0; k < inside.size(0); ++k) {
        const double d = std::hypot(static_cast<double>(r - inside[k][0].item<std::int64_t>()),
                                    static_cast<double>(c - inside[k][1].item<std::int64_t>()));
        if (d < distance[r][c].item<double>()) distance[r][c] = d;
      }
  return distance;
}

}  // namespace

DOCTEST_TEST_CASE("distances are those to the nearest of all pixels of the mask") {
  for (const double share : {0.02, 0.2, 0.9}) {
    for (const auto& [height, width] : {std::pair{13, 17}, std::pair{1, 9}, std::pair{20, 1}}) {
      const Tensor mask = at::sigmoid(nets::random({height, width}, 3, 1.0)).lt(share).contiguous();
      const Tensor found = map::tensor(map::distance_to(map::view<bool>(mask)));
      DOCTEST_INFO(share, " ", height, " ", width);
      DOCTEST_CHECK(at::allclose(found, slow(mask), 1e-12, 1e-12));
    }
  }
}

DOCTEST_TEST_CASE("a full mask is 0 away, an empty one nowhere") {
  const Tensor full = at::ones({4, 5}, at::kBool);
  DOCTEST_CHECK(map::tensor(map::distance_to(map::view<bool>(full))).abs().max().item<double>() == 0);
  const Tensor none = at::zeros({4, 5}, at::kBool);
  DOCTEST_CHECK(map::tensor(map::distance_to(map::view<bool>(none))).isinf().all().item<bool>());
}
