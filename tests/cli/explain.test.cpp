// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/combine.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/panel.hpp>

namespace lm = lumen;
namespace cli = lumen::testing::cli;
using cli::check_equal;
using cli::World;
using lumen::Tensor;
using nlohmann::json;

DOCTEST_TEST_CASE("explain writes the library's map and says what is known about it") {
  const World world;
  const json result = world.explained(
      "--method integrated-gradients --target 3 --set steps=7 --set rule=riemann-middle --baseline blur:2 "
      "--out " +
      world.at("map.npy") + " --picture " + world.at("over.png") + " --panel " + world.at("panel.png"));
  const auto net = world.net();
  const lm::IntegratedGradients method{
      .baseline = lm::baseline::Blur{.sigma = 2.0}, .steps = 7, .rule = lm::quadrature::RiemannMiddle{}};
  const auto why = method(net, world.x(), lm::target::Class{.index = 3});
  const Tensor map = lm::io::read_npy(world.at("map.npy"));
  check_equal(map, why.map);
  DOCTEST_CHECK(result["score"].get<double>() == doctest::Approx(why.score.item<double>()));
  DOCTEST_CHECK(result["completeness_error"].get<double>() ==
                doctest::Approx(why.completeness_error.item<double>()).epsilon(1e-2));
  DOCTEST_CHECK(result["forward_passes"] == why.forward_passes);
  DOCTEST_CHECK(result["backward_passes"] == 7);
  DOCTEST_CHECK(result["target"] == "3");
  DOCTEST_CHECK(result["seconds"].get<double>() > 0);
  DOCTEST_CHECK(result["map"]["shape"] == json({1, 3, 12, 12}));
  DOCTEST_CHECK(result["map"]["sum"].get<double>() == doctest::Approx(map.sum().item<double>()));
  DOCTEST_CHECK(result["prediction"]["classes"].size() == 5);
  DOCTEST_CHECK(result["metrics"]["gini"].get<double>() > 0);
  const Tensor over = lm::io::read_image(world.at("over.png"));
  DOCTEST_CHECK(over.sizes() == at::IntArrayRef({3, 252, 252}));
  DOCTEST_CHECK(lm::io::read_image(world.at("panel.png")).size(2) > 3 * 252);
}

DOCTEST_TEST_CASE("a map that is far from 0 everywhere, as RISE's, is drawn between its own ends") {
  const World world;
  const Tensor map =
      world.map("--method rise --target softmax:3 --set samples=60 --panel " + world.at("panel.png"));
  DOCTEST_REQUIRE(map.min().item<double>() > 0.5 * map.max().item<double>());
  const Tensor lowest =
      at::tensor({68, 1, 84}, at::kByte).reshape({3, 1, 1});  // viridis; the bar has few pixels of it
  const Tensor panel = lm::io::read_image(world.at("panel.png"));
  DOCTEST_CHECK((panel == lowest).all(0).sum().item<std::int64_t>() > 400);
}

DOCTEST_TEST_CASE("a value that all channels share is drawn as it is, not once for each channel") {
  namespace v = lm::view;
  const World world;
  const Tensor map = world.map("--method occlusion --target 3 --set window=4 --set stride=4 --panel " +
                               world.at("panel.png"));
  DOCTEST_REQUIRE(map[0][0].equal(map[0][2]));
  DOCTEST_REQUIRE(map.min().item<double>() < 0);
  const v::Range range = v::symmetric_range(map[0][0], 99.5);
  const v::Colormap colors = v::colormap::rd_yl_gn;
  const Tensor alone = v::Panel{.cells = {{.picture = v::colorize(map[0][0], colors, range),
                                           .title = "occlusion",
                                           .bar = v::ColorBar{colors, range}}},
                                .magnify = 21}
                           .draw();
  // the second of three cells, with its title and the bar's numbers
  constexpr std::int64_t gap = 16, side = 12 * 21, rows = side + 66;
  const Tensor panel = lm::io::read_image(world.at("panel.png"));
  DOCTEST_CHECK(panel.narrow(2, 2 * gap + side, side)
                    .narrow(1, 0, rows)
                    .equal(alone.narrow(2, gap, side).narrow(1, 0, rows)));
}

