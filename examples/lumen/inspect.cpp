// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include <lumen/core/seed.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/slice.hpp>
#include <lumen/trace/observe.hpp>

#include "command.hpp"
#include "fields.hpp"
#include "message.hpp"
#include "network.hpp"
#include "sample.hpp"
#include "summary.hpp"

namespace cli {

namespace {

struct Options {
  std::string shape{}, layer{}, image{};
  LoadOptions load{};
  bool json = false, all = false;
};

/// The shapes of what the modules return, by path, in the order of their first call.
class Taps final : public lm::trace::Listener {
 public:
  Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
    if (!input) shapes.emplace(name, value.sizes().vec());
    return value;
  }
  std::map<std::string, std::vector<std::int64_t>, std::less<>> shapes;
};

/// What one pass showed.
struct Seen {
  Tensor x, output;
  std::vector<lm::trace::Operation> operations;
  Taps taps;
};

Tensor random_input(const std::vector<std::int64_t>& shape, const Network& network) {
  at::Generator source = lm::generator(0, 0, 0);
  return at::rand(shape, source, at::kFloat).to(network.device, network.dtype);
}

void look(const Network& network, const Tensor& x, Seen& seen) {
  seen.x = x;
  const lm::trace::Listening listening(seen.taps);
  seen.operations =
      lm::trace::observe([&](const lm::Tensors& given) { seen.output = network.model(given.front()); }, {x});
  seen.output = seen.output.detach();
}

/// One pass on an input of the shape that was given, or of a usual one that fits the first weight.
void look_somehow(const Network& network, const std::string& given, Seen& seen) {
  if (!given.empty()) return look(network, random_input(to_integers(given), network), seen);
  std::vector<std::vector<std::int64_t>> shapes;
  if (network.weight.size() == 2) shapes.push_back({1, network.weight[1]});
  if (network.weight.size() == 4) {
    for (const std::int64_t side : {96, 224, 299, 28, 32, 64, 128})
      shapes.push_back({1, network.weight[1], side, side});
  }
  std::string why = "its first weight does not tell";
  for (const auto& shape : shapes) {
    try {
      return look(network, random_input(shape, network), seen);
    } catch (const std::exception& error) {
      why = first_line(error);
    }
  }
  throw Error("which input does the network take? Give its --shape, such as 1,3,224,224 (" + why + ")");
}

/// The last operator or module of four axes: where CAMs look.
std::optional<std::string> last_dense(const Seen& seen) {
  for (auto op = seen.operations.rbegin(); op != seen.operations.rend(); ++op) {
    const lm::Tensors results = lm::trace::tensors_in(op->results);
    if (results.empty() || results.front().dim() != 4 || !op->kind.starts_with("conv")) continue;
    return op->kind + ":" + std::to_string(op->nth);
  }
  return std::nullopt;
}

/// Runs a method on the input. @return what it said against the model; empty if nothing
std::string refusal(const Entry& entry, const Network& network, const Seen& seen, const std::string& layer) {
  Choices choices{.settings = entry.traits.quick};
  if (entry.traits.layer == LayerUse::Required) {
    if (layer.empty()) return "needs a --layer, and the model has no convolution to try";
    choices.layer = layer_in(network, layer);
    if (entry.both) choices.neuron = lm::target::Slice{};
  }
  const lm::AnyTarget target =
      seen.output.dim() == 2 ? lm::AnyTarget(lm::target::Class{}) : lm::target::Slice{};
  try {
    const auto maps = prepared(entry, choices)(network.model.run, {seen.x}, {target}, {});
    const bool finite = at::isfinite(maps.front().map.front()).all().item<bool>();
    return finite ? "" : "gives NaN or infinite values";
  } catch (const std::exception& error) {
    return first_line(error);
  }
}

Json inspected(const Options& options) {
  const Network network = load(options.load);
  require(network.inputs == 1, [&] {
    return text(network.name, " takes ", network.inputs,
                " tensors; this program looks at networks of one input");
  });
  Seen seen;
  if (options.image.empty()) {
    look_somehow(network, options.shape, seen);
  } else {
    require(options.shape.empty(), "--image tells the shape; leave --shape out");
    Reader reader(network, {}, {});
    look(network, reader.read({options.image}).front().parts.front(), seen);
  }
  const std::string layer = !options.layer.empty() ? options.layer : last_dense(seen).value_or("");
  if (!layer.empty()) (void)layer_in(network, layer);
  Json json{{"model", network.name},
            {"parameters", network.parameters},
            {"dtype", c10::toString(network.dtype)},
            {"input", seen.x.sizes().vec()},
            {"output", seen.output.sizes().vec()}};
  json["layers"] = Json::array();
  for (const Module& module : network.modules) {
    const auto found = seen.taps.shapes.find(module.path);
    json["layers"].push_back({{"path", module.path}, {"kind", module.kind}, {"calls", module.calls}});
    json["layers"].back()["output"] = found == seen.taps.shapes.end() ? Json(nullptr) : Json(found->second);
  }
  json["operators"] = Json::array();
  for (const lm::trace::Operation& op : seen.operations) {
    const lm::Tensors results = lm::trace::tensors_in(op.results);
    json["operators"].push_back({{"operator", op.kind + ":" + std::to_string(op.nth)}, {"name", op.name}});
    json["operators"].back()["output"] =
        results.empty() ? Json(nullptr) : Json(results.front().sizes().vec());
  }
  json["receptive_fields"] = receptive_fields(network.model, seen.x, !options.image.empty());
  json["layer_tried"] = layer;
  json["methods"] = Json::array();
  const lm::TerminalBar bar;
  for (const Entry& entry : methods()) {
    bar(entry.name, static_cast<std::int64_t>(json["methods"].size()),
        static_cast<std::int64_t>(methods().size()));
    const std::string why = refusal(entry, network, seen, layer);
    json["methods"].push_back({{"name", entry.name}, {"covers", why.empty()}});
    if (!why.empty()) json["methods"].back()["why_not"] = why;
  }
  bar("", 1, 1);
  return json;
}

void print(const Json& json) {
  const auto words = [](const Json& value) { return value.get<std::string>(); };
  std::printf("%s: %s parameters, %s\ninput %s, output %s\n\nlayers (--layer PATH)\n",
              words(json["model"]).c_str(), json["parameters"].dump().c_str(), words(json["dtype"]).c_str(),
              json["input"].dump().c_str(), json["output"].dump().c_str());
  for (const Json& layer : json["layers"]) {
    const std::string calls = layer["calls"] == 1 ? "" : "  called " + layer["calls"].dump() + " times";
    std::printf("  %-32s %-20s %s%s\n", words(layer["path"]).c_str(), words(layer["kind"]).c_str(),
                layer["output"].is_null() ? "" : layer["output"].dump().c_str(), calls.c_str());
  }
  std::printf("\noperators, as they run (--layer KIND:NUMBER)\n");
  for (const Json& op : json["operators"]) {
    std::printf("  %-32s %-32s %s\n", words(op["operator"]).c_str(), words(op["name"]).c_str(),
                op["output"].is_null() ? "" : op["output"].dump().c_str());
  }
  std::printf("\nreceptive fields of their middle pixels, in pixels of the input\n%s",
              lines_of_fields(json["receptive_fields"]).c_str());
  const std::string layer = words(json["layer_tried"]);
  std::printf("\nmethods%s\n", layer.empty() ? "" : (", those that need a layer at " + layer).c_str());
  for (const Json& method : json["methods"]) {
    const bool covers = method["covers"].get<bool>();
    std::printf("  %-32s %s\n", words(method["name"]).c_str(),
                covers ? "yes" : words(method["why_not"]).c_str());
  }
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(
      "inspect", "Shows a network's layers, operators, shapes, and which methods cover it");
  command.add_option("-m,--model,model", options->load.model, "TorchScript file");
  command.add_option("--net", options->load.net,
                     "in place of it: one of the library's networks, such as unet");
  command.add_option("--weights", options->load.weights,
                     "of --net: a .pth or safetensors file, or a checkpoint");
  command.add_option("--shape", options->shape, "of an input: 1,3,224,224 (default: a small one that runs)");
  command.add_option("--image", options->image,
                     "an input: receptive fields are then also measured on it, effective ones");
  command.add_option("--layer", options->layer,
                     "where methods that need one are tried (default: the last convolution)");
  command.add_option("--device", options->load.device, "cpu, cuda, cuda:1")->capture_default_str();
  command.add_option("--dtype", options->load.dtype, "float32 or float64 (default: as in the file)");
  command.add_option("--part", options->load.part, "of the output, if it is no tensor: out, logits, 0");
  command.add_flag("--json", options->json, "as JSON");
  command.callback([options] {
    const Json json = inspected(*options);
    options->json ? (void)std::printf("%s\n", json.dump(2).c_str()) : print(json);
  });
}

}  // namespace cli
