// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/features.hpp>

#include <doctest/doctest.h>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/perturb/regions.hpp>
#include <lumen/perturb/segment/grid.hpp>
#include <lumen/perturb/segment/prediction.hpp>
#include <lumen/perturb/segment/slic.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
namespace target = lumen::target;
using lumen::FeatureAblation;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;
using perturb::Features;

static_assert(perturb::Regions<perturb::FeatureRegions>);
static_assert(perturb::Regions<perturb::Overlapping>);

namespace {

const auto no_output = []() -> Tensor { throw lm::Error("the output was asked for"); };

/// A segmentation network of two classes.
struct Segmenting {
  Tensor first = nets::weight({4, 1, 3, 3}, 760), second = nets::weight({2, 4, 3, 3}, 761);
  Tensor operator()(const Tensor& x) const {
    return at::conv2d(at::relu(at::conv2d(x, first, {}, 1, 1)), second, {}, 1, 1);
  }
};

}  // namespace

DOCTEST_TEST_CASE("squares, stretches and cubes") {
  const auto grid = [](std::vector<std::int64_t> shape, std::int64_t side) {
    return perturb::Grid{.side = side}(nets::random(shape, 762));
  };
  const Tensor squares = grid({2, 3, 5, 7}, 3);
  DOCTEST_CHECK((squares.sizes() == at::IntArrayRef{1, 1, 5, 7}));
  DOCTEST_CHECK(squares[0][0][0].equal(at::tensor({0, 0, 0, 1, 1, 1, 2}, at::kLong)));
  DOCTEST_CHECK(squares[0][0].select(1, 0).equal(at::tensor({0, 0, 0, 3, 3}, at::kLong)));
  DOCTEST_CHECK(grid({1, 2, 7}, 3)[0][0].equal(at::tensor({0, 0, 0, 1, 1, 1, 2}, at::kLong)));
  DOCTEST_CHECK(grid({1, 4}, 2)[0].equal(at::tensor({0, 0, 1, 1}, at::kLong)));
  DOCTEST_CHECK(grid({1, 4}, 0)[0].equal(at::arange(4, at::kLong)));
  DOCTEST_CHECK(grid({1, 1, 4, 4, 4}, 2).max().item<std::int64_t>() == 7);
  DOCTEST_CHECK(grid({1, 1, 16, 16}, 0).max().item<std::int64_t>() == 3);
  DOCTEST_CHECK(holds(message_of([&] { (void)grid({1, 4}, -1); }), "side is -1"));
}

DOCTEST_TEST_CASE("a function of the input is its masks, for each sample its own, in any chunks") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 763);
  const perturb::Slic slic{.segments = 6};
  FeatureAblation method{.groups = slic};
  const auto why = method(net, x, target::Class{1});
  const FeatureAblation given{.groups = {slic(x)}};
  DOCTEST_CHECK(max_error(why.map, given(net, x, target::Class{1}).map) == 0.0);
  method.run.memory = 1;
  DOCTEST_CHECK(all_close(method(net, x, target::Class{1}).map, why.map, 1e-12));
  for (std::int64_t n = 0; n < 3; ++n) {
    const Tensor alone = method(net, x.narrow(0, n, 1), target::Class{1}).map;
    DOCTEST_CHECK(all_close(alone, why.map.narrow(0, n, 1), 1e-12));
  }
  const auto halves = [](const Tensor& each) {
    return at::arange(each.size(3), at::kLong).ge(each.size(3) / 2).to(at::kLong).reshape({1, 1, 1, -1});
  };
  const auto two = FeatureAblation{.groups = halves}(net, x, target::Class{0});
  DOCTEST_CHECK(two.forward_passes == 3);
  DOCTEST_CHECK(max_error(two.map.select(3, 0), two.map.select(3, 3)) == 0.0);
}