DOCTEST_TEST_CASE("regions are the boxes around the largest values") {
  const World world;
  const Tensor map = world.map("--method input-x-gradient --target 1 --top 0.1");
  const json region =
      world.explained("--method input-x-gradient --target 1 --top 0.1 --regions 1000")["regions"];
  const Tensor plane = map.sum(1)[0].to(at::kDouble);
  const double limit = std::get<0>(plane.flatten().topk(14)).min().item<double>();
  std::int64_t pixels = 0;
  double share = 0, before = 1;
  for (const json& each : region) {
    const auto rows = each["rows"], columns = each["columns"];
    const Tensor box = plane.slice(0, rows[0], rows[1]).slice(1, columns[0], columns[1]);
    DOCTEST_CHECK(box.ge(limit).sum().item<std::int64_t>() >= each["pixels"].get<std::int64_t>());
    pixels += each["pixels"].get<std::int64_t>();
    share += each["share"].get<double>();
    DOCTEST_CHECK(each["share"].get<double>() <= before);
    before = each["share"];
  }
  DOCTEST_CHECK(pixels == 14);  // a tenth of 144, all positive here
  const Tensor top = plane.masked_select(plane >= limit);
  DOCTEST_CHECK(share == doctest::Approx((top.sum() / plane.clamp_min(0).sum()).item<double>()));
}

DOCTEST_TEST_CASE("without --target the predicted class is explained") {
  const World world;
  const json result = world.explained("--method saliency");
  const auto predicted = world.net().forward(world.x()).argmax(1).item<std::int64_t>();
  DOCTEST_CHECK(result["target"] == "class:" + std::to_string(predicted));
  DOCTEST_CHECK(result["score"] == result["prediction"]["classes"][0]["score"]);
}

DOCTEST_TEST_CASE("every target gives the library's score") {
  const World world;
  const Tensor scores = world.net().forward(world.x());
  const auto score = [&](const std::string& target) {
    return world.explained("--method saliency --target '" + target + "'")["score"].get<double>();
  };
  const auto near = [](const Tensor& value) { return doctest::Approx(value.item<double>()).epsilon(1e-4); };
  namespace t = lm::target;
  DOCTEST_CHECK(score("class:2") == near(scores[0][2]));
  DOCTEST_CHECK(score("element:4") == near(scores[0][4]));
  DOCTEST_CHECK(score("slice:1-4") == near(scores[0].slice(0, 1, 4).sum()));
  DOCTEST_CHECK(score("slice:*") == near(scores.sum()));
  DOCTEST_CHECK(score("margin:3,1") == near(scores[0][3] - scores[0][1]));
  DOCTEST_CHECK(score("margin:class:3~slice:0-2") == near(scores[0][3] - scores[0][0] - scores[0][1]));
  DOCTEST_CHECK(score("softmax:3") == near(at::softmax(scores, 1)[0][3]));
  DOCTEST_CHECK(score("log-odds:class:3") == near(t::LogOdds{t::Class{.index = 3}}(scores)));
}

DOCTEST_TEST_CASE("dense targets give the library's score") {
  const World world;
  const Tensor mask = at::zeros({8, 10}, at::kByte);
  mask.slice(0, 2, 5).slice(1, 1, 7).fill_(255);
  lm::io::write_image(world.at("mask.png"), mask);
  lm::io::write_npy(world.at("weights.npy"), mask.to(at::kFloat) / 510);
  const auto net = lm::script::load(world.at("dense.pt"));
  const Tensor output = net.forward(world.gray.unsqueeze(0));
  const auto score = [&](const std::string& target) {
    const std::string what = "--model " + world.at("dense.pt") + " --input " + world.at("gray.npy");
    return world.explained("--method saliency --target " + target, what)["score"].get<double>();
  };
  const auto near = [](const Tensor& value) { return doctest::Approx(value.item<double>()).epsilon(1e-4); };
  namespace t = lm::target;
  DOCTEST_CHECK(score("pixel:1,2,3") == near(output[0][1][2][3]));
  DOCTEST_CHECK(score("region:1") == near(output[0][1].sum()));
  DOCTEST_CHECK(score("region:2,mean") == near(output[0][2].mean()));
  const Tensor inside = output[0][1].slice(0, 2, 5).slice(1, 1, 7);
  DOCTEST_CHECK(score("region:1," + world.at("mask.png")) == near(inside.sum()));
  DOCTEST_CHECK(score("region:1," + world.at("mask.png") + ",mean") == near(inside.mean()));
  DOCTEST_CHECK(score("region:1," + world.at("weights.npy")) == near(inside.sum() / 2));
  DOCTEST_CHECK(score("class-region:0") == near(t::ClassRegion{.channel = 0}(output)));
  DOCTEST_CHECK(score("class-region:0,2,mean") ==
                near(t::ClassRegion{.channel = 0, .predicted = 2, .reduction = t::Reduction::Mean}(output)));
  DOCTEST_CHECK(score("softmax:pixel:0,0,0") == near(at::softmax(output, 1)[0][0][0][0]));
}

