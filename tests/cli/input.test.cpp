// SPDX-License-Identifier: BSD-3-Clause
// What the network is given, whatever the file.
#include "world.hpp"

#include <algorithm>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/tiff.hpp>
#include <lumen/perturb/segment/slic.hpp>
#include <lumen/target/element.hpp>

#include "support/shared.hpp"

namespace lm = lumen;
namespace cli = lumen::testing::cli;
namespace nets = lumen::testing::nets;
using cli::check_equal;
using cli::World;
using lumen::Tensor;
using nlohmann::json;

namespace {

/// [N, C, ...] -> [N, C]: sums of squares, so that the score tells what was given.
torch::jit::Module squares(const std::string& axes) {
  return cli::module("Squares", "  return torch.sum(x * x, " + axes + ")\n");
}

torch::jit::Module with_weight(torch::jit::Module net, const std::string& forward, const Tensor& weight) {
  net.register_parameter("weight", weight.to(at::kFloat).requires_grad_(true), false);
  net.define(forward);
  return net;
}

}  // namespace

DOCTEST_TEST_CASE(
    "one rule for integers: unsigned ones are intensities, signed ones are numbers, and the range is told") {
  const World world;
  squares("[2, 3]").save(world.at("squares.pt"));
  const Tensor values = at::randint(0, 200, {1, 1, 5, 4}, at::kLong);
  values[0][0][0][0] = 255;
  const auto given = [&](const std::string& name) {
    const json result = world.explained("--method saliency --target 0",
                                        "--model " + world.at("squares.pt") + " " + world.at(name));
    DOCTEST_CHECK(result["score"].get<double>() > 0);
    return result["input_range"][1].get<double>();
  };
  lm::io::write_npy(world.at("u8.npy"), values.to(at::kByte));
  DOCTEST_CHECK(given("u8.npy") == doctest::Approx(1.0));
  // uint16 has no tensor of its own: written by hand
  std::string head = "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 1, 1, 2), }";
  head.resize(117, ' ');
  head += '\n';
  std::ofstream file(world.at("u16.npy"), std::ios::binary);
  file << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << head << std::string("\x10\x00\xFF\xFF", 4);
  file.close();
  DOCTEST_CHECK(given("u16.npy") == doctest::Approx(1.0));
  for (const auto type : {at::kShort, at::kInt, at::kLong}) {
    lm::io::write_npy(world.at("signed.npy"), values.to(type));
    DOCTEST_CHECK(given("signed.npy") == doctest::Approx(255.0));
  }
  lm::io::write_npy(world.at("float.npy"), values.to(at::kFloat));
  DOCTEST_CHECK(given("float.npy") == doctest::Approx(255.0));
  lm::io::write_tiff(world.at("i16.tif"), values[0].to(at::kShort));
  DOCTEST_CHECK(given("i16.tif") == doctest::Approx(255.0));
  const cli::Ran ran = world.run("explain --model " + world.at("squares.pt") +
                                 " --method saliency --target 0 " + world.at("u8.npy"));
  DOCTEST_CHECK(ran.out.find("given         values from") != std::string::npos);
}

DOCTEST_TEST_CASE("images are given as many channels as the network takes of what it is given") {
  const World world;
  // the first weight that it declares is of 3 channels, and is none that its input meets
  torch::jit::Module net = cli::module("Gray");
  net.register_module("unused", cli::convolution(3, 2, 1));
  net.register_module("used", cli::convolution(1, 4, 2));
  net.define("def forward(self, x):\n  return torch.mean(self.used.forward(x), [2, 3])\n");
  net.to(at::kFloat);
  net.save(world.at("gray.pt"));
  DOCTEST_CHECK(world.explained("--method saliency",
                                "--model " + world.at("gray.pt") + " " + world.at("a.png"))["input_shape"] ==
                json({1, 1, 12, 12}));

  with_weight(cli::module("Four"),
              "def forward(self, x):\n  return torch.mean(torch.conv2d(x, self.weight), [2, 3])\n",
              nets::random({2, 4, 3, 3}, 5))
      .save(world.at("four.pt"));
  const Tensor bands = at::randint(0, 256, {4, 9, 8}).to(at::kByte);
  lm::io::write_tiff(world.at("bands.tif"), bands);
  lm::io::write_image(world.at("rgba.png"), bands);
  for (const char* name : {"bands.tif", "rgba.png"}) {
    for (const char* channels : {"", " --channels 4"}) {
      const std::string what = "--model " + world.at("four.pt") + " " + world.at(name) + channels;
      (void)world.explained("--method input-x-gradient --target 1 --out " + world.at("map.npy"), what);
      const auto expected = lm::InputXGradient{}(lm::script::load(world.at("four.pt")),
                                                 lm::io::to_float(bands).unsqueeze(0), lm::target::Class{1});
      check_equal(lm::io::read_npy(world.at("map.npy")), expected.map);
    }
  }
  // of a picture the last channel is opacity, and is left out where three are taken
  DOCTEST_CHECK(world.explained("--method saliency", "--model " + world.at("net.pt") + " " +
                                                         world.at("rgba.png"))["input_shape"] ==
                json({1, 3, 9, 8}));
  DOCTEST_CHECK(world.run("explain --model " + world.at("net.pt") + " " + world.at("bands.tif")).code == 1);
}