DOCTEST_TEST_CASE("the predicted regions are those of the unperturbed output, for one more pass") {
  const Segmenting net;
  const Tensor x = nets::random({2, 1, 9, 10}, 764);
  const Tensor classes = net(x).argmax(1, true);
  const auto question = target::ClassRegion{.channel = 1};
  const auto why = FeatureAblation{.groups = perturb::Prediction{}}(net, x, question);
  DOCTEST_CHECK(max_error(why.map, FeatureAblation{.groups = {classes}}(net, x, question).map) == 0.0);
  DOCTEST_CHECK(why.forward_passes == 4);
  for (const std::int64_t label : {0, 1}) {
    const Tensor gone = classes.eq(label);
    const Tensor change =
        (net(x).select(1, 1) - net(at::where(gone, at::zeros_like(x), x)).select(1, 1)) * classes.squeeze(1);
    const Tensor expected = change.sum({1, 2}).reshape({2, 1, 1, 1}).expand_as(x);
    DOCTEST_CHECK(all_close(why.map.masked_select(gone), expected.masked_select(gone), 1e-10));
  }
}

DOCTEST_TEST_CASE("features of several inputs are told apart, unless masks join them") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({2, 4}, 765), nets::random({2, 1, 4, 4}, 766)};
  const auto apart = FeatureAblation{.groups = perturb::Grid{.side = 2}}(net, x, target::Class{0});
  DOCTEST_CHECK(apart.forward_passes == 1 + 2 + 4);
  const auto each = FeatureAblation{.groups = Features::each({Features{}, perturb::Slic{.segments = 2}})}(
      net, x, target::Class{0});
  const Tensor segments = perturb::Slic{.segments = 2}(std::get<1>(x));
  DOCTEST_CHECK(each.forward_passes == 1 + 4 + segments.max().item<std::int64_t>() + 1);
  Tensor gone = std::get<1>(x).masked_fill(segments.eq(0), 0);
  const Tensor change = (net(std::get<0>(x), std::get<1>(x)) - net(std::get<0>(x), gone)).select(1, 0);
  DOCTEST_CHECK(all_close(std::get<1>(each.map).select(3, 0).select(2, 0).select(1, 0), change, 1e-12));
  const auto masks = FeatureAblation{.groups = Features::each({{at::zeros({1, 4}, at::kLong)}, Features{}})};
  DOCTEST_CHECK(masks(net, x, target::Class{0}).forward_passes == 1 + 1 + 16);
}

DOCTEST_TEST_CASE("features that overlap add up, what none holds stays 0, boxes are the smallest") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 767);
  Tensors masks;
  for (const auto& [row, column] : {std::pair{0, 0}, {2, 1}, {3, 4}}) {
    Tensor mask = at::zeros({1, 1, 8, 8}, at::kBool);
    mask.narrow(2, row, 4).narrow(3, column, 3).fill_(true);
    masks.push_back(mask);
  }
  const auto why = FeatureAblation{.groups = Features::overlapping(masks)}(net, x, target::Class{2});
  Tensor expected = at::zeros_like(x);
  for (const Tensor& mask : masks) {
    const Tensor change = (net(x) - net(x.masked_fill(mask, 0))).select(1, 2);
    expected += mask.to(at::kDouble) * change.reshape({2, 1, 1, 1});
  }
  DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
  DOCTEST_CHECK(why.map.masked_select(masks[0].logical_or(masks[1]).logical_or(masks[2]).logical_not())
                    .eq(0)
                    .all()
                    .item<bool>());
  DOCTEST_CHECK(why.forward_passes == 4);
  Tensors planes;  // one for all samples and channels
  for (const Tensor& mask : masks) planes.push_back(mask[0][0]);
  const FeatureAblation same{.groups = Features::overlapping(planes)};
  DOCTEST_CHECK(max_error(same(net, x, target::Class{2}).map, why.map) == 0.0);
  const perturb::FeatureRegions regions = Features::overlapping(masks).regions({x}, no_output);
  DOCTEST_CHECK((regions.box(0, 1) == lm::Box{{0, 1}, {2, 6}, {1, 4}}));
  // an element is absent as soon as one of its features is
  const Tensor values = at::tensor({0.25, 1.0, 0.5}, at::kDouble).reshape({1, 3});
  const Tensor present = regions.spread(0, values, at::zeros({1}, at::kLong));
  const Tensor low = at::minimum(1 - masks[0].to(at::kDouble) * 0.75, 1 - masks[2].to(at::kDouble) * 0.5);
  DOCTEST_CHECK(all_close(present, low, 0.0));
}

