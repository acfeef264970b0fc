// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/synthetic.hpp>

#include <doctest/doctest.h>

using lumen::Tensor;
using lumen::data::Sample;
using lumen::data::SyntheticVessels;

DOCTEST_TEST_CASE("SyntheticVessels: what the docs show") {
  //! [synthetic]
  const lumen::data::SyntheticVessels vessels{.size = 128, .seed = 3};
  const lumen::data::Sample sample = vessels(17);  // the same picture on every machine
  //! [synthetic]
  lumen::data::check(sample);
  DOCTEST_CHECK((sample.image.sizes() == at::IntArrayRef{1, 128, 128}));
  DOCTEST_CHECK(sample.name == "synthetic-17");
}

DOCTEST_TEST_CASE("SyntheticVessels: seeded") {
  const Sample sample = SyntheticVessels{.size = 48, .seed = 2}(5);
  const Sample same = SyntheticVessels{.size = 48, .seed = 2}.many(4, 2).back();
  DOCTEST_CHECK(at::equal(sample.image, same.image));
  DOCTEST_CHECK(at::equal(sample.label, same.label));
  DOCTEST_CHECK(at::equal(sample.skeleton, same.skeleton));
  DOCTEST_CHECK(!at::equal(sample.image, SyntheticVessels{.size = 48, .seed = 3}(5).image));
  DOCTEST_CHECK(!at::equal(sample.image, SyntheticVessels{.size = 48, .seed = 2}(6).image));
}

DOCTEST_TEST_CASE("SyntheticVessels: label, skeleton and image agree, at any size") {
  for (const std::int64_t size : {16, 33, 128, 200}) {
    double covered = 0, brighter = 0;
    constexpr int count = 12;
    for (const Sample& sample : SyntheticVessels{.size = size, .seed = 1}.many(0, count)) {
      lumen::data::check(sample);
      DOCTEST_REQUIRE(sample.label.size(0) == size);
      const Tensor vessel = sample.label.eq(1);
      DOCTEST_CHECK((sample.label.eq(0) | vessel).all().item<bool>());
      DOCTEST_CHECK((sample.image.ge(0) & sample.image.le(1)).all().item<bool>());
      DOCTEST_CHECK(!(sample.skeleton & ~vessel).any().item<bool>());
      DOCTEST_CHECK(sample.skeleton.any().item<bool>());
      DOCTEST_CHECK(sample.skeleton.sum().item<std::int64_t>() < vessel.sum().item<std::int64_t>());
      const Tensor image = sample.image[0];
      covered += vessel.to(at::kDouble).mean().item<double>() / count;
      brighter +=
          (image.masked_select(vessel).mean() > image.masked_select(~vessel).mean()).item<bool>() ? 1.0 : 0.0;
    }
    DOCTEST_CHECK(covered > 0.1);
    DOCTEST_CHECK(covered < 0.5);
    DOCTEST_CHECK(brighter >= count - 1);
  }
}

DOCTEST_TEST_CASE("SyntheticVessels: images differ in calibre, contrast and noise") {
  std::vector<double> means, contrasts;
  for (const Sample& sample : SyntheticVessels{.size = 128}.many(0, 16)) {
    const Tensor vessel = sample.label.eq(1);
    const double background = sample.image[0].masked_select(~vessel).mean().item<double>();
    means.push_back(background);
    contrasts.push_back(sample.image[0].masked_select(vessel).mean().item<double>() / background);
  }
  const auto spread = [](std::vector<double> v) {
    return *std::ranges::max_element(v) / *std::ranges::min_element(v);
  };
  DOCTEST_CHECK(spread(means) > 1.5);
  DOCTEST_CHECK(spread(contrasts) > 1.5);
}

DOCTEST_TEST_CASE("SyntheticVessels: too small") {
  DOCTEST_CHECK_THROWS_WITH_AS(static_cast<void>(SyntheticVessels{.size = 8}(0)),
                               "SyntheticVessels: size must be at least 16 pixels, not 8", lumen::Error);
}
