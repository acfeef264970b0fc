// SPDX-License-Identifier: BSD-3-Clause
// Every bad input is refused with a message that says what was wrong.
#include "support/methods.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <tuple>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;

namespace {

/// The message of the lumen::Error that `call` throws; what else happened, otherwise.
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const lumen::Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another exception: ") + error.what();
  }
  return "no exception";
}

template <class Call>
void check_refused(const std::string& part, const Call& call) {
  const std::string message = refusal(call);
  DOCTEST_CHECK_MESSAGE(message.find(part) != std::string::npos, "expected '", part, "' in: ", message);
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

DOCTEST_TEST_CASE("every method refuses an input that cannot be explained") {
  const nets::ConvNet net;
  const Tensor good = nets::random({2, 1, 8, 8}, 501);
  Tensor with_nan = good.clone();
  with_nan[1][0][3][4] = not_a_number;
  const target::Class question{.index = 1};
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check_refused("undefined", [&] { (void)method(net, Tensor(), question); });
    check_refused("floating point", [&] { (void)method(net, good.to(at::kLong), question); });
    check_refused("NaN", [&] { (void)method(net, with_nan, question); });
    check_refused("NaN", [&] { (void)method(net, at::full_like(good, infinity), question); });
    check_refused("shape", [&] { (void)method(net, at::zeros({0, 1, 8, 8}, at::kDouble), question); });
    check_refused("[N, ", [&] { (void)method(net, at::zeros({}, at::kDouble), question); });
  });
  const nets::TwoInputs two;
  const std::tuple uneven{nets::random({2, 4}, 502), nets::random({3, 1, 4, 4}, 503)};
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check_refused("batch", [&] { (void)method(two, uneven, question); });
  });
}

DOCTEST_TEST_CASE("every method refuses a target that does not fit the output") {
  const nets::ConvNet net;
  const nets::Segmentation dense;
  const Tensor x = nets::random({2, 1, 8, 8}, 504);
  const auto not_one_score = [](const Tensor& output) { return output; };
  const auto lost_graph = [](const Tensor& output) { return output.detach().select(1, 0); };
  const auto no_number = [](const Tensor& output) { return output.select(1, 0) * not_a_number; };
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check_refused("out of range", [&] { (void)method(net, x, target::Class{.index = 3}); });
    check_refused("out of range", [&] { (void)method(net, x, target::Class{.index = -1}); });
    check_refused("target::Classes",
                  [&] { (void)method(net, x, target::Classes{at::tensor({0, 1, 2}, at::kLong)}); });
    check_refused("out of range",
                  [&] { (void)method(net, x, target::Classes{at::tensor({0, 7}, at::kLong)}); });
    check_refused("target::Output", [&] { (void)method(net, x, target::Output{}); });
    check_refused("dense output", [&] { (void)method(net, x, target::Pixel{}); });
    check_refused("target::Class needs class scores", [&] { (void)method(dense, x, target::Class{}); });
    check_refused("row 8 is out of range", [&] { (void)method(dense, x, target::Pixel{.row = 8}); });
    check_refused("mask", [&] { (void)method(dense, x, target::Region{.mask = at::ones({3, 3})}); });
    check_refused("one score for each", [&] { (void)method(net, x, not_one_score); });
    check_refused("does not depend on the input", [&] { (void)method(net, x, lost_graph); });
    check_refused("NaN or infinite", [&] { (void)method(net, x, no_number); });
    check_refused("at least one question", [&] { (void)method(net, x, lumen::Targets{}); });
  });
}

DOCTEST_TEST_CASE("every method refuses a model whose output it cannot use") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 505);
  const auto sums_the_batch = [&](const Tensor& at) { return net(at).sum(0, true).expand({5, 3}); };
  const auto counts = [&](const Tensor& at) { return net(at).argmax(1); };
  const auto nothing = [&](const Tensor&) { return Tensor(); };
  const target::Class question{.index = 1};
  lumen::testing::each_image_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check_refused("expected one row a sample", [&] { (void)method(sums_the_batch, x, question); });
    check_refused("floating point", [&] { (void)method(counts, x, question); });
    check_refused("returned nothing", [&] { (void)method(nothing, x, question); });
  });
}