DOCTEST_TEST_CASE("games are played by the same features") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 773);
  const perturb::Slic slic{.segments = 4};
  const lm::ShapleyValues method{.groups = slic};
  const auto why = method(net, x, target::Class{1});
  DOCTEST_CHECK(max_error(why.map, lm::ShapleyValues{.groups = {slic(x)}}(net, x, target::Class{1}).map) ==
                0.0);
  // two that overlap: each is worth the mean of what it adds alone and to the other
  Tensor a = at::zeros({1, 1, 8, 8}, at::kBool), b = a.clone();
  a.narrow(2, 0, 5).fill_(true);
  b.narrow(2, 3, 5).fill_(true);
  const auto two = lm::ShapleyValues{.groups = Features::overlapping({a, b})}(net, x, target::Class{1});
  const auto without = [&](const Tensor& gone) { return net(x.masked_fill(gone, 0)).select(1, 1); };
  const Tensor all = net(x).select(1, 1), none = without(a.logical_or(b)), only_a = without(b),
               only_b = without(a);
  const Tensor of_a = (only_a - none + all - only_b) / 2, of_b = (only_b - none + all - only_a) / 2;
  DOCTEST_CHECK(all_close(two.map.select(2, 0).select(2, 0).select(1, 0), of_a, 1e-12));
  DOCTEST_CHECK(all_close(two.map.select(2, 7).select(2, 0).select(1, 0), of_b, 1e-12));
  DOCTEST_CHECK(all_close(two.map.select(2, 4).select(2, 0).select(1, 0), of_a + of_b, 1e-12));
  const Segmenting dense;
  const Tensor image = nets::random({1, 1, 9, 10}, 774);
  const auto predicted =
      lm::ShapleyValues{.groups = perturb::Prediction{}}(dense, image, target::ClassRegion{.channel = 1});
  const auto given = lm::ShapleyValues{.groups = {dense(image).argmax(1, true)}}(
      dense, image, target::ClassRegion{.channel = 1});
  DOCTEST_CHECK(max_error(predicted.map, given.map) == 0.0);
  DOCTEST_CHECK(predicted.forward_passes == given.forward_passes + 1);
}

DOCTEST_TEST_CASE("overlapping features of several inputs, and at a layer") {
  const nets::TwoInputs two;
  const std::tuple x{nets::random({2, 4}, 768), nets::random({2, 1, 4, 4}, 769)};
  const Tensor all = at::ones({1, 4}, at::kBool), first = at::arange(4).eq(0).reshape({1, 4}),
               picture = at::ones({1, 1, 1, 1}, at::kBool);
  const auto why =
      FeatureAblation{.groups = Features::overlapping_inputs({Tensors{all, {}}, Tensors{first, picture}})}(
          two, x, target::Class{0});
  const Tensor score = two(std::get<0>(x), std::get<1>(x)).select(1, 0);
  const Tensor a = score - two(at::zeros_like(std::get<0>(x)), std::get<1>(x)).select(1, 0),
               b = score -
                   two(std::get<0>(x).masked_fill(first, 0), at::zeros_like(std::get<1>(x))).select(1, 0);
  DOCTEST_CHECK(all_close(std::get<0>(why.map).select(1, 0), a + b, 1e-12));
  DOCTEST_CHECK(all_close(std::get<0>(why.map).select(1, 1), a, 1e-12));
  DOCTEST_CHECK(all_close(std::get<1>(why.map).select(3, 2).select(2, 1).select(1, 0), b, 1e-12));

  const nets::ConvNet net;
  const Tensor image = nets::random({2, 1, 8, 8}, 770);
  const Tensor channels = at::arange(6).lt(4).reshape({1, 6, 1, 1}),
               others = at::arange(6).gt(2).reshape({1, 6, 1, 1});
  const lm::AtLayer at_layer{
      .method = FeatureAblation{.groups = Features::overlapping(Tensors{channels, others})},
      .layer = lm::layer::of(net.conv2),
      .baseline_of = lm::BaselineOf::Layer};
  const Tensor map = at_layer(net, image, target::Class{0}).map;
  const auto of = [&](const Tensor& mask) {
    const lm::AtLayer one{.method = FeatureAblation{.groups = {mask.to(at::kLong)}},
                          .layer = lm::layer::of(net.conv2),
                          .baseline_of = lm::BaselineOf::Layer};
    return one(net, image, target::Class{0}).map * mask;
  };
  DOCTEST_CHECK(all_close(map, of(channels) + of(others), 1e-12));
}

