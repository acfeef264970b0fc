// SPDX-License-Identifier: BSD-3-Clause
// The library's own networks, with weights from every kind of file.
#include "world.hpp"

#include <torch/nn/modules/container/any.h>
#include <torch/optim/sgd.h>

#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/io/safetensors.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/train/checkpoint.hpp>

namespace lm = lumen;
namespace cli = lumen::testing::cli;
using cli::check_equal;
using cli::World;
using lumen::Tensor;

DOCTEST_TEST_CASE(
    "--net and --weights: safetensors and a checkpoint of training, and layers by their modules") {
  const World world;
  lm::net::UNet net =
      lm::net::seeded(3, [] { return lm::net::UNet(lm::net::UNetOptions{.classes = 3, .width = 4}); });
  net->eval();
  lm::io::StateDict state;
  for (const auto& item : net->named_parameters()) state.push_back({item.key(), item.value()});
  for (const auto& item : net->named_buffers()) state.push_back({item.key(), item.value()});
  lm::io::write_safetensors(world.at("net.safetensors"), state);
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  lm::train::Checkpoint checkpoint{.purpose = "a test", .best = lm::train::snapshot(*net)};
  {
    const at::NoGradGuard no_grad;  // the last weights are others than the best
    for (Tensor parameter : net->parameters()) parameter.add_(1.0);
    checkpoint.save(world.at("state.pt"), *net, optimizer);
    lm::train::restore(*net, checkpoint.best);
  }
  const lm::target::Pixel pixel{.channel = 1, .row = 3, .column = 4};
  const Tensor x = world.gray.unsqueeze(0);
  for (const char* file : {"net.safetensors", "state.pt"}) {
    const std::string what =
        "--net unet:classes=3,width=4 --weights " + world.at(file) + " --input " + world.at("gray.npy");
    (void)world.explained("--method saliency --target pixel:1,3,4 --out " + world.at("map.npy"), what);
    check_equal(lm::io::read_npy(world.at("map.npy")), lm::Saliency{}(net, x, pixel).map);
    (void)world.explained("--method grad-cam --layer head --target pixel:1,3,4 --out " + world.at("map.npy"),
                          what);
    const lm::GradCam cam{.layer = lm::layer::of(net->named_parameters()["head.weight"])};
    check_equal(lm::io::read_npy(world.at("map.npy")), cam(net, x, pixel).map);
  }
  const cli::Ran wrong =
      world.run("explain --net unet --weights " + world.at("net.safetensors") + " " + world.at("gray.npy"));
  DOCTEST_CHECK(wrong.code == 1);
  DOCTEST_CHECK(wrong.err.find("does not fit the module") != std::string::npos);
  const cli::Ran seen = world.run("inspect --json --net unet:classes=3,width=4 --shape 1,1,16,16 --weights " +
                                  world.at("state.pt"));
  DOCTEST_INFO(seen.err);
  DOCTEST_REQUIRE(seen.code == 0);
  DOCTEST_CHECK(seen.json()["output"] == nlohmann::json({1, 3, 16, 16}));
}
