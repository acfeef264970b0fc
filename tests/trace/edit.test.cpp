// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/edit.hpp>

#include <stdexcept>

#include <doctest/doctest.h>

#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/script/network.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/trace/program.hpp>

#include <script/models.hpp>
#include <support/allclose.hpp>
#include <support/message.hpp>
#include <support/nets.hpp>

namespace lumen {
namespace {

namespace nets = testing::nets;
using testing::all_close;
using testing::holds;
using testing::message_of;

/// Dense, with two rectifiers and a tap; `between` is what stands behind the first rectifier.
template <class F>
struct Net {
  F between;
  bool in_place = false;
  Tensor first = nets::weight({4, 1, 3, 3}, 1), second = nets::weight({4, 4, 3, 3}, 2),
         last = nets::weight({2, 4, 1, 1}, 3);
  Tensor operator()(const Tensor& x) const {
    Tensor h = at::conv2d(x, first, {}, 1, 1);
    h = between(in_place ? at::relu_(h) : at::relu(h));
    h = trace::tap("middle", at::relu(at::conv2d(h, second, {}, 1, 1)));
    return at::conv2d(h, last);
  }
};

const auto nothing = [](const Tensor& h) { return h; };
const auto holed = [](Tensor h) {
  h = h.clone();
  h.slice(2, 1, 4).slice(3, 2, 4).zero_();
  return h;
};
/// With a rectifier of its own, which guided backpropagation must find.
const auto rectified = [](const Tensor& h) { return at::relu(h - 0.3) * 2; };

const Tensor image = nets::random({2, 1, 8, 8}, 5);
const target::ClassRegion question{.channel = 1};

/// An edited model against one that was written so.
template <class A, class B>
void compare(const A& edited, const B& written) {
  DOCTEST_CHECK(all_close(edited.forward(image), written(image), 1e-14));
  const auto same = [&](const auto& method, const auto& other) {
    DOCTEST_CHECK(all_close(method(edited, image, question).map, other(written, image, question).map, 1e-12));
  };
  same(IntegratedGradients{.steps = 6}, IntegratedGradients{.steps = 6});
  same(GuidedBackprop{}, GuidedBackprop{});
  const GradCam cam{.layer = layer::tap("middle")};
  same(cam, cam);
  const AtLayer behind{.method = IntegratedGradients{.steps = 6}, .layer = layer::tap("middle")};
  same(behind, behind);
  const AtLayer before{.method = IntegratedGradients{.steps = 6}, .layer = layer::nth("conv2d", 0)};
  same(before, before);
  Tensors rows[2];
  const auto stream = [&](const auto& model, Tensors& kept) {
    influence::rows(model, image.narrow(0, 0, 1), influence::Every{.step = 3},
                    {AnyTarget(target::Class{.index = 1})},
                    [&](const influence::RowChunk& chunk) { kept.push_back(chunk.dense().clone()); });
  };
  stream(edited, rows[0]);
  stream(written, rows[1]);
  DOCTEST_CHECK(all_close(at::cat(rows[0]), at::cat(rows[1]), 1e-12));
}

}  // namespace

DOCTEST_TEST_CASE("an edited model is the model that was written so, for every method") {
  const Net net{nothing};
  compare(trace::edit(net, layer::nth("relu", 0), trace::FillRectangle{1, 2, 3, 2}), Net{holed});
  compare(trace::edit(net, layer::input(layer::nth("conv2d", 1)), holed), Net{holed});
  compare(trace::edit(net, layer::nth("relu", 0), rectified), Net{rectified});
  compare(trace::edit(net, layer::of(net.first), [](const Tensor& h) { return at::relu(h); }), Net{nothing});
}

DOCTEST_TEST_CASE("rectifiers that work in place, layers from the end, edits of edits, temporaries") {
  const Net<decltype(nothing)> in_place{nothing, true};
  compare(trace::edit(in_place, layer::nth("relu", 0), holed), Net{holed});
  compare(trace::edit(in_place, layer::nth("relu", -2), holed), Net{holed});
  const Net net{nothing};
  const auto once = trace::edit(net, layer::nth("relu", 0), holed);
  // To the second edit the first one's rectifier is the model's second.
  const auto first = trace::edit(net, layer::nth("relu", 0), rectified);
  const Net both{[](const Tensor& h) { return holed(at::relu(h - 0.3)) * 2; }};
  compare(trace::edit(first, layer::nth("relu", 1), holed), both);
  compare(trace::edit(Net{nothing}, layer::nth("relu", 0), holed), Net{holed});
  DOCTEST_CHECK(
      all_close(trace::edit(once, layer::tap("middle"), nothing).forward(image), once.forward(image), 0));
}

DOCTEST_TEST_CASE("a program of an edited model repeats the edit, also where the layer works in place") {
  for (const bool in_place : {false, true}) {
    DOCTEST_CAPTURE(in_place);
    const Net<decltype(nothing)> net{nothing, in_place};
    for (const layer::Layer& at : {layer::nth("relu", 0), layer::input(layer::nth("relu", 0))}) {
      DOCTEST_CAPTURE(at.what());
      const auto model = trace::edit(net, at, rectified);
      const auto program =
          trace::Program::record([&](const Tensors& x) { return model.forward(x.front()); }, {image});
      DOCTEST_INFO(program.why_not());
      DOCTEST_REQUIRE(program.exact());
      DOCTEST_CHECK(all_close(program({image * 2.0}), model.forward(image * 2.0), 1e-14));
      Tensors rows[2];
      std::size_t which = 0;
      const Tensor one = image.narrow(0, 0, 1);
      for (const influence::Way way : {influence::Way::Cheapest, influence::Way::Whole}) {
        const auto report = influence::rows(
            model, one, influence::Every{.step = 3}, {AnyTarget(target::Class{.index = 1})},
            [&](const influence::RowChunk& chunk) { rows[which].push_back(chunk.dense().clone()); },
            {.way = way});
        DOCTEST_CHECK((report.way == influence::Way::Whole) == (way == influence::Way::Whole));
        ++which;
      }
      DOCTEST_CHECK(all_close(at::cat(rows[0]), at::cat(rows[1]), 1e-12));
    }
  }
}

DOCTEST_TEST_CASE("the model is as it was, also after an exception") {
  const Net net{nothing};
  const Tensor before = net(image);
  const auto broken = trace::edit(net, layer::nth("relu", 0),
                                  [](const Tensor&) -> Tensor { throw std::runtime_error("mine"); });
  DOCTEST_CHECK_THROWS_WITH((void)broken.forward(image), "mine");
  DOCTEST_CHECK_FALSE(trace::is_heard());
  const auto scribbling = trace::edit(net, layer::of(net.first), [](Tensor h) { return h.zero_(); });
  DOCTEST_CHECK(scribbling.forward(image).abs().max().item<double>() == 0.0);
  DOCTEST_CHECK(at::equal(net(image), before));
}

DOCTEST_TEST_CASE("modules of a TorchScript file, by their paths") {
  //! [edit]
  const script::Network net(testing::script_models::residual());
  const Tensor x = testing::script_models::images();
  const auto blind = trace::edit(net, layer::tap("stem"), trace::FillRectangle{.height = 3, .width = 3});
  const auto why = IntegratedGradients{.steps = 20}(blind, x, target::Class{.index = 1});
  //! [edit]
  DOCTEST_CHECK(all_close(why.score, blind.forward(x).select(1, 1), 1e-12));
  DOCTEST_CHECK_FALSE(all_close(blind.forward(x), net.forward(x), 1e-3));
  const auto same = trace::edit(net, layer::tap("stem"), nothing);
  DOCTEST_CHECK(all_close(same.forward(x), net.forward(x), 1e-14));
}

DOCTEST_TEST_CASE("edits that cannot be are refused") {
  const Net net{nothing};
  const auto refusal = [&](layer::Layer at, auto change) {
    return message_of([&] { (void)trace::edit(net, at, change).forward(image); });
  };
  DOCTEST_CHECK(holds(refusal(layer::nth("relu", 7), nothing), "never came to the output of relu 7"));
  DOCTEST_CHECK(holds(refusal(layer::nth("relu", 0), [](const Tensor& h) { return h.sum(1); }),
                      "`change` gave Double[2, 8, 8]"));
  DOCTEST_CHECK(
      holds(refusal(layer::nth("relu", 0), [](const Tensor&) { return Tensor(); }), "an undefined tensor"));
  DOCTEST_CHECK(
      holds(refusal(layer::nth("relu", 0), trace::FillRectangle{.top = 6, .height = 3}), "rows 6 to 9"));
}

}  // namespace lumen