DOCTEST_TEST_CASE("float64 stays float64") {
  const World world;
  squares("[1]").save(world.at("squares.pt"));
  const Tensor x = at::full({1, 3}, 1.0 + 1e-12, at::kDouble);
  lm::io::write_npy(world.at("x.npy"), x);
  (void)world.explained("--method saliency --dtype float64 --target output --out " + world.at("map.npy"),
                        "--model " + world.at("squares.pt") + " " + world.at("x.npy"));
  DOCTEST_CHECK(at::allclose(lm::io::read_npy(world.at("map.npy")), 2 * x, 0, 1e-15));
  with_weight(cli::module("Typed"), "def forward(self, x):\n  return torch.sum(x * x * self.weight, [1])\n",
              at::ones({3}))
      .save(world.at("typed.pt"));
  (void)world.explained("--method saliency --dtype float64 --target output --out " + world.at("map.npy"),
                        "--model " + world.at("typed.pt") + " " + world.at("x.npy"));
  const Tensor map = lm::io::read_npy(world.at("map.npy"));
  DOCTEST_CHECK((map.scalar_type() == at::kDouble));
  DOCTEST_CHECK(at::allclose(map, 2 * x, 0, 1e-15));
}

DOCTEST_TEST_CASE(
    "a folder in which one file is broken: the others are explained, it is reported, the exit is not zero") {
  const World world;
  std::filesystem::create_directories(world.at("in"));
  lm::io::write_image(world.at("in/a.png"), cli::picture(12, 6));
  std::ofstream(world.at("in/b.png")) << "broken";
  lm::io::write_image(world.at("in/c.png"), cli::picture(12, 7));
  const cli::Ran ran = world.run("explain --json --model " + world.at("net.pt") +
                                 " --method saliency --out " + world.at("maps") + " " + world.at("in"));
  DOCTEST_CHECK(ran.code == 1);
  const json results = ran.json()["results"];
  DOCTEST_REQUIRE(results.size() == 3);
  DOCTEST_CHECK(results[0].contains("score"));
  DOCTEST_CHECK(results[1]["error"].get<std::string>().find("b.png") != std::string::npos);
  DOCTEST_CHECK(results[2].contains("score"));
  DOCTEST_CHECK(ran.err.find("b.png") != std::string::npos);
  DOCTEST_CHECK(ran.err.find("1 of 3 inputs could not be explained") != std::string::npos);
  DOCTEST_CHECK(std::filesystem::exists(world.at("maps/c.npy")));
}

