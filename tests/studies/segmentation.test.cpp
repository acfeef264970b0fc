// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <string>

#include "studies/program.hpp"
#include "support/shared.hpp"

using lumen::Tensor;
using lumen::testing::Study;

DOCTEST_TEST_CASE("segmentation: two networks are trained and asked, figures and numbers repeat") {
  const Study first("segmentation", "--size 1"), second("segmentation", "--size 1");
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers()["networks"];
  DOCTEST_CHECK(numbers["with"]["parameters"] == 1314050);
  DOCTEST_CHECK(numbers["without"]["parameters"] == 1312834);
  DOCTEST_CHECK(numbers["with"]["maps"].size() == 11);
  for (const std::string net : {"with", "without"})
    for (const std::string question : {"region", "pixel"}) {
      DOCTEST_CAPTURE(net);
      DOCTEST_CAPTURE(question);
      for (const std::string method :
           {"integrated_gradients", "averaged_gradient", "feature_ablation", "grad_cam"}) {
        DOCTEST_CAPTURE(method);
        const std::string stem = net + "." + question + "." + method;
        const Tensor plain = first.map(stem), dot = first.map(stem + ".dot");
        DOCTEST_CHECK(at::allclose(first.map(stem + ".difference"), dot - plain, 1e-5, 1e-5));
        DOCTEST_CHECK_FALSE(at::allclose(dot, plain, 1e-3, 1e-6));
      }
      // One channel a class: Grad-CAM of the last layer is the logit times the share of the pixels asked about.
      const Tensor logit = first.map(net + ".region.layer_activation");
      DOCTEST_CHECK(at::allclose(first.map(net + "." + question + ".grad_cam"),
                                 logit * ((question == "region" ? 25.0 : 1.0) / 784.0), 1e-4, 1e-5));
    }
}

DOCTEST_TEST_CASE("segmentation: the original's images") {
  const auto data = lumen::testing::shared("data"),
             disks = lumen::testing::shared("data/seed/disks/segmentation_vary_disk.pth");
  if (!data || !disks) return;
  const Study study("segmentation", "--size 1 --data '" + data->string() + "'");
  DOCTEST_CAPTURE(study.error);
  DOCTEST_REQUIRE(study.code == 0);
  DOCTEST_CHECK(study.numbers()["data"] == "original");
}
