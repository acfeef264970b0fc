// SPDX-License-Identifier: BSD-3-Clause
// CAMs of sequences and of volumes, against the definition in loops and against the same network on [N, C, H, W].
#include <lumen/attribution/cam/upsample.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <lumen/attribution/cam/cam.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::Upsample;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

const lumen::target::Class question{.index = 1};

/// One network for inputs of three ranks: dimensions of size 1 around its one line of cells.
struct Line {
  Tensor first = nets::weight({4, 2, 3}, 1), bias = nets::random({4}, 2), second = nets::weight({5, 4, 3}, 3),
         head = nets::weight({3, 5}, 4);
  Tensor operator()(const Tensor& x) const {
    const Tensor kernel1 = first, kernel2 = second;
    if (x.dim() == 3) {
      const Tensor h = at::relu(at::conv1d(x, kernel1, bias, 2, 1));
      return at::linear(at::relu(at::conv1d(h, kernel2, {}, 1, 1)).mean({2}), head);
    }
    if (x.dim() == 4) {
      const Tensor h = at::relu(at::conv2d(x, kernel1.unsqueeze(2), bias, std::vector<std::int64_t>{1, 2},
                                           std::vector<std::int64_t>{0, 1}));
      return at::linear(at::relu(at::conv2d(h, kernel2.unsqueeze(2), {}, std::vector<std::int64_t>{1, 1},
                                            std::vector<std::int64_t>{0, 1}))
                            .mean({2, 3}),
                        head);
    }
    const Tensor h =
        at::relu(at::conv3d(x, kernel1.unsqueeze(2).unsqueeze(2), bias, std::vector<std::int64_t>{1, 1, 2},
                            std::vector<std::int64_t>{0, 0, 1}));
    return at::linear(
        at::relu(at::conv3d(h, kernel2.unsqueeze(2).unsqueeze(2), {}, std::vector<std::int64_t>{1, 1, 1},
                            std::vector<std::int64_t>{0, 0, 1}))
            .mean({2, 3, 4}),
        head);
  }
};

/// A volume: [N, 1, 4, 6, 5] -> [N, 2].
struct Volume {
  Tensor conv = nets::weight({3, 1, 3, 3, 3}, 11), bias = nets::random({3}, 12),
         head = nets::weight({2, 3}, 13);
  Tensor operator()(const Tensor& x) const {
    return at::linear(
        at::avg_pool3d(at::relu(at::conv3d(x, conv, bias, 1, 1)), 2, 2, 0, true).mean({2, 3, 4}), head);
  }
};

}  // namespace

DOCTEST_TEST_CASE("a sequence has the maps of the picture of one row, and of the volume of one line") {
  const Line net;
  const Tensor x = nets::random({2, 2, 11}, 21);
  const auto same = [&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto line = method(net, x, question), picture = method(net, x.unsqueeze(2), question),
               volume = method(net, x.unsqueeze(2).unsqueeze(2), question);
    DOCTEST_CHECK(line.map.dim() == 3);
    DOCTEST_CHECK(line.map.abs().max().template item<double>() > 1e-6);
    DOCTEST_CHECK(all_close(line.map, picture.map.squeeze(2), 1e-12));
    DOCTEST_CHECK(all_close(line.map, volume.map.squeeze(2).squeeze(2), 1e-12));
    if (line.completeness_error.defined())
      DOCTEST_CHECK(line.completeness_error.abs().max().template item<double>() < 1e-11);
  };
  same("FullGrad", lumen::FullGrad{});
  same("FullGrad's picture", lumen::FullGrad{.picture = true});
  same("ScoreCam", lumen::ScoreCam{.layer = layer::nth("relu", 0)});
  same("ReciproCam, one cell", lumen::ReciproCam{.layer = layer::nth("relu", 0), .gaussian = false});
  same("Cam", lumen::Cam{});
  same("GuidedGradCam", lumen::GuidedGradCam{.layer = layer::nth("relu", 0)});
  for (const Upsample how : {Upsample::Nearest, Upsample::Bilinear, Upsample::Area})
    same("GradCam, upsampled", lumen::GradCam{.layer = layer::nth("relu", 0), .upsample = how});
}

