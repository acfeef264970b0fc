// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include <lumen/catalogue/entry.hpp>

#include "words.hpp"

namespace cli {

using lm::catalogue::AnyBaseline;
using lm::catalogue::Choices;
using lm::catalogue::Entry;
using lm::catalogue::Explainer;
using lm::catalogue::LayerUse;
using lm::catalogue::Map;
using lm::catalogue::OptionInfo;
using lm::catalogue::Settings;

/// The library's list of methods.
[[nodiscard]] const std::vector<Entry>& methods();

/// By name; case and hyphens do not matter. @throws Error that lists the names
[[nodiscard]] const Entry& method_named(const std::string& name);

/// The method with its options. @throws Error in the words of the command line for what does not fit it
[[nodiscard]] Explainer prepared(const Entry& entry, const Choices& choices);

}  // namespace cli
