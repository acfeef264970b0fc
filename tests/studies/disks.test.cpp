// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "studies/program.hpp"
#include "support/message.hpp"
#include "support/shared.hpp"

using lumen::Tensor;
using lumen::testing::Study;

DOCTEST_TEST_CASE("disks: drawn sets are learned, figures and numbers repeat") {
  const Study first("disks", "--quick --size 1 --seed 3"), second("disks", "--quick --size 1 --seed 3");
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers();
  DOCTEST_CHECK(numbers["data"] == "drawn");
  for (const std::string set : {"easier", "harder", "vary_disk"}) {
    DOCTEST_CAPTURE(set);
    DOCTEST_CHECK(numbers["accuracy"][set][set].get<double>() > 0.8);
    DOCTEST_CHECK(numbers["sets"][set]["images"].size() == 2);
    DOCTEST_CHECK(numbers["sets"][set]["figures"].size() == 14);
    DOCTEST_CHECK((first.map(set + ".predicted.occlusion").sizes() == at::IntArrayRef{2, 28, 28}));
    DOCTEST_CHECK(first.map(set + ".predicted.grad_cam_relu4_positive").min().item<double>() >= 0);
  }
}

DOCTEST_TEST_CASE("disks: the original's weights give its maps") {
  const auto data = lumen::testing::shared("data/seed"), golden = lumen::testing::shared("golden/disks");
  if (!data || !golden) return;
  const Study study("disks", "--size 3 --data '" + data->string() + "'");
  DOCTEST_CAPTURE(study.error);
  DOCTEST_REQUIRE(study.code == 0);
  const auto accuracy = study.numbers()["accuracy"];
  DOCTEST_CHECK(accuracy["easier"]["vary_disk"].get<double>() == doctest::Approx(0.965));
  DOCTEST_CHECK(accuracy["harder"]["vary_disk"].get<double>() == doctest::Approx(0.685));
  DOCTEST_CHECK(accuracy["vary_disk"]["harder"].get<double>() == doctest::Approx(0.5));
  const Tensor chosen = at::tensor({0, 1, 2, 10, 11, 12}, at::kLong);  // its figures hold ten of each class
  for (const std::string set : {"easier", "vary_disk"})
    for (const std::string question : {"predicted", "opposite"})
      for (const std::string method :
           {"integrated_gradients", "occlusion", "grad_cam_relu4", "grad_cam_relu4_positive"}) {
        const std::string name = set + "." + question + "." + method;
        DOCTEST_CAPTURE(name);
        const Tensor theirs = lumen::io::read_npy(*golden / (name + ".npy")).index_select(0, chosen),
                     ours = study.map(name);
        const double range = (theirs.max() - theirs.min()).item<double>();
        DOCTEST_CHECK((ours - theirs).abs().max().item<double>() <= 1e-4 * range);
      }
}

DOCTEST_TEST_CASE("disks: a folder without the data says how to get them") {
  const Study study("disks", "--data /");
  DOCTEST_CHECK(study.code == 1);
  DOCTEST_CHECK(lumen::testing::holds(study.error, "disks/classification_easier.pth"));
  DOCTEST_CHECK(lumen::testing::holds(study.error, "github.com/CarlosFontaneli"));
}
