// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <lumen/rule/composite.hpp>

namespace lumen::rule::lrp {

/// How the relevance of a product of two values on the path is shared, [0, 1] each, 1 in all.
///
/// Arras, Arjona-Medina, Widrich, Montavon, Gillhofer, Müller, Hochreiter and Samek, "Explaining and Interpreting
/// LSTMs", 2019, arXiv:1909.12114, section 4.2: the gate decides how much passes, the signal is what passes, and
/// takes all. Which one is the gate is told by where it came from: a softmax, sigmoid or hard sigmoid before a tanh
/// or erf, these before a clipped value, and that before anything else, seen through moves, constant factors and
/// constant summands. Of a quotient the dividend takes all. Where neither is more of a gate, each takes half.
struct Shares {
  double first = 0.5, second = 0.5;
};

namespace detail {

/// How much of a gate a value is, by the operator that gave it.
inline int gate_rank(std::shared_ptr<const Record> record) {
  static const std::map<std::string, int> ranks{{"softmax", 3},  {"sigmoid", 3}, {"hardsigmoid", 3},
                                                {"tanh", 2},     {"erf", 2},     {"relu6", 1},
                                                {"hardtanh", 1}, {"clamp", 1}};
  static const Kinds seen_through = kinds::moves | kinds::dropouts | kinds::products | kinds::sums;
  while (record) {
    if (const auto found = ranks.find(record->kind); found != ranks.end()) return found->second;
    if (!seen_through.contains(record->kind)) return 0;
    const std::size_t data = record->data();
    if (record->paths() != 1) return 0;
    record = record->producers[data];
  }
  return 0;
}

}  // namespace detail

/// Of the inputs at these two positions.
[[nodiscard]] inline Shares shares(const Record& record, std::size_t first, std::size_t second) {
  const bool on_first = record.on_path[first], on_second = record.on_path[second];
  if (on_first != on_second) return {on_first ? 1.0 : 0.0, on_second ? 1.0 : 0.0};
  if (record.kind == "div") return {1.0, 0.0};
  const int a = detail::gate_rank(record.producers[first]), b = detail::gate_rank(record.producers[second]);
  if (a == b) return {};
  return a > b ? Shares{0.0, 1.0} : Shares{1.0, 0.0};
}

}  // namespace lumen::rule::lrp
