// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <string>

#include "studies/program.hpp"

using lumen::Tensor;
using lumen::testing::Study;

DOCTEST_TEST_CASE("segmentation: two networks are trained and asked, figures and numbers repeat") {
  const Study first("segmentation", "--size 1"), second("segmentation", "--size 1");
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers()["networks"];
  DOCTEST_CHECK(numbers["with batch normalisation"]["parameters"] == 1314050);
  DOCTEST_CHECK(numbers["without batch normalisation"]["parameters"] == 1312834);
  DOCTEST_CHECK(numbers["with batch normalisation"]["methods"].size() == 10);
  for (const std::string method : {"integrated_gradients", "feature_ablation", "grad_cam"}) {
    DOCTEST_CAPTURE(method);
    const Tensor plain = first.map("bn.region." + method), dot = first.map("bn.region." + method + ".dot");
    DOCTEST_CHECK(at::allclose(first.map("bn.region." + method + ".difference"), dot - plain, 1e-5, 1e-5));
  }
  // One channel a class: Grad-CAM of the last layer is the logit times the share of pixels asked about.
  const Tensor logit = first.map("bn.region.layer_activation"), cam = first.map("bn.region.grad_cam");
  DOCTEST_CHECK(at::allclose(cam, logit * (25.0 / 784.0), 1e-4, 1e-5));
}
