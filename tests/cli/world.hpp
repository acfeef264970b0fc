// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include <doctest/doctest.h>

#include <lumen/script/load.hpp>

#include "program.hpp"

namespace lumen::testing::cli {

/// A classifier and a picture for it, as files and in memory.
struct World : Folder {
  World() : Folder(), image(picture(12, 3)) {
    classifier().save(at("net.pt"));
    dense().save(at("dense.pt"));
    io::write_image(at("a.png"), image);
    io::write_npy(at("gray.npy"), gray);
  }

  [[nodiscard]] Ran run(const std::string& arguments) const { return lumen_program(*this, arguments); }
  /// `lumen explain` with --json on the classifier and its picture; its only result.
  [[nodiscard]] nlohmann::json explained(const std::string& arguments, const std::string& what = "") const {
    const std::string inputs = what.empty() ? "--model " + at("net.pt") + " --input " + at("a.png") : what;
    const Ran ran = run("explain --json " + inputs + " " + arguments);
    DOCTEST_INFO(arguments, "\n", ran.err);
    DOCTEST_REQUIRE(ran.code == 0);
    DOCTEST_CHECK(ran.err.empty());
    return ran.json()["results"][0];
  }
  [[nodiscard]] Tensor map(const std::string& arguments) const {
    (void)explained(arguments + " --out " + at("map.npy"));
    return io::read_npy(at("map.npy"));
  }

  Tensor image;
  Tensor gray = at::sigmoid(nets::random({1, 8, 10}, 9, 1.0)).to(at::kFloat);
  [[nodiscard]] Tensor x() const { return io::to_float(image).unsqueeze(0); }
  [[nodiscard]] script::Network net() const { return script::load(at("net.pt")); }
};

inline void check_equal(const Tensor& map, const Tensor& expected) {
  DOCTEST_REQUIRE(map.sizes() == expected.sizes());
  DOCTEST_CHECK(at::allclose(map, expected, 1e-5, 1e-7 * expected.abs().max().item<double>()));
}

}  // namespace lumen::testing::cli
