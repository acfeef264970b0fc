// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/segment/branches.hpp>

#include <doctest/doctest.h>

#include <lumen/perturb/segment/connected.hpp>
#include <lumen/perturb/segment/grid.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/segments.hpp"

namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::testing::same_partition;

static_assert(perturb::LabelsOfOutput<perturb::Prediction> && !perturb::Labels<perturb::Prediction>);
static_assert(perturb::LabelsOfOutput<perturb::Connected<>> && perturb::LabelsOfOutput<perturb::Branches<>>);
static_assert(perturb::Labels<perturb::Connected<perturb::GivenLabels>>);
static_assert(perturb::Labels<perturb::Branches<perturb::GivenLabels>>);

DOCTEST_TEST_CASE("the predicted class of each pixel, of one channel or several") {
  const Tensor x = nets::random({2, 3, 5, 6}, 750), logits = nets::random({2, 4, 5, 6}, 751);
  const Tensor classes = perturb::Prediction{}(x, logits);
  DOCTEST_CHECK((classes.sizes() == at::IntArrayRef{2, 1, 5, 6}));
  DOCTEST_CHECK(logits.gather(1, classes).equal(logits.amax(1, true)));
  const Tensor one = at::sigmoid(logits.narrow(1, 0, 1));
  DOCTEST_CHECK(
      perturb::Prediction{.threshold = 0.5}(x, one).equal(logits.narrow(1, 0, 1).gt(0).to(at::kLong)));
  const auto said = [&](const Tensor& output) {
    return message_of([&] { (void)perturb::Prediction{}(x, output); });
  };
  DOCTEST_CHECK(holds(said(nets::random({2, 4}, 752)), "a class for each pixel"));
  DOCTEST_CHECK(holds(said(nets::random({2, 4, 5, 3}, 752)), "[2, 4, 5, 3]"));
}

DOCTEST_TEST_CASE("connected pieces of equal labels, of given masks and of predictions") {
  const Tensor mask = (nets::random({3, 1, 12, 14}, 753) * 1.5).round().to(at::kLong);
  const Tensor x = nets::random({3, 2, 12, 14}, 754);
  for (const bool corners : {false, true}) {
    const Tensor pieces = perturb::Connected{perturb::GivenLabels{mask}, corners}(x);
    for (std::int64_t n = 0; n < 3; ++n) {
      DOCTEST_CHECK(lumen::testing::all_connected(pieces[n][0], corners));
      // pieces do not mix labels, and neighbours of equal labels are never apart
      const Tensor p = pieces[n][0], m = mask[n][0];
      for (std::int64_t i = 0; i <= p.max().item<std::int64_t>(); ++i) {
        const Tensor own = m.masked_select(p.eq(i));
        DOCTEST_CHECK(own.eq(own[0]).all().item<bool>());
      }
      const auto kept = [&](std::int64_t dim) {
        const std::int64_t length = p.size(dim) - 1;
        const Tensor equal = m.narrow(dim, 0, length).eq(m.narrow(dim, 1, length));
        return p.narrow(dim, 0, length).eq(p.narrow(dim, 1, length)).equal(equal);
      };
      DOCTEST_CHECK((kept(0) && kept(1)));
    }
  }
  const Tensor logits = nets::random({3, 2, 12, 14}, 755);
  DOCTEST_CHECK(perturb::Connected<>{}(x, logits).equal(
      perturb::Connected{perturb::GivenLabels{perturb::Prediction{}(x, logits)}}(x)));
  DOCTEST_CHECK(perturb::Connected{perturb::Grid{.side = 4}}(x).equal(perturb::Grid{.side = 4}(x)));
}

DOCTEST_TEST_CASE("branches of a mask in each sample; outside is one feature") {
  Tensor mask = at::zeros({2, 1, 30, 30}, at::kBool);
  mask.narrow(2, 14, 3).fill_(true);     // a beam
  mask[1].narrow(2, 14, 3).fill_(true);  // in the second a cross
  const Tensor x = nets::random({2, 1, 30, 30}, 756);
  const Tensor labels = perturb::Branches{perturb::GivenLabels{mask}}(x);
  DOCTEST_CHECK(labels.eq(0).equal(mask.logical_not()));
  DOCTEST_CHECK(labels[0].max().item<std::int64_t>() == 1);
  DOCTEST_CHECK(labels[1].max().item<std::int64_t>() == 4);
  DOCTEST_CHECK(labels[1][0][2][15].item<std::int64_t>() != labels[1][0][27][15].item<std::int64_t>());
}

DOCTEST_TEST_CASE("a mask of another size or type is refused") {
  const Tensor x = nets::random({2, 1, 8, 8}, 757);
  const auto said = [&](const Tensor& mask) {
    return message_of([&] { (void)perturb::GivenLabels{mask}(x); });
  };
  DOCTEST_CHECK(said(at::zeros({8, 8}, at::kByte)).empty());
  DOCTEST_CHECK(said(at::zeros({2, 1, 8, 8}, at::kInt)).empty());
  DOCTEST_CHECK(holds(said(at::zeros({8, 9}, at::kLong)), "[8, 9]"));
  DOCTEST_CHECK(holds(said(at::zeros({8, 8})), "Float"));
  DOCTEST_CHECK(holds(said(at::zeros({3, 1, 8, 8}, at::kLong)), "[3, 1, 8, 8]"));
  DOCTEST_CHECK(holds(said({}), "undefined"));
}
