// SPDX-License-Identifier: BSD-3-Clause
#include "method.hpp"

#include <algorithm>
#include <cctype>

namespace cli {

namespace {

std::string plain(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace

const std::vector<Entry>& methods() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> entries;
    add_gradients(entries);
    add_paths(entries);
    add_expectations(entries);
    add_rules(entries);
    add_relevance(entries);
    add_cams(entries);
    add_masked_cams(entries);
    add_layers(entries);
    add_ablations(entries);
    add_smooth(entries);
    return entries;
  }();
  return all;
}

const Entry& method_named(const std::string& name) {
  const auto found = std::find_if(methods().begin(), methods().end(),
                                  [&](const Entry& entry) { return plain(entry.name) == plain(name); });
  if (found != methods().end()) return *found;
  std::string known;
  for (const Entry& entry : methods()) known += (known.empty() ? "" : ", ") + entry.name;
  throw Error(text("there is no method '", name, "'; there are: ", known));
}

std::string names_of(const std::vector<OptionInfo>& options) {
  std::string all;
  for (const OptionInfo& option : options) all += (all.empty() ? "" : ", ") + option.name;
  return all.empty() ? "none" : all;
}

}  // namespace cli
