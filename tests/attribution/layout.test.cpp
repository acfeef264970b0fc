// SPDX-License-Identifier: BSD-3-Clause
// Networks and inputs that lie channels last: the same maps, and they come back channels first.
#include <string>

#include <doctest/doctest.h>

#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace lm = lumen;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::testing::all_close;

namespace {

struct Net {
  Tensor first = nets::weight({6, 3, 3, 3}, 1), second = nets::weight({2, 6, 3, 3}, 2);
  Tensor operator()(const Tensor& x) const {
    return at::conv2d(at::relu(at::conv2d(x, first, {}, 1, 1)), second, {}, 1, 1);
  }
  [[nodiscard]] Net channels_last() const {
    return {first.contiguous(at::MemoryFormat::ChannelsLast),
            second.contiguous(at::MemoryFormat::ChannelsLast)};
  }
};

template <class A>
void check(const std::string& name, const A& method) {
  const Net net, other = net.channels_last();
  const Tensor x = nets::random({2, 3, 9, 8}, 3), last = x.contiguous(at::MemoryFormat::ChannelsLast);
  const lm::target::Region target{.channel = 1, .mask = nets::random({9, 8}, 4).gt(0)};
  const auto expected = method(net, x, target), found = method(other, last, target);
  DOCTEST_INFO(name);
  DOCTEST_CHECK(found.map.is_contiguous());
  DOCTEST_CHECK(all_close(found.map, expected.map, 1e-12));
  DOCTEST_CHECK(last.is_contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace

DOCTEST_TEST_CASE("maps of networks that lie channels last are the same, and contiguous") {
  check("Saliency", lm::Saliency{});
  check("InputXGradient", lm::InputXGradient{});
  check("IntegratedGradients", lm::IntegratedGradients{.steps = 4});
  check("ExpectedGradients",
        lm::ExpectedGradients{.baseline = lm::baseline::Zero{}, .samples = 3, .seed = 1});
  check("SmoothGrad",
        lm::Smooth{.method = lm::Saliency{.absolute = false}, .samples = 3, .stdev = 0.1, .seed = 1});
  check("GuidedBackprop", lm::GuidedBackprop{});
  check("DeepLift", lm::DeepLift{});
  check("Lrp", lm::Lrp{});
  check("Occlusion", lm::Occlusion{.window = {{3, 3, 3}}, .stride = {{3, 2, 2}}});
  check("GradCam", lm::GradCam{.layer = lm::layer::nth("relu", 0)});
}
