// SPDX-License-Identifier: BSD-3-Clause
// The library's own networks. A source of its own, since torch/nn takes long to compile.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/catalogue/table.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/parse_zip.hpp>
#include <lumen/io/state_dict.hpp>
#include <lumen/net/custom_cnn.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/load.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/train/checkpoint.hpp>

#include "network.hpp"

namespace cli {

namespace {

namespace n = lm::net;
using lm::catalogue::Table;

struct Own {
  std::shared_ptr<torch::nn::Module> module{};
  std::function<Tensor(const Tensor&)> forward{};
};

template <class Holder>
Own own(Holder net) {
  return {net.ptr(), [net](const Tensor& x) mutable { return net->forward(x); }};
}

struct ResNetOptions {
  std::int64_t classes = 2;
};

template <class Options>
Table<Options> cnn(const char* name, Options defaults) {
  return Table<Options>(name, defaults)
      .option("width", "channels of the first convolution", &Options::width)
      .option("classes", "length of the output", &Options::classes)
      .option("hidden", "length of the last hidden layer", &Options::hidden)
      .option("kernel", "side of the convolutions", &Options::kernel)
      .option("dilation3", "of the third convolution", &Options::dilation3)
      .option("third-pooling", "halves the third map too", &Options::third_pooling);
}

Own made(const std::string& name, const Settings& settings) {
  if (name == "unet") {
    return own(n::UNet(Table<n::UNetOptions>(name, {})
                           .option("channels", "of the image", &n::UNetOptions::channels)
                           .option("classes", "channels of the output", &n::UNetOptions::classes)
                           .option("width", "channels at full resolution", &n::UNetOptions::width)
                           .with(settings)));
  }
  if (name == "custom-resnet") {
    return own(n::CustomResNet(Table<ResNetOptions>(name, {})
                                   .option("classes", "channels of the output", &ResNetOptions::classes)
                                   .with(settings)
                                   .classes));
  }
  if (name == "custom-cnn") return own(n::CustomCNN(cnn("custom-cnn", n::CustomCNNOptions{}).with(settings)));
  if (name == "custom-cnn-mnist")
    return own(n::CustomCNN(cnn("custom-cnn-mnist", n::custom_cnn_mnist).with(settings)));
  if (name == "custom-cnn-mini")
    return own(n::CustomCNN(cnn("custom-cnn-mini", n::custom_cnn_mini).with(settings)));
  throw Error(text("--net ", name,
                   ": there are unet, custom-resnet, custom-cnn, custom-cnn-mnist, custom-cnn-mini; options "
                   "follow a colon: unet:width=32,classes=3"));
}

/// Whether LibTorch wrote the file as an archive of its own, as checkpoints of training are.
bool is_checkpoint(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> file = lm::io::read_file(path);
  if (file.size() < 4 || file[0] != 'P' || file[1] != 'K') return false;
  const auto records = lm::io::parse_zip(file);
  return std::any_of(records.begin(), records.end(),
                     [](const auto& record) { return record.name.ends_with("/constants.pkl"); });
}

void load_weights(torch::nn::Module& module, const std::filesystem::path& path) {
  lm::io::naming(path, [&] {
    if (is_checkpoint(path)) {
      try {
        (void)lm::train::Checkpoint::load_weights(path, module);
      } catch (const Error& error) {
        require(std::string_view(error.what()).find("'purpose'") == std::string_view::npos,
                "no checkpoint of lumen's training but a TorchScript file, it seems; explain it itself with "
                "--model");
        throw;
      }
      return;
    }
    std::vector<lm::io::SkippedObject> skipped;
    lm::io::StateDict state = lm::io::read_state_dict(path, &skipped);
    // a checkpoint of Python holds the network under a name of its own, DataParallel puts one in front
    for (const char* prefix : {"state_dict", "model", "model_state_dict", "net", "network", "module"}) {
      const std::string start = text(prefix, ".");
      const bool inside =
          std::any_of(state.begin(), state.end(), [&](const auto& t) { return t.name.starts_with(start); });
      if (inside) state = lm::io::below(state, prefix);
    }
    (void)lm::net::load(module, state);
  });
}

/// A layer of a module by what it does with its weight, since modules of torch::nn have no hooks.
lm::trace::Layer layer_by_weight(const torch::nn::Module& module, const lm::trace::Layer& named) {
  const auto parameters = module.named_parameters();
  const Tensor* weight = parameters.find(named.name + ".weight");
  require(weight != nullptr, [&] {
    return text("module '", named.name,
                "' has no weight of its own to find it by; name the operator, such as relu:3, or "
                "a module with a weight");
  });
  require(named.nth == 0, [&] { return text("module '", named.name, "' runs once in this network"); });
  const lm::trace::Layer layer = lm::layer::of(*weight);
  return named.input ? lm::layer::input(layer) : layer;
}

}  // namespace

Network load_own(const LoadOptions& options) {
  require(!options.weights.empty(), "--net: name the file of its weights with --weights");
  require(options.part.empty(), "--part: these networks return a tensor; leave it out");
  const std::size_t colon = options.net.find(':');
  Settings settings;
  if (colon != std::string::npos) {
    for (const std::string& word : cut(options.net.substr(colon + 1), ',')) {
      const std::size_t equals = word.find('=');
      require(equals != std::string::npos,
              [&] { return text("--net ", options.net, ": expected NAME:OPTION=VALUE,..."); });
      settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  Own net = made(options.net.substr(0, colon), settings);
  load_weights(*net.module, options.weights);
  const at::ScalarType dtype = options.dtype == "float64" ? at::kDouble : at::kFloat;
  const at::Device device = device_of(options.device);
  net.module->to(device, dtype);
  net.module->eval();
  Network network{.name = options.net,
                  .model = {[forward = net.forward](const Tensors& parts) {
                    require(parts.size() == 1, "this network takes one input");
                    return forward(parts.front());
                  }},
                  .device = device,
                  .dtype = dtype};
  for (const auto& item : net.module->named_modules("", false)) {
    std::string kind = item.value()->name();
    kind = kind.substr(kind.rfind(':') + 1);
    if (kind.ends_with("Impl")) kind.resize(kind.size() - 4);
    network.modules.push_back({item.key(), kind, 1, true, true});
  }
  for (const auto& item : net.module->named_parameters()) {
    network.parameters += item.value().numel();
    if (network.weight.empty() && item.value().dim() >= 2) network.weight = item.value().sizes().vec();
  }
  network.layer_of = [module = net.module](const lm::trace::Layer& named) {
    return layer_by_weight(*module, named);
  };
  return network;
}

}  // namespace cli
