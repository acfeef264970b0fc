// SPDX-License-Identifier: BSD-3-Clause
#include "subject.hpp"

#include <algorithm>
#include <vector>

#include <lumen/data/synthetic.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/script/load.hpp>
#include <lumen/train/trainer.hpp>

namespace lm = lumen;

namespace studies::edit {

namespace {

Subject trained(const Options& options) {
  const lm::data::SyntheticVessels vessels{.size = 128, .seed = options.seed};
  lm::net::UNet net = lm::net::seeded(options.seed, [] { return lm::net::UNet(); });
  const std::uint64_t count = options.size > 0 ? options.size : options.quick ? 48 : 160;
  const lm::data::Dataset training(vessels.many(0, count), {.crop = 64, .seed = options.seed}, 2);
  (void)lm::train::Trainer{.epochs = options.size > 0 ? 6
                                     : options.quick  ? 10
                                                      : 20,
                           .progress = options.progress,
                           .seed = options.seed}(net, training, vessels.many(1000, 4));
  return {.net = [net](const Tensor& x) mutable { return net->forward(x); },
          .x = vessels(1004).image.unsqueeze(0),
          .layer = lm::layer::nth("relu", 0),
          .layer_words = "the first ReLU",
          .words =
              "A U-Net of 0.48 million parameters, trained here on synthetic vessels, and an image of that "
              "kind."};
}

}  // namespace

Subject load(const Options& options) {
  if (options.data.empty()) return trained(options);
  std::vector<fs::path> images;
  for (const auto& entry : fs::directory_iterator(options.data)) {
    const std::string kind = lm::io::extension(entry.path());
    if (kind == ".png" || kind == ".jpg" || kind == ".jpeg") images.push_back(entry.path());
  }
  std::sort(images.begin(), images.end());
  const lm::script::Network net = lm::script::load(find(options.data, {"network.pt"}));
  const std::string path = "net.backbone.1.block.0.0";
  const auto parts = net.layers();
  const bool deeplab = std::ranges::any_of(parts, [&](const auto& part) { return part.path == path; });
  Subject out{.net = [net](const Tensor& x) { return net.forward(x); },
              .layer = deeplab ? lm::layer::tap(path) : lm::layer::nth("relu", 0),
              .layer_words = deeplab ? "the module " + path : "the first ReLU",
              .words = lm::text("The TorchScript network of ", options.data.filename().string(), ", and ")};
  if (images.empty()) {
    const Tensor image = lm::data::SyntheticVessels{.size = 128, .seed = options.seed}(0).image;
    out.x = image.expand({3, 128, 128}).unsqueeze(0).contiguous();
    out.words += "an image of synthetic vessels, because there is none beside it.";
  } else {
    Tensor image = lm::io::to_float(lm::io::read(images.front()));
    out.x = (image.size(0) == 1 ? image.expand({3, image.size(1), image.size(2)}) : image.narrow(0, 0, 3))
                .unsqueeze(0)
                .contiguous();
    out.words += images.front().filename().string() + ".";
  }
  return out;
}

}  // namespace studies::edit
