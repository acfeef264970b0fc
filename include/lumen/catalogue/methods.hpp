// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include <lumen/catalogue/ablations.hpp>
#include <lumen/catalogue/cams.hpp>
#include <lumen/catalogue/coalitions.hpp>
#include <lumen/catalogue/deep_lift.hpp>
#include <lumen/catalogue/entry.hpp>
#include <lumen/catalogue/gradients.hpp>
#include <lumen/catalogue/layers.hpp>
#include <lumen/catalogue/masked_cams.hpp>
#include <lumen/catalogue/masks.hpp>
#include <lumen/catalogue/paths.hpp>
#include <lumen/catalogue/relevance.hpp>
#include <lumen/catalogue/smooth.hpp>
#include <lumen/core/error.hpp>

namespace lumen::catalogue {

namespace detail {

inline std::string plain_name(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace detail

/// The entry of that name in a list; case and hyphens do not matter. @throws Error that lists the names
[[nodiscard]] inline const Entry& find(const std::vector<Entry>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Entry& entry) {
    return detail::plain_name(entry.name) == detail::plain_name(name);
  });
  if (found != all.end()) return *found;
  std::string known;
  for (const Entry& entry : all) append(known, ',', " " + entry.name);
  throw Error(text("there is no method '", name, "'; there are:", known));
}

/// The one list of methods, in the order in which programs show them: the command line, `inspect`, reports, tests and
/// benchmarks read it. This header takes long to compile: one source of a program includes it.
[[nodiscard]] inline const std::vector<Entry>& methods() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> entries;
    add_gradients(entries);
    add_paths(entries);
    add_expectations(entries);
    add_deep_lift(entries);
    add_relevance(entries);
    add_cams(entries);
    add_masked_cams(entries);
    add_layers(entries);
    add_ablations(entries);
    add_coalitions(entries);
    add_masks(entries);
    add_smooth(entries, [](const std::string& name) -> const Entry& { return find(methods(), name); });
    return entries;
  }();
  return all;
}

}  // namespace lumen::catalogue