DOCTEST_TEST_CASE("what does not fit is refused by name") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 771);
  const auto said = [&](const Features& features) {
    return message_of([&] { (void)FeatureAblation{.groups = features}(net, x, target::Class{0}); });
  };
  const Tensor one = at::ones({1, 1, 8, 8}, at::kBool);
  DOCTEST_CHECK(holds(said(perturb::Prediction{}), "a class for each pixel"));
  const auto lone = [](double threshold, bool given) {
    const perturb::Prediction predicted{.threshold = given ? std::optional(threshold) : std::nullopt};
    const auto sigmoid = [](const Tensor& image) { return at::sigmoid(image * 3.0); };
    const Tensor image = nets::random({2, 1, 8, 8}, 773);
    return FeatureAblation{.groups = predicted}(sigmoid, image, target::Region{.mask = at::ones({8, 8})});
  };
  DOCTEST_CHECK(holds(message_of([&] { (void)lone(0.0, false); }), "give threshold = 0.5"));
  DOCTEST_CHECK(lone(0.5, true).forward_passes > lone(0.0, true).forward_passes);
  DOCTEST_CHECK(holds(said([](const Tensor& each) { return each; }), "Double"));
  DOCTEST_CHECK(said([](const Tensor&) { return at::ones({8, 8}, at::kByte); }).empty());
  DOCTEST_CHECK(
      holds(said([](const Tensor&) { return at::zeros({1, 1, 8, 9}, at::kLong); }), "[1, 1, 8, 9]"));
  DOCTEST_CHECK(
      holds(said(Features::each({Features{}, Features{}})), "features of 2 inputs were given for 1"));
  DOCTEST_CHECK(
      holds(said(Features::each({Features::overlapping(Tensors{one})})), "leave Features::each out"));
  DOCTEST_CHECK(holds(said(Features::overlapping(Tensors{one.to(at::kLong)})), "expected bool"));
  DOCTEST_CHECK(
      holds(said(Features::overlapping(Tensors{at::ones({1, 1, 8, 7}, at::kBool)})), "[1, 1, 8, 7]"));
  DOCTEST_CHECK(holds(said(Features::overlapping_inputs({Tensors{one, one}})), "2 masks for 1 inputs"));
  DOCTEST_CHECK(holds(message_of([] { (void)Features::overlapping(Tensors{}); }), "empty"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)Features::overlapping(Tensors{one}).masks({x}, no_output); }), "overlap"));
}

DOCTEST_TEST_CASE("features in the documentation") {
  const Segmenting net;
  const Tensor image = nets::random({1, 1, 12, 12}, 772),
               mask = at::arange(144).reshape({1, 1, 12, 12}).div(36, "floor"), a = mask.lt(2),
               b = mask.gt(0);
  //! [features]
  const target::ClassRegion question{.channel = 1};
  // superpixels of each image; the regions that the model itself predicts; numbers of one's own; masks that overlap
  const auto by_slic = FeatureAblation{.groups = perturb::Slic{.segments = 9}}(net, image, question);
  const auto by_class = FeatureAblation{.groups = perturb::Prediction{}}(net, image, question);
  const auto by_mask = FeatureAblation{.groups = {mask}}(net, image, question);
  const auto by_parts = FeatureAblation{.groups = Features::overlapping({a, b})}(net, image, question);
  // any function of the input: here its upper and its lower half
  const auto halves = [](const Tensor& x) {
    return at::arange(x.size(2), at::kLong).ge(x.size(2) / 2).to(at::kLong).reshape({1, 1, -1, 1});
  };
  const auto by_halves = FeatureAblation{.groups = halves}(net, image, question);
  //! [features]
  DOCTEST_CHECK(by_slic.forward_passes > 5);
  DOCTEST_CHECK(by_class.forward_passes <= 4);
  DOCTEST_CHECK(by_mask.forward_passes == 5);
  DOCTEST_CHECK(by_parts.forward_passes == 3);
  DOCTEST_CHECK(by_halves.forward_passes == 3);
}
