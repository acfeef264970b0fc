// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lumen/op/detail/pointwise.hpp>
#include <lumen/op/windows.hpp>

namespace lumen::op::detail {

/// The dimensions that an operator names, batch included in the count; all if it names none.
inline std::vector<bool> named_dims(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  Sizes dims = subject.list("dim");
  std::vector<bool> named(rank, dims.empty());
  for (const std::int64_t each : dims) named[static_cast<std::size_t>(wrapped(each, rank))] = true;
  return named;
}

/// Sums, means, maxima, ... over the dimensions that are named.
inline Geometry reduction(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  if (rank == 0 || subject.argument("dim").isString()) return everything(subject);
  const bool pairwise = subject.step.position("other") >= 0;  // max(a, b)
  if (pairwise) return pointwise(subject);
  const std::vector<bool> gone = named_dims(subject);
  if (gone[0] || (subject.step.position("dim") < 0)) return everything(subject);
  const bool kept = subject.flag("keepdim");
  Stage stage = bare_stage(subject);
  std::size_t next = 0;
  for (std::size_t d = 1; d < rank; ++d) {
    if (!gone[d]) stage.links.push_back({.dim = d - 1, .result_dim = kept ? d - 1 : next});
    if (!gone[d]) ++next;
  }
  const std::size_t expected = kept ? rank : next + 1;
  if (subject.result_sizes().size() != expected || subject.sizes()[0] != subject.result_sizes()[0]) {
    return everything(subject);
  }
  return local(subject, {std::move(stage)});
}

/// Over all of the dimensions that are named, which stay: softmax, sort, topk.
inline Geometry over_rows(const Subject& subject) {
  if (subject.sizes().empty()) return everything(subject);
  const bool given = subject.argument("dim").isInt();
  const std::int64_t last = bare_name(subject.step) == "topk" || bare_name(subject.step) == "sort" ? -1 : 0;
  const auto dim = static_cast<std::size_t>(
      wrapped(given ? subject.argument("dim").toInt() : last, subject.sizes().size()));
  if (dim == 0) return everything(subject);
  return along(subject, [&](std::size_t d) { return d == dim ? all_of_it() : straight(); });
}

/// Over all places so far.
inline Geometry cumulative(const Subject& subject) {
  const c10::IValue dim = subject.argument("dim");
  if (!dim.isInt() || wrapped(dim.toInt(), subject.sizes().size()) == 0) return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (static_cast<std::int64_t>(d) != wrapped(dim.toInt(), subject.sizes().size())) return straight();
    return by(Relation::ranges(subject.sizes()[d], subject.result_sizes()[d],
                               [](std::int64_t o) { return Interval{0, o + 1}; }));
  });
}

/// Normalisation by a sample's own statistics: over its last dimensions, or over places and a group of channels.
inline Geometry layer_norm(const Subject& subject) {
  const std::size_t over = subject.list("normalized_shape").size(), rank = subject.sizes().size();
  if (data(subject.step) != subject.operand || over == 0 || over >= rank || subject.result != 0) {
    return everything(subject);
  }
  return along(subject, [&](std::size_t d) { return d >= rank - over ? all_of_it() : straight(); });
}

inline Geometry group_norm(const Subject& subject) {
  const std::int64_t groups = subject.number("num_groups", subject.number("group", 0));
  if (data(subject.step) != subject.operand || groups < 1 || subject.result != 0) return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (d > 1) return all_of_it();
    const std::int64_t size = subject.sizes()[1], of_each = size / groups;
    return by(Relation::ranges(size, size, [of_each](std::int64_t o) {
      return Interval{o / of_each * of_each, (o / of_each + 1) * of_each};
    }));
  });
}

inline Geometry instance_norm(const Subject& subject) {
  if (data(subject.step) != subject.operand) return everything(subject);
  if (!subject.flag("use_input_stats")) return broadcast(subject);
  return along(subject, [&](std::size_t d) { return d > 1 ? all_of_it() : straight(); });
}