DOCTEST_TEST_CASE("every method refuses a memory budget that is not positive") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 506);
  lumen::testing::each_image_method([&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    for (const std::int64_t bytes : {std::int64_t{0}, std::int64_t{-5}}) {
      method.run.memory = bytes;
      check_refused("memory budget", [&] { (void)method(net, x, target::Class{}); });
    }
  });
}

DOCTEST_TEST_CASE("options out of range are refused") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 507);
  const auto refused = [&](const std::string& part, const auto& method) {
    check_refused(part, [&] { (void)method(net, x, target::Class{}); });
  };
  refused("steps", lumen::IntegratedGradients{.steps = 0});
  refused("tolerance", lumen::IntegratedGradients{.tolerance = -0.1});
  refused("tolerance", lumen::IntegratedGradients{.tolerance = not_a_number});
  refused("max_steps", lumen::IntegratedGradients{.steps = 50, .tolerance = 0.1, .max_steps = 10});
  refused("trapezoid", lumen::IntegratedGradients{.steps = 1, .rule = lumen::quadrature::Trapezoid{}});
  refused("sigma", lumen::BlurIntegratedGradients{.sigma = 0.0});
  refused("sigma", lumen::BlurIntegratedGradients{.sigma = not_a_number});
  refused("steps", lumen::BlurIntegratedGradients{.steps = 0});
  refused("steps", lumen::GuidedIntegratedGradients{.steps = 0});
  refused("fraction", lumen::GuidedIntegratedGradients{.fraction = 0.0});
  refused("fraction", lumen::GuidedIntegratedGradients{.fraction = 1.5});
  refused("max_distance", lumen::GuidedIntegratedGradients{.max_distance = -0.1});
  refused("samples", lumen::ExpectedGradients{.samples = 0});
  refused("stdev", lumen::GradientShap{.stdev = -1.0});
  refused("stdev", lumen::GradientShap{.stdev = not_a_number});
  refused("samples", lumen::Smooth{.method = lumen::Saliency{}, .samples = 0});
  refused("stdev", lumen::Smooth{.method = lumen::Saliency{}, .stdev = -0.1});
  refused("stdev", lumen::Smooth{.method = lumen::Saliency{}, .stdev = not_a_number});
}

DOCTEST_TEST_CASE("baselines that do not fit are refused") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 508);
  const target::Class question{};
  const auto refused = [&](const std::string& part, const auto& value) {
    check_refused(part, [&] { (void)lumen::IntegratedGradients{.baseline = value}(net, x, question); });
    check_refused(part, [&] { (void)lumen::GuidedIntegratedGradients{.baseline = value}(net, x, question); });
    check_refused(part, [&] { (void)lumen::ExpectedGradients{.baseline = value}(net, x, question); });
    check_refused(part, [&] { (void)lumen::GradientShap{.baseline = value}(net, x, question); });
  };
  refused("baseline::Given", baseline::Given{});
  refused("baseline::Given", baseline::Given{at::zeros({3, 1, 8, 8}, at::kDouble)});
  refused("baseline::Given", baseline::Given{at::zeros({2, 1, 8, 7}, at::kDouble)});
  refused("baseline::Samples", baseline::Samples{});
  refused("baseline::Samples", baseline::Samples{at::zeros({4, 1, 7, 8}, at::kDouble)});
  refused("baseline::Uniform", baseline::Uniform{.low = 1.0, .high = 0.0});
  refused("baseline::GaussianNoise", baseline::GaussianNoise{.stdev = -1.0});
  refused("baseline has shape", [](const Tensor& at) { return at.flatten(1); });
  refused("2 baselines were given for 1 inputs", std::tuple{baseline::Zero{}, baseline::Zero{}});
}
