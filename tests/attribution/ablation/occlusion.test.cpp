// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/ablation/occlusion.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>

#include <lumen/baseline/blur.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::target::Class;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// One window after the other, written out.
template <class M>
Tensor naive(const M& net, const Tensor& x, std::int64_t h, std::int64_t w, std::int64_t down,
             std::int64_t across, double fill) {
  const Tensor whole = net(x).select(1, 1);
  Tensor sum = at::zeros_like(x), covered = at::zeros_like(x);
  for (std::int64_t top = 0;; top += down) {
    for (std::int64_t left = 0;; left += across) {
      const std::int64_t bottom = std::min(top + h, x.size(2)), right = std::min(left + w, x.size(3));
      Tensor other = x.clone();
      other.slice(2, top, bottom).slice(3, left, right).fill_(fill);
      sum.slice(2, top, bottom).slice(3, left, right) +=
          (whole - net(other).select(1, 1)).reshape({-1, 1, 1, 1});
      covered.slice(2, top, bottom).slice(3, left, right) += 1;
      if (left + w >= x.size(3)) break;
    }
    if (top + h >= x.size(2)) break;
  }
  return sum / covered;
}

}  // namespace

DOCTEST_TEST_CASE("windows of any size and stride, cropped at the border, equal the loop over them") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 1);
  for (const auto& [h, w, down, across] :
       {std::tuple{1, 1, 1, 1}, {2, 2, 1, 1}, {3, 3, 2, 2}, {4, 3, 3, 1}, {5, 8, 4, 7}, {8, 8, 8, 8}}) {
    DOCTEST_CAPTURE(h);
    const lumen::Occlusion method{
        .baseline = lumen::baseline::Constant{.value = 0.4}, .window = {{h, w}}, .stride = {{down, across}}};
    const auto why = method(net, x, Class{.index = 1});
    DOCTEST_CHECK(all_close(why.map, naive(net, x, h, w, down, across, 0.4), 1e-12));
    auto pieces = method;
    pieces.run.memory = 1;
    DOCTEST_CHECK(all_close(pieces(net, x, Class{.index = 1}).map, why.map, 1e-12));
    DOCTEST_CHECK(
        all_close(method(net, x.narrow(0, 1, 1), Class{.index = 1}).map, why.map.narrow(0, 1, 1), 1e-12));
  }
}

DOCTEST_TEST_CASE("windows that do not fit are refused") {
  const nets::ConvNet net;
  const Tensor x = nets::random({1, 1, 8, 8}, 2);
  const auto message = [&](std::vector<std::vector<std::int64_t>> window,
                           std::vector<std::vector<std::int64_t>> stride) {
    return message_of(
        [&] { (void)lumen::Occlusion{.window = window, .stride = stride}(net, x, Class{.index = 0}); });
  };
  DOCTEST_CHECK(
      holds(message({{9, 2}}, {}), "a window of 9 with stride 1 does not fit dimension 2 of input 0"));
  DOCTEST_CHECK(holds(message({{2, 2}}, {{3, 1}}), "every element is covered"));
  DOCTEST_CHECK(holds(message({{2, 2}}, {{1}}), "its stride 1"));
  DOCTEST_CHECK(holds(message({}, {}), "0 windows or strides"));
  DOCTEST_CHECK(holds(message({{0, 2}}, {}), "a window of 0"));
}

DOCTEST_TEST_CASE("occlusion as a user asks it") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 3);
  //! [occlusion]
  const lumen::Occlusion method{
      .baseline = lumen::baseline::Blur{.sigma = 2.0}, .window = {{3, 3}}, .stride = {{2, 2}}};
  const auto why = method(net, image, lumen::target::Class{.index = 1});
  //! [occlusion]
  DOCTEST_CHECK(why.forward_passes == 17);
}