DOCTEST_TEST_CASE("the smooth masks of ReciproCam are binomial in every dimension") {
  const Line net;
  const Tensor x = nets::random({1, 2, 9}, 22), h = at::relu(at::conv1d(x, net.first, net.bias, 2, 1));
  const auto suffix = [&](const Tensor& value) {
    return at::linear(at::relu(at::conv1d(value, net.second, {}, 1, 1)).mean({2}), net.head).select(1, 1);
  };
  Tensor expected = at::zeros({1, 1, 5}, at::kDouble);
  for (std::int64_t i = 0; i < 5; ++i) {
    Tensor mask = at::zeros({1, 1, 5}, at::kDouble);
    mask[0][0][i] = 0.5;
    if (i > 0) mask[0][0][i - 1] = 0.25;
    if (i < 4) mask[0][0][i + 1] = 0.25;
    expected[0][0][i] = suffix(h * mask)[0];
  }
  DOCTEST_CHECK(
      all_close(lumen::ReciproCam{.layer = layer::nth("relu", 0)}(net, x, question).map, expected, 1e-12));
}

DOCTEST_TEST_CASE("FullGrad of a volume is complete, and lays each cell on its voxels") {
  const Volume net;
  const Tensor x = nets::random({2, 1, 4, 6, 5}, 23);
  const auto why = lumen::FullGrad{}(net, x, question);
  DOCTEST_CHECK(why.map.sizes() == at::IntArrayRef({2, 1, 4, 6, 5}));
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), why.score, 1e-12));
  // the biases act where the rectifier is open: (dF/dx) x + b dF/db, cell by cell
  const at::AutoGradMode enable(true);
  const Tensor leaf = x.clone().requires_grad_(true);
  const Tensor b =
      (net.bias.reshape({1, 3, 1, 1, 1}) * at::ones({2, 3, 4, 6, 5}, at::kDouble)).requires_grad_(true);
  const Tensor score =
      at::linear(
          at::avg_pool3d(at::relu(at::conv3d(leaf, net.conv, {}, 1, 1) + b), 2, 2, 0, true).mean({2, 3, 4}),
          net.head)
          .select(1, 1)
          .sum();
  const auto g = torch::autograd::grad({score}, {leaf, b});
  DOCTEST_CHECK(all_close(why.map, (g[0] * leaf + (g[1] * b).sum(1, true)).detach(), 1e-12));
}

DOCTEST_TEST_CASE("spreading keeps the sum in every rank, up and down") {
  for (const std::vector<std::int64_t>& size :
       {std::vector<std::int64_t>{9}, {3}, {7, 4}, {3, 9}, {2, 2}, {3, 5, 6}, {6, 2, 2}}) {
    std::vector<std::int64_t> shape{2, 1};
    for (std::size_t d = 0; d < size.size(); ++d) shape.push_back(4);
    const Tensor map = nets::random(shape, 24), wide = lumen::spread(map, size);
    DOCTEST_CHECK(wide.sizes().slice(2) == at::IntArrayRef(size));
    DOCTEST_CHECK(all_close(wide.flatten(1).sum(1), map.flatten(1).sum(1), 1e-12));
  }
}

DOCTEST_TEST_CASE("what cannot be upsampled is refused with what can") {
  const Tensor volume = nets::random({1, 1, 2, 2, 2}, 25);
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::upsampled(volume, {4, 4, 4}, Upsample::Bicubic); }), "Bilinear"));
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::upsampled(volume, {4, 4}, Upsample::Nearest); }),
                      "this one is [1, 1, 2, 2, 2]"));
  const Tensor line = nets::random({1, 1, 5}, 26);
  const Tensor cubic = lumen::upsampled(line, {10}, Upsample::Bicubic);
  DOCTEST_CHECK(
      all_close(cubic, at::upsample_bicubic2d(line.unsqueeze(2), {1, 10}, false).squeeze(2), 1e-12));
}

DOCTEST_TEST_CASE("where the derivative is infinite but nothing flows, FullGrad's shares are zero") {
  const Tensor weights = at::tensor({1.0, -1.0}, at::kDouble).reshape({2, 1, 1, 1});
  const Tensor head = at::tensor({1.0, 1.0}, at::kDouble).reshape({1, 2});
  const auto model = [&](const Tensor& x) {
    return at::linear(at::sqrt(at::relu(at::conv2d(x, weights))).mean({2, 3}), head);
  };
  const Tensor x = at::ones({1, 1, 4, 4}, at::kDouble);
  const auto why = lumen::FullGrad{}(model, x, lumen::target::Class{});
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), why.score, 1e-12));
  DOCTEST_CHECK(all_close(why.map, at::full({1, 1, 4, 4}, 1.0 / 16.0, at::kDouble), 1e-12));
}
