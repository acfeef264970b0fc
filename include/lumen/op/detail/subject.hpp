// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/op/geometry.hpp>
#include <lumen/op/roles.hpp>

namespace lumen::op::detail {

using Sizes = std::vector<std::int64_t>;

/// An operand of a step and a result, whose geometry is asked.
struct Subject {
  const trace::Step& step;
  std::size_t operand, result;

  [[nodiscard]] const Sizes& sizes() const { return step.operands[operand].sizes; }
  [[nodiscard]] const Sizes& result_sizes() const { return step.result_sizes[result]; }
  [[nodiscard]] std::string_view name() const { return name_of(step, operand); }
  [[nodiscard]] c10::IValue argument(std::string_view called) const { return step.argument(called); }
  [[nodiscard]] std::int64_t number(std::string_view called, std::int64_t otherwise) const {
    const c10::IValue value = argument(called);
    return value.isInt() ? value.toInt() : otherwise;
  }
  [[nodiscard]] bool flag(std::string_view called) const {
    const c10::IValue value = argument(called);
    return value.isBool() && value.toBool();
  }
  /// An argument that is one number or a list of them; empty if there is none.
  [[nodiscard]] Sizes list(std::string_view called) const {
    const c10::IValue value = argument(called);
    if (value.isInt()) return {value.toInt()};
    return value.isIntList() ? value.toIntVector() : Sizes{};
  }
  /// Whether operand and result have as many dimensions and as many rows.
  [[nodiscard]] bool aligned() const {
    return !sizes().empty() && sizes().size() == result_sizes().size() && sizes()[0] == result_sizes()[0];
  }
};

inline Sizes without_batch(const Sizes& sizes) {
  return sizes.empty() ? Sizes{} : Sizes(sizes.begin() + 1, sizes.end());
}

/// A dimension of so many, counted from the end if negative.
inline std::int64_t wrapped(std::int64_t dim, std::size_t rank) {
  return dim < 0 ? dim + static_cast<std::int64_t>(rank) : dim;
}

inline Geometry everything(const Subject& subject) {
  return {.sizes = without_batch(subject.sizes()), .result_sizes = without_batch(subject.result_sizes())};
}

inline Geometry unread(const Subject& subject) {
  Geometry geometry = everything(subject);
  geometry.local = true, geometry.read = false;
  return geometry;
}

/// A stage from the operand to the result that links nothing yet.
inline Stage bare_stage(const Subject& subject) {
  return {.sizes = without_batch(subject.sizes()), .result_sizes = without_batch(subject.result_sizes())};
}

inline Geometry local(const Subject& subject, std::vector<Stage> stages) {
  Geometry geometry = everything(subject);
  geometry.local = true;
  geometry.stages = std::move(stages);
  return geometry;
}

/// Place by place, but along the dimensions (batch included in the count) that `relation(dim)` says something of:
/// nullopt follows place by place, an empty Link means that all of it is read.
template <class Choose>
Geometry along(const Subject& subject, const Choose& choose) {
  if (!subject.aligned()) return everything(subject);
  Stage stage = bare_stage(subject);
  for (std::size_t d = 1; d < subject.sizes().size(); ++d) {
    const std::optional<std::optional<Relation>> chosen = choose(d);
    if (chosen && !*chosen) continue;
    if (!chosen && subject.sizes()[d] != subject.result_sizes()[d]) return everything(subject);
    stage.links.push_back(
        {.dim = d - 1, .result_dim = d - 1, .relation = chosen ? *chosen : std::optional<Relation>()});
  }
  return local(subject, {std::move(stage)});
}

/// What `along` is told of a dimension.
using Choice = std::optional<std::optional<Relation>>;
inline Choice straight() { return std::nullopt; }
inline Choice all_of_it() { return std::optional<Relation>(); }
inline Choice by(Relation relation) { return std::optional<Relation>(std::move(relation)); }

}  // namespace lumen::op::detail
