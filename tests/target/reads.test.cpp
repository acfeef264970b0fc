// SPDX-License-Identifier: BSD-3-Clause
// The box that a target reads of an output holds every place whose value changes a score, and is no larger than it must.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include <lumen/target/any.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/logit.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/slice.hpp>
#include <lumen/target/transform.hpp>

#include "support/nets.hpp"

namespace target = lumen::target;
using lumen::AnyTarget;
using lumen::Box;
using lumen::Tensor;
using lumen::testing::nets::random;

namespace {

/// The smallest box of the places that change a score when they are changed.
Box reads(const AnyTarget& target, const Tensor& output) {
  const Tensor before = target(output);
  Box box(static_cast<std::size_t>(output.dim() - 1));
  for (std::int64_t i = 0; i < output.numel(); ++i) {
    Tensor other = output.clone();
    other.view({-1})[i] += 0.7;
    if (at::equal(target(other), before)) continue;
    std::int64_t left = i;
    for (std::size_t d = box.size(); d-- > 0;) {
      const std::int64_t size = output.size(static_cast<std::int64_t>(d) + 1), at = left % size;
      box[d] = lumen::hull(box[d], {at, at + 1});
      left /= size;
    }
  }
  return box;
}

}  // namespace

DOCTEST_TEST_CASE("targets tell the box of the output that their scores depend on") {
  const Tensor dense = random({2, 3, 5, 6}, 1), classes = random({2, 4}, 2);
  Tensor mask = at::zeros({5, 6}, at::kBool);
  mask[1][2].fill_(true);
  mask[3][1].fill_(true);
  Tensor each = at::zeros({2, 5, 6}, at::kDouble);
  each[0][0][5].fill_(0.5);
  each[1][2][4].fill_(-2.0);
  const target::Region region{.channel = 1, .mask = mask};
  const target::Pixel pixel{.channel = 2, .row = 0, .column = 5};
  const std::vector<std::pair<AnyTarget, Tensor>> cases{
      {target::Class{.index = 2}, classes},
      {target::Element{{1, 4, 2}}, dense},
      {target::Elements{at::tensor({1, 4, 2, 0, 4, 5}, at::kLong).reshape({2, 3})}, dense},
      {target::Classes{at::tensor({3, 1}, at::kLong)}, classes},
      {pixel, dense},
      {region, dense},
      {target::Region{.channel = 0, .mask = each}, dense},
      {target::Slice{{{0, 2}, {1, -1}, {2, 4}}}, dense},
      {target::Slice{{{1, 2}}}, dense},
      {target::Softmax{pixel}, dense},
      {target::LogOdds{region}, dense},
      {target::Logit{pixel}, dense.sigmoid() * 0.2},
      {target::Margin{pixel, region}, dense},
      {target::Softmax{target::Class{.index = 1}}, classes},
      {AnyTarget(target::ClassRegion{.channel = 1}).freeze(dense), dense},
      {AnyTarget(target::Softmax{target::ClassRegion{.channel = 1}}).freeze(dense), dense},
      {AnyTarget(region).rows(at::tensor({1, 0}, at::kLong), 2), dense},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    DOCTEST_CAPTURE(i);
    const Tensor& output = cases[i].second;
    DOCTEST_CHECK((cases[i].first.reads(output.sizes().vec()) == reads(cases[i].first, output)));
  }
}

DOCTEST_TEST_CASE("a target that does not tell, or does not fit the output, reads all of it") {
  const std::vector<std::int64_t> dense{2, 3, 5, 6};
  const auto own = [](const Tensor& output) { return output.flatten(1).sum(1); };
  DOCTEST_CHECK((AnyTarget(own).reads(dense) == lumen::whole(dense)));
  DOCTEST_CHECK((AnyTarget(target::Class{.index = 1}).reads(dense) == lumen::whole(dense)));
  DOCTEST_CHECK((AnyTarget(target::Pixel{.row = 9}).reads(dense) == lumen::whole(dense)));
  DOCTEST_CHECK((AnyTarget(target::Softmax{own}).reads(dense) == lumen::whole(dense)));
}