DOCTEST_TEST_CASE("arrays of any rank are read as the network takes them, or as they are said to be") {
  const World world;
  const std::string conv1d =
      "def forward(self, x):\n  return torch.mean(torch.relu(torch.conv1d(x, self.weight)), [2])\n";
  with_weight(cli::module("Signal"), conv1d, nets::random({3, 4, 5}, 7)).save(world.at("signal.pt"));
  const Tensor x = nets::random({2, 4, 20}, 8).to(at::kFloat);
  const auto expected = lm::Saliency{}(lm::script::load(world.at("signal.pt")), x, lm::target::Class{1}).map;
  const auto run = [&](const Tensor& array, const std::string& more) {
    lm::io::write_npy(world.at("x.npy"), array);
    const cli::Ran ran =
        world.run("explain --json --method saliency --target 1 --model " + world.at("signal.pt") + " " +
                  world.at("x.npy") + " " + more + " --out " + world.at("map.npy"));
    DOCTEST_INFO(more, "\n", ran.err);
    DOCTEST_CHECK(ran.code == 0);
    return ran.code == 0 ? lm::io::read_npy(world.at("map.npy")) : Tensor();
  };
  const Tensor one = x.narrow(0, 0, 1);
  check_equal(run(one, ""), expected.narrow(0, 0, 1));
  check_equal(run(x, ""), expected);  // two rows in, two rows out
  check_equal(run(one[0], ""), expected.narrow(0, 0, 1));
  check_equal(run(one[0], "--batch no"), expected.narrow(0, 0, 1));
  check_equal(run(x.flatten(), "--shape 2,4,20"), expected);
  check_equal(run(x, "--batch yes"), expected);
  const cli::Ran wrong =
      world.run("explain --model " + world.at("signal.pt") + " " + world.at("x.npy") + " --batch no");
  DOCTEST_CHECK(wrong.code == 1);
  DOCTEST_CHECK(wrong.err.find("--shape or --batch says how an array is meant") != std::string::npos);
  (void)run(one, "--picture " + world.at("plot.png") + " --panel " + world.at("panel.png"));
  const Tensor plot = lm::io::read_image(world.at("plot.png"));
  DOCTEST_CHECK(plot.size(2) > plot.size(1));
  DOCTEST_CHECK((plot[1] > plot[0] + 50).any().item<bool>());  // saliency: green bars alone
  DOCTEST_CHECK(std::filesystem::exists(world.at("panel.png")));
}

DOCTEST_TEST_CASE(
    "an array of two axes is rows of features, or a picture without channels, as the network takes it") {
  const World world;
  const Tensor x = nets::random({9, 11}, 18).to(at::kFloat);
  lm::io::write_npy(world.at("plane.npy"), x);
  with_weight(
      cli::module("Gray"),
      "def forward(self, x):\n  return torch.mean(torch.relu(torch.conv2d(x, self.weight)), [2, 3])\n",
      nets::random({3, 1, 3, 3}, 19))
      .save(world.at("gray.pt"));
  with_weight(cli::module("Rows"), "def forward(self, x):\n  return torch.matmul(x, self.weight)\n",
              nets::random({11, 3}, 20))
      .save(world.at("rows.pt"));
  for (const char* const name : {"gray", "rows"}) {
    DOCTEST_CAPTURE(name);
    const std::string model = world.at(name + std::string(".pt"));
    const Tensor given = name == std::string("gray") ? x.reshape({1, 1, 9, 11}) : x;
    const cli::Ran ran = world.run("explain --method saliency --target 1 --model " + model + " " +
                                   world.at("plane.npy") + " --out " + world.at("plane-map.npy"));
    DOCTEST_INFO(ran.err);
    DOCTEST_REQUIRE(ran.code == 0);
    check_equal(lm::io::read_npy(world.at("plane-map.npy")),
                lm::Saliency{}(lm::script::load(model), given, lm::target::Class{1}).map);
  }
}

DOCTEST_TEST_CASE("a network that overwrites its input is explained at what the file holds") {
  const World world;
  const Tensor x = nets::random({1, 3, 5}, 21).to(at::kFloat);
  lm::io::write_npy(world.at("kept.npy"), x);
  cli::module("Overwrites", "  x.mul_(2.0)\n  return torch.mean(torch.mul(x, x), [2])\n")
      .save(world.at("overwrites.pt"));
  const cli::Ran ran = world.run(
      "explain --json --batch yes --method saliency --set absolute=false --target 1 --model " +
      world.at("overwrites.pt") + " " + world.at("kept.npy") + " --out " + world.at("kept-map.npy"));
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  DOCTEST_CHECK(ran.json()["results"][0]["score"].get<double>() ==
                doctest::Approx(4 * x[0][1].square().mean().item<double>()).epsilon(1e-5));
  Tensor slope = at::zeros_like(x);
  slope[0][1] = x[0][1] * 8 / 5;
  DOCTEST_CHECK(at::allclose(lm::io::read_npy(world.at("kept-map.npy")), slope, 1e-5, 1e-6));
}