DOCTEST_TEST_CASE("baselines are the library's, and files are preprocessed like inputs") {
  const World world;
  const auto net = world.net();
  const auto library = [&](const auto& baseline) {
    return lm::IntegratedGradients{.baseline = baseline, .steps = 4}(net, world.x(),
                                                                     lm::target::Class{.index = 0})
        .map;
  };
  const auto program = [&](const std::string& baseline) {
    return world.map("--method integrated-gradients --target 0 --set steps=4 --seed 5 --baseline " +
                     baseline);
  };
  namespace b = lm::baseline;
  check_equal(program("constant:0.5"), library(b::Constant{.value = 0.5}));
  check_equal(program("mean"), library(b::ChannelMean{}));
  check_equal(program("noise:0.1"), library(b::GaussianNoise{.stdev = 0.1, .seed = 5}));
  check_equal(program("uniform:0.2,0.4"), library(b::Uniform{.low = 0.2, .high = 0.4, .seed = 5}));
  auto both = b::Blur{.sigma = 1.0} | b::GaussianNoise{.stdev = 0.1};
  both.seed = 5;
  check_equal(program("blur:1+noise:0.1"), library(both));
  const Tensor other = cli::picture(12, 4);
  lm::io::write_image(world.at("other.png"), other);
  check_equal(program(world.at("other.png")), library(b::Given{lm::io::to_float(other).unsqueeze(0)}));
}

DOCTEST_TEST_CASE("a folder is a set of baselines, each taken once") {
  const World world;
  std::filesystem::create_directories(world.at("set"));
  lm::Tensors rows;
  for (const std::uint64_t seed : {21, 22, 23}) {
    const Tensor other = cli::picture(12, seed);
    lm::io::write_image(world.at("set/" + std::to_string(seed) + ".png"), other);
    rows.push_back(lm::io::to_float(other).unsqueeze(0));
  }
  const lm::DeepLiftShap method{.baseline = lm::baseline::Samples{.values = at::cat(rows)}};
  check_equal(
      world.map("--method deep-lift-shap --target 4 --set samples=0 --baseline samples:" + world.at("set")),
      method(world.net(), world.x(), lm::target::Class{.index = 4}).map);
}

DOCTEST_TEST_CASE("LRP's composites by name, with their numbers") {
  const World world;
  const auto why = [&](const lm::rule::Composite& composite) {
    return lm::Lrp{.composite = composite}(world.net(), world.x(), lm::target::Class{.index = 4}).map;
  };
  namespace l = lm::rule::lrp;
  check_equal(world.map("--method lrp --target 4"), why(l::EpsilonPlus{}));
  check_equal(
      world.map("--method lrp --target 4 --set composite=epsilon-alpha2-beta1-flat --set epsilon=0.01"),
      why(l::EpsilonAlpha2Beta1Flat{0.01}));
  check_equal(
      world.map("--method lrp --target 4 --set composite=epsilon-gamma-box --set gamma=0.5 --set low=-1,0,0"),
      why(l::EpsilonGammaBox{.low = at::tensor({-1.0, 0.0, 0.0}, at::kDouble).reshape({1, 3, 1, 1}),
                             .high = 1.0,
                             .gamma = 0.5}));
}

DOCTEST_TEST_CASE("layers by path, by operator and by input; CAMs, methods at a layer, neurons") {
  const World world;
  const auto net = world.net();
  const lm::target::Class two{.index = 2};
  const Tensor cam = world.map("--method grad-cam --target 2 --layer second");
  check_equal(cam, lm::GradCam{.layer = lm::layer::tap("second")}(net, world.x(), two).map);
  check_equal(world.map("--method grad-cam --target 2 --layer conv2d:-1"), cam);
  check_equal(world.map("--method grad-cam --target 2 --layer relu#1:input"), cam);
  const auto wide = lm::GradCam{.layer = lm::layer::tap("second"), .upsample = lm::Upsample::Nearest};
  check_equal(world.map("--method GradCAM --target 2 --layer second --set upsample=nearest"),
              wide(net, world.x(), two).map);
  const lm::AtLayer at_layer{.method = lm::InputXGradient{}, .layer = lm::layer::tap("first")};
  check_equal(world.map("--method input-x-gradient --target 2 --layer first"),
              at_layer(net, world.x(), two).map);
  const lm::AtNeuron neuron{.method = lm::Saliency{}, .layer = lm::layer::tap("first")};
  check_equal(world.map("--method saliency --layer first --neuron element:1,3,4"),
              neuron(net, world.x(), lm::target::Element{{1, 3, 4}}).map);
}

