// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <cmath>
#include <string>

#include <lumen/attribution/path/integrated_gradients.hpp>

#include <support/shared.hpp>

namespace lm = lumen;
namespace cli = lumen::testing::cli;
using cli::World;
using nlohmann::json;

DOCTEST_TEST_CASE(
    "inspect shows layers and operators with their shapes, and every method covers a plain network") {
  const World world;
  const cli::Ran ran = world.run("inspect --json --shape 1,3,12,12 " + world.at("net.pt"));
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const json seen = ran.json();
  DOCTEST_CHECK(seen["output"] == json({1, 5}));
  DOCTEST_CHECK(seen["parameters"] == 4 * 27 + 4 + 6 * 36 + 6 + 30 + 5);
  DOCTEST_CHECK(seen["layers"][0] ==
                json({{"path", "first"}, {"kind", "Conv2d"}, {"calls", 1}, {"output", {1, 4, 12, 12}}}));
  DOCTEST_CHECK(seen["layers"][1]["calls"] == 2);
  DOCTEST_CHECK(seen["operators"][1]["operator"] == "relu:0");
  DOCTEST_CHECK(seen["operators"][1]["name"] == "aten::relu_");
  DOCTEST_CHECK(seen["layer_tried"] == "conv2d:1");
  DOCTEST_CHECK(seen["methods"].size() >= 30);
  for (const json& method : seen["methods"]) {
    DOCTEST_INFO(method.dump());
    DOCTEST_CHECK(method["covers"].get<bool>());
  }
}

DOCTEST_TEST_CASE("inspect shows receptive fields, and measures them on an image") {
  const World world;
  const json plain =
      world.run("inspect --json --shape 1,1,16,16 " + world.at("dense.pt")).json()["receptive_fields"];
  DOCTEST_REQUIRE(plain.size() == 3);  // convolution, rectifier, convolution
  DOCTEST_CHECK(plain[0]["operator"] == "conv2d:0");
  DOCTEST_CHECK(plain[0]["size"] == json({3, 3}));
  DOCTEST_CHECK(plain[1]["size"] == json({3, 3}));
  DOCTEST_CHECK(plain[2]["size"] == json({5, 5}));
  DOCTEST_CHECK(plain[2]["stride"] == json({1.0, 1.0}));
  DOCTEST_CHECK_FALSE(plain[2]["clipped"].get<bool>());
  const cli::Ran ran =
      world.run("inspect --json --image " + world.at("gray.npy") + " " + world.at("dense.pt"));
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const json measured = ran.json()["receptive_fields"];
  const double radius = measured[2]["effective"]["radius_90"].get<double>();
  DOCTEST_CHECK(radius > 0);
  DOCTEST_CHECK(radius <= std::sqrt(8.0));  // the corner of 5 x 5
  const std::string words =
      world.run("inspect --image " + world.at("gray.npy") + " " + world.at("dense.pt")).out;
  DOCTEST_CHECK(words.find("5 x 5, every 1") != std::string::npos);
  DOCTEST_CHECK(words.find("90 % of the energy within") != std::string::npos);
}

DOCTEST_TEST_CASE("inspect names the operator for which a method has no rule") {
  const World world;
  cli::module("Odd", "  return torch.sum(torch.cumprod(x, 1), [2, 3])\n").save(world.at("odd.pt"));
  const cli::Ran ran = world.run("inspect --json --shape 1,3,6,6 " + world.at("odd.pt"));
  DOCTEST_REQUIRE(ran.code == 0);
  const json seen = ran.json();
  int refused = 0;
  for (const json& method : seen["methods"]) {
    const std::string name = method["name"];
    // a running product rectifies nothing, so guided backpropagation lets its gradient through
    if (name == "saliency" || name == "integrated-gradients" || name == "guided-backprop")
      DOCTEST_CHECK(method["covers"].get<bool>());
    if (name != "deep-lift" && name != "lrp") continue;
    DOCTEST_INFO(method.dump());
    DOCTEST_REQUIRE_FALSE(method["covers"].get<bool>());
    DOCTEST_CHECK(method["why_not"].get<std::string>().find("cumprod") != std::string::npos);
    ++refused;
  }
  DOCTEST_CHECK(refused == 2);
}

DOCTEST_TEST_CASE("methods lists every method with its options, types and defaults") {
  const World world;
  const cli::Ran ran = world.run("methods --json");
  DOCTEST_REQUIRE(ran.code == 0);
  bool found = false;
  for (const json& method : ran.json()) {
    if (method["name"] != "integrated-gradients") continue;
    found = true;
    DOCTEST_CHECK(method["baseline"] == "zero");
    DOCTEST_CHECK(method["options"][0]["name"] == "steps");
    DOCTEST_CHECK(method["options"][0]["type"] == "integer");
    DOCTEST_CHECK(method["options"][0]["default"] == std::to_string(lm::IntegratedGradients<>{}.steps));
  }
  DOCTEST_CHECK(found);
  DOCTEST_CHECK(world.run("methods smooth").out.find("method=saliency") != std::string::npos);
}

DOCTEST_TEST_CASE("inspect shows the layers of a scripted transformer, and no fused kernel") {
  const auto model = lm::testing::shared("cases/enc_script.pt"),
             input = lm::testing::shared("cases/enc_script.npy");
  if (!model || !input) return;
  const cli::Folder folder;
  const auto shape = lm::io::read_npy(*input).sizes().vec();
  std::string words;
  for (const std::int64_t side : shape) words += (words.empty() ? "" : ",") + std::to_string(side);
  const cli::Ran ran = cli::lumen_program(folder, "inspect --json --shape " + words + " " + model->string());
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const json seen = ran.json();
  int norms = 0, inner = 0;
  for (const json& op : seen["operators"]) {
    const std::string name = op["name"];
    DOCTEST_CHECK(name.find("_transformer_encoder_layer_fwd") == std::string::npos);
    norms += op["operator"].get<std::string>().starts_with("layer_norm:") ? 1 : 0;
  }
  DOCTEST_CHECK(norms >= 2);
  for (const json& layer : seen["layers"]) {
    const std::string path = layer["path"];
    if (path.ends_with("linear1") || path.ends_with("norm1")) {
      DOCTEST_CAPTURE(path);
      DOCTEST_CHECK_FALSE(layer["output"].is_null());
      ++inner;
    }
  }
  DOCTEST_CHECK(inner >= 2);
}
