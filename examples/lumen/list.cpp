// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <memory>

#include "command.hpp"
#include "summary.hpp"

namespace cli {

namespace {

struct Options {
  std::string name{};
  bool json = false;
};

const char* words_of(LayerUse use) {
  return use == LayerUse::Required ? "required" : use == LayerUse::Optional ? "optional" : "none";
}

Json json_of(const Entry& entry) {
  Json json{{"name", entry.name},
            {"what", entry.what},
            {"paper", entry.paper},
            {"gradients", entry.traits.gradients},
            {"layer", words_of(entry.traits.layer)}};
  json["baseline"] = entry.baseline.empty() ? Json(nullptr) : Json(entry.baseline);
  json["options"] = Json::array();
  for (const OptionInfo& option : entry.options) {
    json["options"].push_back({{"name", option.name},
                               {"type", option.type},
                               {"default", option.value},
                               {"range", option.range},
                               {"what", option.what}});
  }
  return json;
}

void print(const Entry& entry) {
  std::printf("%-28s %s (%s)\n", entry.name.c_str(), entry.what.c_str(), entry.paper.c_str());
  if (entry.traits.layer == LayerUse::Required) std::printf("    --layer LAYER              required\n");
  if (!entry.baseline.empty()) std::printf("    --baseline %s\n", entry.baseline.c_str());
  for (const OptionInfo& option : entry.options) {
    const std::string setting = option.name + "=" + (option.value.empty() ? option.type : option.value);
    const std::string range = option.range.empty() ? "" : " " + option.range;
    std::printf("    --set %-22s %s (%s%s)\n", setting.c_str(), option.what.c_str(), option.type.c_str(),
                range.c_str());
  }
}

void list(const Options& options) {
  Json all = Json::array();
  if (!options.name.empty()) {
    const Entry& entry = method_named(options.name);
    options.json ? all.push_back(json_of(entry)) : print(entry);
  } else {
    for (const Entry& entry : methods()) options.json ? all.push_back(json_of(entry)) : print(entry);
  }
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
}

}  // namespace

void add_methods(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("methods", "Lists the methods, their options and defaults");
  command.add_option("name", options->name, "only this one");
  command.add_flag("--json", options->json, "as JSON");
  command.callback([options] { list(*options); });
}

}  // namespace cli
