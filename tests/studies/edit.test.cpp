// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "studies/program.hpp"
#include "support/message.hpp"

using lumen::testing::Study;

DOCTEST_TEST_CASE("edit: a small network is trained, the sweep changes it, figures and numbers repeat") {
  const Study first("edit", "--size 16"), second("edit", "--size 16");
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers();
  DOCTEST_REQUIRE(numbers["sweep"].size() == 16);
  // so small a network may call every pixel the same whatever is zero, but its probabilities move
  for (const auto& window : numbers["sweep"])
    DOCTEST_CHECK(window["largest_change_of_probability"].get<double>() > 0.0);
  DOCTEST_CHECK(numbers["depth"].size() == 14);  // the rectifiers of the U-Net
}

DOCTEST_TEST_CASE("edit: torchvision's DeepLabV3 as TorchScript") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("lumen-deeplab-" + std::to_string(::getpid()));
  // the distribution's torchvision is not seen by another python3 that comes first on the path
  std::string python;
  for (const std::string one : {"python3", "/usr/bin/python3"})
    if (python.empty() && std::system((one + " -c 'import torchvision' 2>/dev/null").c_str()) == 0)
      python = one;
  if (python.empty()) {
    std::cout << "SKIPPED: python3 has no torchvision\n";
    return;
  }
  const std::string make =
      python + " '" LUMEN_SOURCE_DIR "/examples/studies/edit/make_network.py' '" + folder.string() + "' 2>&1";
  DOCTEST_REQUIRE(std::system(make.c_str()) == 0);
  {
    const Study study("edit", "--data '" + folder.string() + "'");
    DOCTEST_CAPTURE(study.error);
    DOCTEST_CHECK(study.code == 0);
    DOCTEST_CHECK(study.numbers()["sweep"].size() == 16);
    DOCTEST_CHECK(lumen::testing::holds(study.page(), "net.backbone.1.block.0.0"));
  }
  std::filesystem::remove_all(folder);
}