DOCTEST_TEST_CASE("a map of one axis is plotted: its bars stand where its values are") {
  const World world;
  squares("[1]").save(world.at("squares.pt"));
  lm::io::write_npy(world.at("x.npy"), at::tensor({1.0, 0.0, -2.0, 0.0}, at::kFloat).reshape({1, 4}));
  (void)world.explained(
      "--method saliency --set absolute=false --target output --picture " + world.at("plot.png"),
      "--model " + world.at("squares.pt") + " " + world.at("x.npy"));
  const Tensor plot = lm::io::read_image(world.at("plot.png")).to(at::kInt);
  const Tensor green = (plot[1] - plot[0] > 80).any(0), red = (plot[0] - plot[1] > 80).any(0);
  const auto columns = [](const Tensor& where) { return where.nonzero().flatten(); };
  DOCTEST_REQUIRE(columns(green).size(0) > 100);
  DOCTEST_REQUIRE(columns(red).size(0) > 100);
  DOCTEST_CHECK(columns(green).max().item<std::int64_t>() < columns(red).min().item<std::int64_t>());
  const auto heights = [](const Tensor& where) { return where.sum(0).max().item<std::int64_t>(); };
  const std::int64_t up = heights(plot[1] - plot[0] > 80), down = heights(plot[0] - plot[1] > 80);
  DOCTEST_CHECK(std::abs(2 * up - down) <= 3);
}

DOCTEST_TEST_CASE("several inputs are the parts of one, whole numbers ride along, and so does what is held") {
  const World world;
  with_weight(cli::module("Masked"),
              "def forward(self, x, mask, scale):\n"
              "  return torch.sum(torch.tanh(x * self.weight) * mask * scale, [1], keepdim=True)\n",
              nets::random({5}, 9))
      .save(world.at("masked.pt"));
  const Tensor x = nets::random({2, 5}, 10).to(at::kFloat), scale = nets::random({2, 5}, 11).to(at::kFloat);
  const Tensor mask = at::tensor({1, 0, 1, 1, 0, 1, 1, 0, 0, 1}, at::kLong).reshape({2, 5});
  lm::io::write_npy(world.at("x.npy"), x);
  lm::io::write_npy(world.at("mask.npy"), mask);
  lm::io::write_npy(world.at("scale.npy"), scale);
  const std::string inputs = "--model " + world.at("masked.pt") + " --input " + world.at("x.npy") +
                             " --input " + world.at("mask.npy") + " --input " + world.at("scale.npy");
  const auto net = lm::script::load(world.at("masked.pt"));
  const lm::IntegratedGradients method{.steps = 6};
  {
    (void)world.explained("--set steps=6 --target output --out " + world.at("map.npy"), inputs);
    const auto both = [&](const Tensor& a, const Tensor& b) {
      return net.forward(a, mask.narrow(0, 0, 1).expand(a.sizes()), b);
    };
    const std::tuple first{x.narrow(0, 0, 1), scale.narrow(0, 0, 1)};
    const auto expected = method(both, first, lm::target::Output{}).map;
    check_equal(lm::io::read_npy(world.at("map-0.npy")).narrow(0, 0, 1), std::get<0>(expected));
    check_equal(lm::io::read_npy(world.at("map-1.npy")).narrow(0, 0, 1), std::get<1>(expected));
    DOCTEST_CHECK(lm::io::read_npy(world.at("map-1.npy")).size(0) == 2);
  }
  {
    const cli::Ran ran = world.run("explain --json --set steps=6 --target output --held 2 --out " +
                                   world.at("map.npy") + " " + inputs);
    DOCTEST_REQUIRE(ran.code == 0);
    const json result = ran.json()["results"][1];
    DOCTEST_CHECK(result["input_shape"] == json({{1, 5}, {1, 5}, {1, 5}}));
    DOCTEST_CHECK(result["input_range"][1] == json({0.0, 1.0}));
    const auto one = [&](const Tensor& a) {
      return net.forward(a, mask.narrow(0, 1, 1).expand(a.sizes()), scale.narrow(0, 1, 1).expand(a.sizes()));
    };
    check_equal(lm::io::read_npy(world.at("map.npy")).narrow(0, 1, 1),
                method(one, x.narrow(0, 1, 1), lm::target::Output{}).map);
  }
  const cli::Ran few =
      world.run("explain --model " + world.at("masked.pt") + " --input " + world.at("x.npy"));
  DOCTEST_CHECK(few.code == 1);
  DOCTEST_CHECK(few.err.find("takes 3 inputs, and 1 was given") != std::string::npos);
}

