// SPDX-License-Identifier: BSD-3-Clause
// The CAMs without gradients, each against one whole forward pass for every channel or cell.
#include <lumen/attribution/cam/ablation_cam.hpp>

#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/cam_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace cams = lumen::testing::cams;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(lumen::Method<lumen::AblationCam>);
static_assert(lumen::Method<lumen::ReciproCam>);
static_assert(lumen::Method<lumen::ScoreCam<>>);

namespace {

double class_of(const Tensor& output, std::int64_t index) { return output[0][index].item<double>(); }

/// One channel zeroed at a time.
Tensor ablation(const cams::Cut& net, const Tensor& x, std::int64_t index, bool relative = true) {
  return cams::each_row(x, [&](const Tensor& one) {
    const Tensor value = net.prefix(one);
    const double score = class_of(net.suffix(value), index);
    std::vector<double> weights;
    for (std::int64_t k = 0; k < value.size(1); ++k) {
      Tensor without = value.clone();
      without[0][k].zero_();
      weights.push_back((score - class_of(net.suffix(without), index)) / (relative ? score : 1.0));
    }
    return cams::weighted(value[0], [&](std::int64_t k, std::int64_t, std::int64_t) {
      return weights[static_cast<std::size_t>(k)];
    });
  });
}

/// One mask at a time.
Tensor recipro(const cams::Cut& net, const Tensor& x, std::int64_t index, bool gaussian) {
  return cams::each_row(x, [&](const Tensor& one) {
    const Tensor value = net.prefix(one);
    Tensor map = at::zeros({1, 1, 4, 4}, at::kDouble);
    for (std::int64_t i = 0; i < 4; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) {
        Tensor masked = at::zeros_like(value);
        for (std::int64_t r = 0; r < 4; ++r) {
          for (std::int64_t c = 0; c < 4; ++c) {
            const auto dr = std::abs(r - i), dc = std::abs(c - j);
            double mask = r == i && c == j ? 1.0 : 0.0;
            if (gaussian) mask = dr <= 1 && dc <= 1 ? (dr == 0 ? 0.5 : 0.25) * (dc == 0 ? 0.5 : 0.25) : 0.0;
            masked.select(2, r).select(2, c).copy_(value.select(2, r).select(2, c) * mask);
          }
        }
        map[0][0][i][j] = class_of(net.suffix(masked), index);
      }
    }
    return map;
  });
}

/// One masked image at a time.
Tensor score(const cams::Cut& net, const Tensor& x, std::int64_t index, bool softmax, double baseline = 0.0) {
  return cams::each_row(x, [&](const Tensor& one) {
    const Tensor value = net.prefix(one), absent = at::full_like(one, baseline);
    std::vector<double> weights;
    std::vector<bool> used;
    for (std::int64_t k = 0; k < value.size(1); ++k) {
      const Tensor channel = value.narrow(1, k, 1);
      const double low = channel.min().item<double>(), high = channel.max().item<double>();
      used.push_back(high > low);
      if (!used.back()) {
        weights.push_back(0.0);
        continue;
      }
      const Tensor large = at::upsample_bilinear2d(channel, {8, 8}, false);
      const Tensor mask = (large - large.min()) / (large.max() - large.min());
      weights.push_back(class_of(net(mask * one + (1.0 - mask) * absent), index) -
                        class_of(net(absent), index));
    }
    if (softmax) {
      double total = 0.0;
      for (std::size_t k = 0; k < weights.size(); ++k) total += used[k] ? std::exp(weights[k]) : 0.0;
      for (std::size_t k = 0; k < weights.size(); ++k)
        weights[k] = used[k] ? std::exp(weights[k]) / total : 0.0;
    }
    return cams::weighted(value[0], [&](std::int64_t k, std::int64_t, std::int64_t) {
      return weights[static_cast<std::size_t>(k)];
    });
  });
}

const lumen::trace::Layer last = layer::nth("relu", 1);

/// A skip over the layer, joined behind it: by a sum or, as in a U-Net, by cat.
struct Skip {
  cams::Cut cut;
  bool cat;
  Tensor wide = nets::weight({5, 9, 3, 3}, 77);
  Tensor operator()(const Tensor& x) const {
    const Tensor early = at::max_pool2d(at::relu(at::conv2d(x, cut.conv1, cut.bias1, 1, 1)), 2);
    const Tensor late = at::relu(at::conv2d(early, cut.conv2, cut.bias2, 1, 1));
    if (cat) return cut.suffix(at::tanh(at::conv2d(at::cat({late, early}, 1), wide, {}, 1, 1)));
    return cut.suffix(at::tanh(late + early.narrow(1, 0, 1)));
  }
};

}  // namespace

