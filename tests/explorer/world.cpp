// SPDX-License-Identifier: BSD-3-Clause
// Writes what the explorer's page is tested with: small segmentation networks, two that give logits and the first of them
// ending in a softmax, and a folder of synthetic vessels.
#include <filesystem>
#include <string>

#include <lumen/data/synthetic.hpp>
#include <lumen/io/image.hpp>

#include "script/models.hpp"

namespace {

using namespace lumen::testing::script_models;

torch::jit::Module segmentation(std::uint64_t seed, bool probabilities = false) {
  torch::jit::Module net = module("Net");
  net.register_module("first", conv(1, 8, seed));
  net.register_module("second", conv(8, 8, seed + 10));
  net.register_module("last", conv(8, 2, seed + 20));
  net.define(
      "def forward(self, x):\n"
      "  h = torch.relu(self.first.forward(x))\n"
      "  h = torch.relu(self.second.forward(torch.max_pool2d(h, [2, 2])))\n"
      "  h = torch.upsample_nearest2d(h, [x.size(2), x.size(3)])\n"
      "  even = torch.cat([0 * x, 0 * x + 6.78], 1)\n"  // so that both classes are predicted
      "  z = 20.0 * self.last.forward(h) + even\n" +
      std::string(probabilities ? "  return torch.softmax(z, 1)\n" : "  return z\n"));
  net.to(at::kFloat);
  net.eval();
  return net;
}

}  // namespace

int main(int, char** argv) {
  namespace fs = std::filesystem;
  const fs::path folder = argv[1];
  for (const char* part : {"images", "labels"}) fs::create_directories(folder / part);
  segmentation(1).save((folder / "one.pt").string());
  segmentation(2).save((folder / "two.pt").string());
  segmentation(1, true).save((folder / "probabilities.pt").string());
  const lumen::data::SyntheticVessels vessels{.size = 128, .seed = 3};
  int number = 0;
  for (const lumen::data::Sample& sample : vessels.many(0, 3)) {
    const std::string name = "vessel-" + std::to_string(++number) + ".png";
    lumen::io::write_image(folder / "images" / name, lumen::io::to_byte(sample.image));
    lumen::io::write_image(folder / "labels" / name,
                           lumen::io::to_byte(sample.label.to(at::kFloat).unsqueeze(0)));
  }
  return 0;
}