DOCTEST_TEST_CASE("smooth averages any method, with that method's options") {
  const World world;
  const lm::Smooth method{.method = lm::Saliency{.absolute = false}, .samples = 4, .stdev = 0.2, .seed = 11};
  const auto why = method(world.net(), world.x(), lm::target::Class{.index = 1});
  const std::string arguments =
      "--method smooth --target 1 --set method=saliency --set method.absolute=false --set samples=4 "
      "--set stdev=0.2 --seed 11";
  check_equal(world.map(arguments), why.map);
  DOCTEST_CHECK(world.explained(arguments)["standard_error"].get<double>() > 0);
  const lm::AtNeuron neuron{
      .method = lm::Smooth{.method = lm::Saliency{}, .samples = 4, .stdev = 0.2, .seed = 11},
      .layer = lm::layer::tap("first")};
  check_equal(
      world.map(
          "--method smooth --layer first --neuron element:1,3,4 --set samples=4 --set stdev=0.2 --seed 11"),
      neuron(world.net(), world.x(), lm::target::Element{{1, 3, 4}}).map);
}

DOCTEST_TEST_CASE("preprocessing: size, crop, mean, std, channels, dtype") {
  const World world;
  const json result = world.explained(
      "--method saliency --size 16,24 --crop 10 --mean 0.5,0.4,0.3 --std 0.2 --dtype "
      "float64");
  const Tensor sized = at::_upsample_bilinear2d_aa(world.x(), {16, 24}, false);
  const Tensor cut = sized.slice(2, 3, 13).slice(3, 7, 17);
  const Tensor mean = at::tensor({0.5, 0.4, 0.3}, at::kFloat).reshape({1, 3, 1, 1});
  const Tensor scores = world.net().forward((cut - mean) / 0.2);
  DOCTEST_CHECK(result["input_shape"] == json({1, 3, 10, 10}));
  DOCTEST_CHECK(result["score"].get<double>() == doctest::Approx(scores.max().item<double>()).epsilon(1e-4));
  DOCTEST_CHECK(world.explained("--method saliency --size 24")["input_shape"] == json({1, 3, 24, 24}));
  // a colour picture for a network of gray ones
  const std::string what = "--model " + world.at("dense.pt") + " --input " + world.at("a.png");
  DOCTEST_CHECK(world.explained("--method saliency --target region:0", what)["input_shape"] ==
                json({1, 1, 12, 12}));
}

DOCTEST_TEST_CASE("folders, several files and rows of an array: one result each, named after its file") {
  const World world;
  std::filesystem::create_directories(world.at("in"));
  lm::io::write_image(world.at("in/b.png"), cli::picture(12, 6));
  lm::io::write_image(world.at("in/c.bmp"), cli::picture(12, 7));
  lm::io::write_npy(world.at("rows.npy"), at::cat({world.x(), world.x() / 2}));
  const cli::Ran ran = world.run("explain --json --model " + world.at("net.pt") +
                                 " --method saliency --out " + world.at("maps") + " " + world.at("in") + " " +
                                 world.at("rows.npy") + " " + world.at("a.png"));
  DOCTEST_REQUIRE(ran.code == 0);
  const json results = ran.json()["results"];
  DOCTEST_REQUIRE(results.size() == 5);
  for (const char* name : {"b", "c", "rows", "a"}) {
    DOCTEST_CHECK(std::filesystem::exists(world.at("maps") + "/" + name + ".npy"));
  }
  DOCTEST_CHECK(results[2]["input"] == world.at("rows.npy") + "#0");
  const Tensor rows = lm::io::read_npy(world.at("maps/rows.npy"));
  DOCTEST_REQUIRE(rows.size(0) == 2);
  check_equal(rows.narrow(0, 0, 1), lm::io::read_npy(world.at("maps/a.npy")));
}

DOCTEST_TEST_CASE("without --json: lines for a person on stdout, and nothing else anywhere") {
  const World world;
  const cli::Ran ran = world.run("explain --model " + world.at("net.pt") + " --method deep-lift --target 3 " +
                                 world.at("a.png"));
  DOCTEST_REQUIRE(ran.code == 0);
  DOCTEST_CHECK(ran.err.empty());
  for (const char* word : {"prediction", "score", "completeness", "region", "Gini"}) {
    DOCTEST_INFO(ran.out);
    DOCTEST_CHECK(ran.out.find(word) != std::string::npos);
  }
}
