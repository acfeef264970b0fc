// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include <algorithm>

#include <lumen/script/load.hpp>

namespace cli {

namespace {

lm::script::Output part_of(const std::string& words) {
  lm::script::Output steps;
  if (words.empty()) return steps;
  for (const std::string& step : cut(words, '.')) {
    const bool number = !step.empty() && step.find_first_not_of("0123456789") == std::string::npos;
    if (number) {
      steps.emplace_back(to_integer(step));
    } else {
      steps.emplace_back(step);
    }
  }
  return steps;
}

/// The number of positions in which two words differ, and of those that one has more.
std::size_t difference(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t kept = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({kept, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

at::Device device_of(const std::string& words) {
  const bool cuda = words == "cuda" || words.starts_with("cuda:");
  require(words == "cpu" || cuda, [&] { return text("--device ", words, ": expected cpu, cuda or cuda:1"); });
  require(!cuda || at::globalContext().hasCUDA(),
          [&] { return text("--device ", words, ": this LibTorch sees no CUDA device; leave it out"); });
  return at::Device(words);
}

Network load(const LoadOptions& options) {
  require(options.model.empty() != options.net.empty(),
          "which model? Give --model FILE (TorchScript), or --net NAME and --weights FILE");
  require(options.weights.empty() || !options.net.empty(),
          "--weights are those of a network: name it with --net");
  require(options.dtype.empty() || options.dtype == "float32" || options.dtype == "float64",
          [&] { return text("--dtype ", options.dtype, ": expected float32 or float64"); });
  if (!options.net.empty()) return load_own(options);
  const std::string& path = options.model;
  lm::script::Options how{.output = part_of(options.part), .device = device_of(options.device)};
  if (!options.dtype.empty()) how.dtype = options.dtype == "float64" ? at::kDouble : at::kFloat;
  const lm::script::Network script = lm::script::load(path, std::move(how));
  Network network{.name = path,
                  .model = {[script](const Tensors& parts) { return script.forward(parts); }},
                  .device = script.device(),
                  .dtype = options.dtype.empty()        ? script.dtype()
                           : options.dtype == "float64" ? at::kDouble
                                                        : at::kFloat,  // one without weights, too
                  .inputs = script.inputs(),
                  .most_inputs = script.most_inputs()};
  for (const lm::script::Part& part : script.layers()) {
    network.modules.push_back({part.path, part.kind, part.calls, part.input, part.output});
  }
  for (const auto& [name, value] : script.tensors()) {
    if (!value.requires_grad() && !name.ends_with("weight")) continue;
    network.parameters += value.numel();
    if (network.weight.empty() && value.dim() >= 2) network.weight = value.sizes().vec();
  }
  return network;
}

lm::trace::Layer layer_in(const Network& network, const std::string& words) {
  const lm::trace::Layer layer = to_layer(words);
  check_layer(network, layer);
  return network.layer_of && layer.by == lm::trace::Layer::By::Tap ? network.layer_of(layer) : layer;
}

void check_layer(const Network& network, const lm::trace::Layer& layer) {
  if (layer.by != lm::trace::Layer::By::Tap) return;
  const Module* nearest = nullptr;
  for (const Module& module : network.modules) {
    if (module.path == layer.name) {
      require(layer.nth >= 0 && layer.nth < module.calls, [&] {
        return text("module '", layer.name, "' is called ", module.calls, " times; its calls are ",
                    layer.name, "#0 to ", layer.name, "#", module.calls - 1);
      });
      require(layer.input ? module.input : module.output, [&] {
        return text("module '", layer.name, "' ", layer.input ? "is given" : "returns", " no tensor");
      });
      return;
    }
    const bool nearer =
        nearest == nullptr || difference(module.path, layer.name) < difference(nearest->path, layer.name);
    if (nearer) nearest = &module;
  }
  throw Error(text("the network has no module '", layer.name, "'",
                   nearest != nullptr ? "; did you mean " + nearest->path + "?" : "",
                   " `lumen inspect` lists them; an operator is written relu:3"));
}

}  // namespace cli