DOCTEST_TEST_CASE("a class for each row, and the rows of one array become the rows of one map") {
  const World world;
  const Tensor x = at::cat({world.x(), world.x() / 2, world.x() / 3});
  lm::io::write_npy(world.at("rows.npy"), x);
  const std::string what = "--model " + world.at("net.pt") + " " + world.at("rows.npy");
  const cli::Ran ran =
      world.run("explain --json --method saliency --target 1,0,4 --out " + world.at("map.npy") + " " + what);
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const auto expected = lm::Saliency{}(world.net(), x, lm::target::Classes{at::tensor({1, 0, 4}, at::kLong)});
  check_equal(lm::io::read_npy(world.at("map.npy")), expected.map);
  DOCTEST_CHECK(ran.json()["results"][2]["target"] == "class:4");
  DOCTEST_CHECK(
      world.run("explain --target 1,0 " + what).err.find("names 2 classes, and the inputs hold 3") !=
      std::string::npos);
}

DOCTEST_TEST_CASE(
    "features are superpixels, the labels of a file, its components; what is neither is refused") {
  const World world;
  squares("[2, 3]").save(world.at("squares.pt"));
  const Tensor x = nets::random({1, 1, 12, 10}, 14).to(at::kFloat), values = x[0][0].square();
  lm::io::write_npy(world.at("x.npy"), x);
  const std::string what = "--batch yes --model " + world.at("squares.pt") + " " + world.at("x.npy");
  const auto map = [&](const std::string& features) {
    (void)world.explained(
        "--method feature-ablation --set features=" + features + " --target 0 --out " + world.at("map.npy"),
        what);
    return lm::io::read_npy(world.at("map.npy"))[0][0];
  };
  const auto sums = [&](const Tensor& labels) {
    Tensor expected = at::zeros_like(values);
    for (std::int64_t l = labels.min().item<std::int64_t>(); l <= labels.max().item<std::int64_t>(); ++l) {
      const Tensor inside = labels.eq(l);
      expected = at::where(inside, values.masked_select(inside).sum(), expected);
    }
    return expected;
  };
  const Tensor halves = at::arange(10).ge(4).to(at::kLong).expand({12, 10}).contiguous();
  Tensor corners = at::zeros({12, 10}, at::kLong);
  corners.narrow(0, 0, 3).narrow(1, 0, 3).fill_(1);
  corners.narrow(0, 9, 3).narrow(1, 7, 3).fill_(1);
  lm::io::write_npy(world.at("halves.npy"), halves * 7 - 3);
  lm::io::write_image(world.at("corners.png"), corners.mul(200).to(at::kByte).unsqueeze(0));
  DOCTEST_CHECK(at::allclose(map(world.at("halves.npy")), sums(halves), 1e-4));
  DOCTEST_CHECK(at::allclose(map(world.at("corners.png")), sums(corners), 1e-4));
  Tensor apart = corners.clone();
  apart.narrow(0, 9, 3).narrow(1, 7, 3).fill_(2);
  DOCTEST_CHECK(at::allclose(map("components:" + world.at("corners.png")), sums(apart), 1e-4));
  // colours are told apart, also such as are equally bright
  Tensor colours = at::zeros({3, 12, 10}, at::kByte);
  colours[0].fill_(90);
  colours[1].narrow(1, 0, 4).fill_(90);
  colours[0].narrow(1, 0, 4).fill_(0);
  lm::io::write_image(world.at("colours.png"), colours);
  DOCTEST_CHECK(at::allclose(map(world.at("colours.png")), sums(halves), 1e-4));
  DOCTEST_CHECK(at::allclose(map("slic:6"), sums(lm::perturb::Slic{.segments = 6}(x)[0][0]), 1e-4));
  lm::io::write_npy(world.at("floats.npy"), halves.to(at::kFloat));
  const auto refused = [&](const std::string& features) {
    return world.run("explain --method feature-ablation --set features=" + features + " --target 0 " + what)
        .err;
  };
  DOCTEST_CHECK(refused(world.at("floats.npy")).find("integers or true and false") != std::string::npos);
  DOCTEST_CHECK(refused("nowhere.png").find("neither known nor a file") != std::string::npos);
  DOCTEST_CHECK(refused("slic:0").find("segments 0") != std::string::npos);
}