DOCTEST_TEST_CASE("Example") {
  namespace lm = lumen;
  const cams::Cut net;
  const Tensor image = nets::random({1, 2, 8, 8}, 1);
  //! [ablation_cam]
  const auto why =
      lm::AblationCam{.layer = lm::layer::nth("relu", 1)}(net, image, lm::target::Class{.index = 1});
  const bool closed_form = why.backward_passes == 1 && why.forward_passes == 1;  // the head is linear
  //! [ablation_cam]
  DOCTEST_CHECK(closed_form);
  //! [score_cam]
  const auto score_cam = lm::ScoreCam{.layer = lm::layer::nth("relu", 1), .upsample = lm::Upsample::Bilinear};
  const auto scored =
      score_cam(net, image, lm::target::Class{.index = 1});  // 1 + 5 forward passes, no gradient
  //! [score_cam]
  DOCTEST_CHECK(scored.forward_passes == 6);
}

DOCTEST_TEST_CASE("Ablation-CAM: the closed form and ablating are both one pass a channel") {
  const Tensor x = nets::random({3, 2, 8, 8}, 2);
  for (const bool in_place : {false, true}) {
    cams::Cut net;
    net.in_place = in_place;
    const target::Class question{.index = 1};
    const Tensor expected = ablation(net, x, 1);
    const auto closed = lumen::AblationCam{.layer = last}(net, x, question);
    DOCTEST_CHECK(all_close(closed.map, expected, 1e-10));
    DOCTEST_CHECK(closed.forward_passes == 1);
    const auto ablated = lumen::AblationCam{.layer = last, .closed_form = false}(net, x, question);
    DOCTEST_CHECK(all_close(ablated.map, expected, 1e-10));
    DOCTEST_CHECK(ablated.forward_passes == 6);
    DOCTEST_CHECK(ablated.backward_passes == 0);
    const auto absolute = lumen::AblationCam{.layer = last, .relative = false}(net, x, question);
    DOCTEST_CHECK(all_close(absolute.map, ablation(net, x, 1, false), 1e-12));
    const auto split =
        lumen::AblationCam{.layer = last, .closed_form = false, .run = {.memory = 1}}(net, x, question);
    DOCTEST_CHECK(all_close(split.map, expected, 1e-10));
  }
}

DOCTEST_TEST_CASE("Ablation-CAM: what is not affine is ablated") {
  const Tensor x = nets::random({2, 2, 8, 8}, 3);
  const cams::Cut curved(40, false), pooled;
  const auto why = lumen::AblationCam{.layer = last}(curved, x, target::Class{.index = 2});
  DOCTEST_CHECK(why.forward_passes == 7);
  DOCTEST_CHECK(all_close(why.map, ablation(curved, x, 2), 1e-10));
  // by the target alone
  const auto asked = target::Softmax{target::Class{.index = 2}};
  const auto soft = lumen::AblationCam{.layer = last}(pooled, x, asked);
  DOCTEST_CHECK(soft.forward_passes == 7);
  DOCTEST_CHECK(
      all_close(soft.map, lumen::AblationCam{.layer = last, .closed_form = false}(pooled, x, asked).map));
  const auto both = lumen::AblationCam{.layer = last}(pooled, x, lumen::Targets{target::Class{2}, asked});
  DOCTEST_CHECK(all_close(both[0].map, ablation(pooled, x, 2), 1e-10));
  DOCTEST_CHECK(all_close(both[1].map, soft.map, 1e-10));
}

DOCTEST_TEST_CASE("an affine score is known from its operators, and never taken for one when it is not") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 4);
  const auto closed = [&](const auto& head) {
    const auto model = [&](const Tensor& image) { return head(net.prefix(image)); };
    const target::Class question{.index = 1};
    const auto why = lumen::AblationCam{.layer = last, .relative = false}(model, x, question);
    const auto slow =
        lumen::AblationCam{.layer = last, .relative = false, .closed_form = false}(model, x, question);
    DOCTEST_CHECK(all_close(why.map, slow.map, 1e-10));
    return why.forward_passes == 1;
  };
  const Tensor one = at::ones({1, 5, 4, 4}, at::kDouble);
  const Tensor mean = nets::random({5}, 5), variance = nets::random({5}, 6).abs() + 1.0;
  const auto norm = [&](const Tensor& h, bool training) {
    return at::batch_norm(h, {}, {}, mean.clone(), variance.clone(), training, 0.1, 1e-5, false);
  };
  DOCTEST_CHECK(closed([&](const Tensor& h) { return net.suffix(norm(h * 2.0 + 1.0, false)); }));
  DOCTEST_CHECK(closed([&](const Tensor& h) { return net.suffix(h / 3.0 - h.flip(1)); }));
  DOCTEST_CHECK_FALSE(closed([&](const Tensor& h) { return net.suffix(h * h); }));
  DOCTEST_CHECK_FALSE(closed([&](const Tensor& h) { return net.suffix(1.0 / (h + 2.0)); }));
  DOCTEST_CHECK_FALSE(closed([&](const Tensor& h) { return net.suffix(h.detach() + h); }));
  DOCTEST_CHECK_FALSE(closed([&](const Tensor& h) { return net.suffix(h * (h > 0.5)); }));
  DOCTEST_CHECK_FALSE(closed([&](const Tensor& h) { return net.suffix(at::max_pool2d(h, 2)); }));
  DOCTEST_CHECK_FALSE(closed([&](const Tensor& h) { return net.suffix(at::div(one, h + 1.0)); }));
}