/// Weighted sums over the last dimension.
inline Geometry linear(const Subject& subject) {
  if (data(subject.step) != subject.operand || subject.sizes().size() < 2) return everything(subject);
  const std::size_t last = subject.sizes().size() - 1;
  return along(subject, [&](std::size_t d) { return d == last ? all_of_it() : straight(); });
}

/// Products of matrices: rows of the first with columns of the second, for each of the dimensions before.
inline Geometry product(const Subject& subject) {
  const Roles all = roles(subject.step);
  const std::int64_t mine = subject.step.operands[subject.operand].argument;
  if (mine == all.bias) return broadcast(subject);
  const std::size_t rank = subject.sizes().size();
  if (rank < 2 || (mine != all.data && mine != all.weight)) return everything(subject);
  const std::size_t contracted = mine == all.data ? rank - 1 : rank - 2;
  const std::optional<std::size_t> other = operand_of(subject.step, mine == all.data ? all.weight : all.data);
  if (contracted == 0 || !other || subject.step.operands[*other].sizes.size() < 2) return everything(subject);
  return along(subject, [&](std::size_t d) -> Choice {
    const bool repeated = subject.sizes()[d] == 1 && subject.result_sizes()[d] != 1;
    return d == contracted || repeated ? all_of_it() : straight();
  });
}

/// Attention [N, ..., L, E]: a query's row reads all keys and values.
inline Geometry attention(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  const std::string_view name = subject.name();
  if (rank < 3 || subject.result != 0) return everything(subject);
  if (name != "query" && name != "key" && name != "value") return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (d == rank - 2) return name == "query" ? straight() : all_of_it();
    if (d == rank - 1) return name == "value" ? straight() : all_of_it();
    return straight();
  });
}

/// Sums of products by letters: a letter of the result's is followed, the others are read whole.
inline Geometry einsum(const Subject& subject) {
  if (!subject.argument("equation").isString()) return everything(subject);
  std::string equation = subject.argument("equation").toStringRef();
  std::erase_if(equation, [](unsigned char c) { return std::isspace(c) != 0; });
  const std::size_t arrow = equation.find("->");
  if (arrow == std::string::npos || equation.find('.') != std::string::npos) return everything(subject);
  const std::string to = equation.substr(arrow + 2);
  std::string from = equation.substr(0, arrow);
  for (std::size_t i = 0; i < subject.operand && from.find(',') != std::string::npos; ++i) {
    from.erase(0, from.find(',') + 1);
  }
  from = from.substr(0, from.find(','));
  const Sizes &sizes = subject.sizes(), &result_sizes = subject.result_sizes();
  if (from.size() != sizes.size() || to.size() != result_sizes.size() || to.empty() || from.empty()) {
    return everything(subject);
  }
  if (from[0] != to[0] || std::count(from.begin(), from.end(), to[0]) != 1 || sizes[0] != result_sizes[0]) {
    return everything(subject);
  }
  Stage stage = bare_stage(subject);
  for (std::size_t d = 1; d < from.size(); ++d) {
    const std::size_t goal = to.find(from[d]);
    if (goal == std::string::npos || sizes[d] != result_sizes[goal]) continue;
    stage.links.push_back({.dim = d - 1, .result_dim = goal - 1});
  }
  return local(subject, {std::move(stage)});
}

/// Values looked up at places that another operand gives.
inline Geometry grid_sampler(const Subject& subject) {
  if (!(subject.sizes().size() == subject.result_sizes().size() && subject.aligned()))
    return everything(subject);
  Stage stage = bare_stage(subject);
  if (subject.operand == 0) {
    stage.links.push_back({.dim = 0, .result_dim = 0});
  } else {
    for (std::size_t d = 0; d + 2 < subject.sizes().size(); ++d) {
      stage.links.push_back({.dim = d, .result_dim = d + 1});
    }
  }
  return local(subject, {std::move(stage)});
}

}  // namespace lumen::op::detail