DOCTEST_TEST_CASE(
    "patches and windows are squares of a picture, stretches of a signal and cubes of a volume") {
  const World world;
  for (const char* axes : {"[2]", "[2, 3]", "[2, 3, 4]"}) {
    DOCTEST_CAPTURE(axes);
    squares(axes).save(world.at("squares.pt"));
    const std::vector<std::int64_t> shapes[] = {{1, 2, 10}, {1, 2, 6, 5}, {1, 2, 4, 6, 5}};
    const std::vector<std::int64_t>& shape = shapes[std::string(axes).size() / 3 - 1];
    const Tensor x = nets::random(shape, 12).to(at::kFloat);
    lm::io::write_npy(world.at("x.npy"), x);
    const std::string what = "--batch yes --model " + world.at("squares.pt") + " " + world.at("x.npy");
    (void)world.explained(
        "--method feature-ablation --set features=grid:3 --target 1 --out " + world.at("map.npy"), what);
    const Tensor map = lm::io::read_npy(world.at("map.npy"));
    // of a sum of squares a patch's loss is the sum of its own, in channel 1
    Tensor expected = at::zeros_like(x[0][0]);
    const Tensor values = x[0][1].square();
    const std::int64_t rank = values.dim();
    std::vector<std::int64_t> at(static_cast<std::size_t>(rank), 0);
    for (bool more = true; more;) {
      Tensor box = values, place = expected;
      for (std::int64_t d = 0; d < rank; ++d) {
        const std::int64_t from = at[static_cast<std::size_t>(d)],
                           side = std::min<std::int64_t>(3, values.size(d) - from);
        box = box.narrow(d, from, side), place = place.narrow(d, from, side);
      }
      place.fill_(box.sum());
      more = false;
      for (std::int64_t d = 0; d < rank && !more; ++d) {
        auto& begin = at[static_cast<std::size_t>(d)];
        more = (begin += 3) < values.size(d);
        if (!more) begin = 0;
      }
    }
    for (std::int64_t c = 0; c < 2; ++c) check_equal(map[0][c], expected);

    (void)world.explained(
        "--method occlusion --set window=3 --set stride=2 --target 1 --out " + world.at("map.npy"), what);
    const lm::perturb::Windows::Shape window(static_cast<std::size_t>(rank), 3),
        stride(static_cast<std::size_t>(rank), 2);
    const lm::Occlusion method{.window = {window}, .stride = {stride}};
    check_equal(lm::io::read_npy(world.at("map.npy")),
                method(lm::script::load(world.at("squares.pt")), x, lm::target::Class{1}).map);
  }
}

DOCTEST_TEST_CASE(
    "a network that runs on one sample at a time only is explained one pass a row, which is said") {
  const World world;
  with_weight(
      cli::module("One"),
      "def forward(self, x):\n  return torch.matmul(torch.reshape(torch.relu(x), [1, -1]), self.weight)\n",
      nets::random({27, 3}, 13))
      .save(world.at("one.pt"));
  const Tensor x = nets::random({1, 3, 3, 3}, 14).to(at::kFloat);
  lm::io::write_npy(world.at("x.npy"), x);
  const std::string what = "--model " + world.at("one.pt") + " " + world.at("x.npy");
  const json result = world.explained("--set steps=5 --target 1 --out " + world.at("map.npy"), what);
  DOCTEST_CHECK(result["note"].get<std::string>().find("one sample at a time") != std::string::npos);
  const lm::IntegratedGradients method{.steps = 5, .run = {.memory = 1}};
  check_equal(lm::io::read_npy(world.at("map.npy")),
              method(lm::script::load(world.at("one.pt")), x, lm::target::Class{1}).map);
  DOCTEST_CHECK_FALSE(world.explained("--method saliency").contains("note"));
}

DOCTEST_TEST_CASE("devices that a program names move with it") {
  const World world;
  const auto cases = lumen::testing::shared("cases/devconst.pt");
  if (!cases) return;
  const json result = world.explained(
      "", "--model " + cases->string() + " " + lumen::testing::shared("cases/devconst.npy")->string());
  DOCTEST_CHECK(std::abs(result["relative_completeness_error"].get<double>()) < 1e-5);
}