DOCTEST_TEST_CASE("running the rest of the model alone is running it whole, whatever skips over the layer") {
  const Tensor x = nets::random({2, 2, 8, 8}, 7);
  const target::Class question{.index = 0};
  for (const bool cat : {false, true}) {
    const Skip net{.cut = cams::Cut(40, false), .cat = cat};
    int calls = 0;
    const lumen::engine::Function model = [&](const lumen::Tensors& parts) {
      ++calls;
      return net(parts.front());
    };
    const auto start = lumen::detail::start_at(model, last, {}, {x}, {question}, {});
    const auto ablated = [](const Tensor& value, std::int64_t first, std::int64_t count) {
      Tensor all = value.expand({count, 5, 4, 4}).clone();
      for (std::int64_t v = 0; v < count; ++v) all[v][first + v].zero_();
      return all;
    };
    calls = 0;
    const auto fast = lumen::detail::scores_of_versions(model, last, {}, {x}, start, 5, ablated, {}, "");
    DOCTEST_CHECK(calls == 2);  // of one row and of two, to be recorded; the rest are replays
    const auto slow =
        lumen::detail::scores_of_versions(model, last, {}, {x}, start, 5, ablated, {}, "", false);
    DOCTEST_CHECK(fast[0].sizes() == at::IntArrayRef({2, 5}));
    DOCTEST_CHECK(all_close(fast[0], slow[0], 1e-12));
  }
}

DOCTEST_TEST_CASE("a model that knows its batch size is run whole") {
  const cams::Cut net(40, false);
  const auto fixed = [&](const Tensor& x) {
    const std::int64_t rows = x.size(0);
    const Tensor pooled = at::tanh(at::max_pool2d(net.prefix(x), 2)).reshape({rows, 20, -1}).sum(2);
    return at::linear(pooled, net.fc, net.bias);
  };
  const Tensor x = nets::random({2, 2, 8, 8}, 8);
  const auto why = lumen::AblationCam{.layer = last}(fixed, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(why.map, ablation(net, x, 1), 1e-10));
  // a chunk of other rows must leave the unchanged value's score as it is
  const lumen::engine::Function counting = [&](const lumen::Tensors& parts) {
    const Tensor value = at::tanh(net.prefix(parts.front()));
    return net.suffix(value * static_cast<double>(value.size(0)));
  };
  const Tensor row = x.narrow(0, 0, 1);
  const auto start = lumen::detail::start_at(counting, last, {}, {row}, {target::Class{1}}, {});
  const auto same = [](const Tensor& value, std::int64_t, std::int64_t count) {
    return value.expand({count, 5, 4, 4}).clone();
  };
  DOCTEST_CHECK_FALSE(lumen::detail::runs_suffix(lumen::detail::recorded(counting, last, {row}, {})));
  // what no operator tells is found by the unchanged value's score
  const auto pointed = [&](const lumen::Tensors& parts) {
    Tensor value = at::tanh(net.prefix(parts.front())).contiguous();
    value.data_ptr<double>()[0] += 1.0;
    return net.suffix(value);
  };
  const auto known = lumen::detail::start_at(pointed, last, {}, {row}, {target::Class{1}}, {}, true);
  DOCTEST_REQUIRE(known.program.has_value());
  DOCTEST_CHECK(lumen::detail::suffix_scores(*known.program, {}, known, 0, 3, same, {}).empty());
  const auto whole_passes =
      lumen::detail::scores_of_versions(counting, last, {}, {row}, start, 3, same, {.memory = 1}, "");
  DOCTEST_CHECK(all_close(whole_passes[0], start.scores[0].expand({1, 3}), 1e-12));
  // and so is a model whose target knows only whole batches
  const auto whole = [](const Tensor& output) { return output.select(1, 1); };
  DOCTEST_CHECK(all_close(lumen::AblationCam{.layer = last}(net, x, whole).map, why.map, 1e-10));
}

