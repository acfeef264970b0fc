// SPDX-License-Identifier: BSD-3-Clause
// Networks of other people's problem reports, as TorchScript files: tests say SKIPPED without the shared data.
#include <lumen/script/load.hpp>

#include <doctest/doctest.h>

#include <string>

#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include <support/allclose.hpp>
#include <support/message.hpp>
#include <support/shared.hpp>

namespace layer = lumen::layer;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::testing::shared;

DOCTEST_TEST_CASE("sqrt(relu(conv)): FullGrad is finite and complete where a derivative is infinite") {
  const auto file = shared("cases/sqrt.pt");
  if (!file) return;
  const lumen::script::Network net = lumen::script::load(*file);
  const Tensor x = lumen::io::read_npy(file->parent_path() / "sqrt.npy");
  const auto why = lumen::FullGrad{}(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(at::isfinite(why.map).all().item<bool>());
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-4);
}

DOCTEST_TEST_CASE("a sigmoid inside: the class region wants a threshold, and is then the pixels above it") {
  const auto file = shared("cases/seg_sigmoid.pt");
  if (!file) return;
  const lumen::script::Network net = lumen::script::load(*file);
  const Tensor x = lumen::io::read_npy(file->parent_path() / "seg_sigmoid.npy");
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::Saliency{}(net, x, target::ClassRegion{}); }),
                      "give threshold = 0.5"));
  const target::ClassRegion question{.threshold = 0.5};
  const auto why = lumen::Saliency{}(net, x, question);
  DOCTEST_CHECK(why.score.item<double>() == doctest::Approx(64.76).epsilon(1e-3));
  DOCTEST_CHECK(question.freeze(net.forward(x)).mask.sum().item<std::int64_t>() == 122);
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::Saliency{}(net, x, target::ClassRegion{.threshold = 2.0}); }),
            "no pixel is predicted as class 0"));
}

DOCTEST_TEST_CASE("token ids at the layer that embeds them: complete, and other ids are the baseline") {
  const auto file = shared("cases/emb.pt");
  if (!file) return;
  const lumen::script::Network net = lumen::script::load(*file);
  const Tensor ids = lumen::io::read_npy(file->parent_path() / "emb.npy");
  const lumen::AtLayer method{
      .method = lumen::IntegratedGradients{.baseline = lumen::baseline::Given{at::tensor({1}, at::kLong)},
                                           .steps = 200},
      .layer = layer::nth("embedding", 0)};
  const auto why = method(net, ids, target::Class{.index = 1});
  DOCTEST_CHECK(why.map.dim() == 3);
  const Tensor difference = (net.forward(ids) - net.forward(at::ones_like(ids))).select(1, 1);
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), difference, 1e-3));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::Saliency{}(net, ids, target::Class{.index = 1}); }), "AtLayer"));
}
