// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/catalogue/features.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include "support/catalogue.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace catalogue = lumen::catalogue;
namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

const Tensor picture = nets::random({2, 3, 24, 20}, 810), output = nets::random({2, 3, 24, 20}, 811);

Tensor masks(const perturb::Features& features) {
  const Tensors all = features.masks({picture}, [] { return output; });
  return all.empty() ? Tensor() : all.front();
}
Tensor masks(const std::string& words) { return masks(catalogue::to_features(words)); }

}  // namespace

DOCTEST_TEST_CASE("words are features, with their numbers in order, and keep their name") {
  DOCTEST_CHECK(!masks("elements").defined());
  DOCTEST_CHECK(masks("grid").equal(perturb::Grid{}(picture)));
  DOCTEST_CHECK(masks("grid:5").equal(perturb::Grid{.side = 5}(picture)));
  DOCTEST_CHECK(masks("slic").equal(perturb::Slic{}(picture)));
  DOCTEST_CHECK(masks("slic:12").equal(perturb::Slic{.segments = 12}(picture)));
  DOCTEST_CHECK(masks("slic:12,40").equal(perturb::Slic{.segments = 12, .compactness = 40}(picture)));
  const perturb::Felzenszwalb fine{.scale = 50, .sigma = 0.5, .smallest = 4};
  DOCTEST_CHECK(masks("felzenszwalb:50,0.5,4").equal(fine(picture)));
  DOCTEST_CHECK(masks("prediction").equal(output.argmax(1, true)));
  DOCTEST_CHECK(masks("components").equal(perturb::Connected<>{}(picture, output)));
  DOCTEST_CHECK(masks("skeleton").equal(perturb::Branches<>{}(picture, output)));
  DOCTEST_CHECK(catalogue::to_features("slic:12,40").name() == "slic:12,40");
}

DOCTEST_TEST_CASE("a program's own masks, alone and cut into pieces or branches") {
  const Tensor mask = output.narrow(1, 0, 1).gt(0.5);
  const catalogue::MoreMasks more = [&](const std::string& words) {
    return words == "a:b.png" ? std::optional<Tensor>(mask) : std::nullopt;
  };
  const auto known = [&](const std::string& words) {
    return masks(catalogue::with_masks(catalogue::to_features(words), more));
  };
  const perturb::GivenLabels given{mask};
  DOCTEST_CHECK(known("a:b.png").equal(mask.to(at::kLong)));
  DOCTEST_CHECK(known("components:a:b.png").equal(perturb::Connected{given}(picture)));
  DOCTEST_CHECK(known("skeleton:a:b.png").equal(perturb::Branches{given}(picture)));
  DOCTEST_CHECK(known("grid:5").equal(perturb::Grid{.side = 5}(picture)));
  const perturb::Features own = perturb::Grid{.side = 3};
  DOCTEST_CHECK(masks(catalogue::with_masks(own, more)).equal(perturb::Grid{.side = 3}(picture)));
}

DOCTEST_TEST_CASE("a method is given them by name, and refuses what nobody knows before it runs") {
  const auto& all = lumen::testing::methods();
  const catalogue::Entry& entry =
      *std::find_if(all.begin(), all.end(), [](const auto& each) { return each.name == "feature-ablation"; });
  const auto model = [](const Tensors& x) { return x[0].square().flatten(1).sum(1, true); };
  const Tensor halves = at::arange(20).ge(10).expand({24, 20});
  catalogue::Choices choices{.settings = {{"features", "halves"}}};
  const auto said = message_of([&] { (void)entry.prepare(choices); });
  DOCTEST_CHECK(holds(said, "'halves' are neither known nor a file"));
  DOCTEST_CHECK(holds(said, "slic:SEGMENTS"));
  choices.more_masks = [&](const std::string&) { return std::optional<Tensor>(halves); };
  const auto map =
      entry.prepare(choices)(model, {picture}, {lumen::target::Output{}}, {}).front().map.front();
  const Tensor left = picture.square().narrow(3, 0, 10).sum({1, 2, 3});
  DOCTEST_CHECK(at::allclose(map.select(3, 3).select(2, 1).select(1, 2), left));
  const auto bad = [&](const std::string& words) {
    return message_of([&] { (void)entry.prepare({.settings = {{"features", words}}}); });
  };
  DOCTEST_CHECK(holds(bad("slic:1.5"), "1.5 is not an integer"));
  DOCTEST_CHECK(holds(bad("slic:1,2,3"), "at most 2 numbers"));
  DOCTEST_CHECK(holds(bad("grid:x"), "not a number"));
}