DOCTEST_TEST_CASE("Recipro-CAM is one mask at a time") {
  const Tensor x = nets::random({2, 2, 8, 8}, 9);
  for (const bool pooled : {true, false}) {
    const cams::Cut net(42, pooled);
    for (const bool gaussian : {true, false}) {
      const lumen::ReciproCam method{.layer = last, .gaussian = gaussian};
      const auto why = method(net, x, target::Class{.index = 1});
      DOCTEST_CHECK(all_close(why.map, recipro(net, x, 1, gaussian), 1e-12));
      DOCTEST_CHECK(all_close(why.score, net(x).select(1, 1), 1e-12));
      DOCTEST_CHECK(why.forward_passes == 17);
      const auto several = method(net, x, lumen::Targets{target::Class{0}, target::Class{1}});
      DOCTEST_CHECK(all_close(several[1].map, why.map));
    }
  }
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::ReciproCam{.layer = layer::nth("linear", 0)}(cams::Cut(), x,
                                                                                  target::Class{1});
                      }),
                      "needs a layer [N, C, l]"));
}

DOCTEST_TEST_CASE("Recipro-CAM of a dense output: each pixel's score of a region, by cells") {
  const nets::Segmentation net;
  const Tensor x = nets::random({1, 1, 6, 5}, 10);
  const auto question = target::ClassRegion{.channel = 1};
  const auto why = lumen::ReciproCam{.layer = layer::nth("relu", 1), .gaussian = false}(net, x, question);
  // what is behind the layer is a 1x1 convolution: a cell's score is its own pixel's
  const Tensor output = net(x), region = question.freeze(output).mask.to(at::kDouble);
  DOCTEST_CHECK(all_close(why.map, (output.select(1, 1) * region).unsqueeze(1), 1e-12));
}

DOCTEST_TEST_CASE("Score-CAM is one masked image at a time, without constant channels") {
  const Tensor x = nets::random({3, 2, 8, 8}, 11);
  cams::Cut net(43, false);
  net.conv2 = net.conv2.clone();
  net.conv2[2].zero_();  // a channel that is the same everywhere
  const target::Class question{.index = 1};
  for (const bool softmax : {true, false}) {
    const auto why = lumen::ScoreCam{.layer = last, .softmax = softmax}(net, x, question);
    DOCTEST_CHECK(all_close(why.map, score(net, x, 1, softmax), 1e-12));
    const auto grey = lumen::ScoreCam{.layer = last,
                                      .baseline = lumen::baseline::Constant{.value = 0.7},
                                      .softmax = softmax}(net, x, question);
    DOCTEST_CHECK(all_close(grey.map, score(net, x, 1, softmax, 0.7), 1e-12));
    const auto split =
        lumen::ScoreCam{.layer = last, .softmax = softmax, .run = {.memory = 1}}(net, x, question);
    DOCTEST_CHECK(all_close(split.map, why.map, 1e-12));
    const auto whole = [](const Tensor& output) { return output.select(1, 1); };
    DOCTEST_CHECK(
        all_close(lumen::ScoreCam{.layer = last, .softmax = softmax}(net, x, whole).map, why.map, 1e-12));
  }
  net.conv2.zero_();
  const auto nothing = lumen::ScoreCam{.layer = last}(net, x, question);
  DOCTEST_CHECK(all_close(nothing.map, at::zeros_like(nothing.map)));
}

DOCTEST_TEST_CASE("what these CAMs refuse, they say") {
  const cams::Cut net;
  const Tensor x = nets::random({1, 2, 8, 8}, 12);
  const auto zero = [](const Tensor& output) { return output.select(1, 0) * 0.0; };
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::AblationCam{.layer = last}(net, x, zero); }), "relative = false"));
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::AblationCam{.layer = last, .closed_form = false, .run = {.memory = 0}}(
                            net, x, target::Class{1});
                      }),
                      "positive number of bytes"));
  DOCTEST_CHECK(holds(
      message_of([&] { (void)lumen::ScoreCam{.layer = layer::nth("linear", 0)}(net, x, target::Class{1}); }),
      "needs a layer [N, C, l]"));
  const nets::BiasFree flat;
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::ScoreCam{.layer = layer::nth("relu", 0)}(flat, nets::random({1, 6}, 1),
                                                                              target::Class{1});
                      }),
                      "needs a layer [N, C, l]"));
}
