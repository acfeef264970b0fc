// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <lumen/rule/lrp/rules.hpp>

/// Which normalisations are taken together with a weighted neighbour.
namespace lumen::rule::lrp {

namespace detail {

/// The input of a weighted operator that its one value on the path is; and its weight's position, the other of the
/// two factors. addmm and baddbmm begin with what they add.
inline std::pair<std::size_t, std::size_t> factors(const Record& record) {
  const std::size_t first = trace::data_position(record.kind);
  return record.on_path[first] ? std::pair{first, first + 1} : std::pair{first + 1, first};
}

/// Whether an operator's channels are dimension 1 of its output, and its weight is the second factor.
inline bool has_channels(const Record& record) {
  if (!is_weighted(record) || record.kind == "einsum") return false;
  const auto [data, weight] = factors(record);
  if (data > weight || !record.on_path[data]) return false;
  if (record.kind.starts_with("conv")) return true;
  return !record.outputs.empty() && record.outputs.front().dim() == 2 && record.inputs[weight].dim() == 2;
}

/// Whether weights can take in a neighbour; what passes relevance on as it is has none.
inline bool takes_in(const Record& record) {
  return record.rule && record.rule.target<Pass>() == nullptr && has_channels(record);
}

}  // namespace detail

/// Decides for every normalisation by fixed statistics whose rule is a BatchNorm: into the weighted operator whose
/// only use it is; else, if a weighted operator is its only use, into that one; else it has a rule of its own. One by
/// the batch's statistics is left to its rule, which refuses it. `Composite::prepare` of LRP.
/// @param records  of one pass, in order, before any rule has run
inline void merge_norms(const std::vector<std::shared_ptr<Record>>& records) {
  std::unordered_map<const Record*, Record*> own;
  std::vector<Record*> norms;
  for (const std::shared_ptr<Record>& each : records) {
    own.emplace(each.get(), each.get());
    const auto* rule = each->rule.target<BatchNorm>();
    if (rule == nullptr) continue;
    each->absorbed = false;
    if (rule->merge && batch_statistics(*each).empty()) norms.push_back(each.get());
  }
  const auto before = [&](const Record& record) {
    const auto found = own.find(record.producers[record.data()].get());
    const bool alone = found != own.end() && found->second->consumers == 1;
    return alone ? found->second : nullptr;
  };
  for (Record* norm : norms) {
    Record* weighted = before(*norm);
    if (weighted == nullptr || !weighted->rule || !detail::has_channels(*weighted)) continue;
    weighted->norm_after = detail::channel_map(*norm);
    norm->absorbed = true;
  }
  const std::unordered_set<const Record*> merging(norms.begin(), norms.end());
  for (const std::shared_ptr<Record>& weighted : records) {
    if (!detail::takes_in(*weighted)) continue;
    Record* norm = before(*weighted);
    if (norm == nullptr || !merging.contains(norm) || *norm->absorbed) continue;
    weighted->norm_before = detail::channel_map(*norm);
    norm->absorbed = true;
  }
}

}  // namespace lumen::rule::lrp
