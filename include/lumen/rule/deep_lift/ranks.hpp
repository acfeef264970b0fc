// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/rule/deep_lift/maxima.hpp>

namespace lumen::rule::detail {

/// Which places of a row put in order an operator gives: `count` from `first`, the largest first or the smallest.
struct Places {
  std::int64_t dim = 0, first = 0, count = 1;
  bool largest = false;
  bool whole = false;  ///< the row is all values of the tensor
};

inline Places places_of(const Record& record) {
  const Tensor& x = record.inputs.front();
  const auto on = [&](const char* name) {
    const c10::IValue flag = record.argument(name);
    return flag.isBool() && flag.toBool();
  };
  Places places;
  const c10::IValue dim = record.argument("dim");
  places.whole = !dim.isInt();
  places.dim = places.whole || x.dim() == 0 ? 0 : (dim.toInt() + x.dim()) % x.dim();
  const std::int64_t n = places.whole ? x.numel() : x.size(places.dim);
  if (record.kind == "topk") {
    places.count = record.argument("k").toInt();
    places.largest = on("largest");
  } else if (record.kind == "sort") {
    places.count = n;
    places.largest = on("descending");
  } else if (record.kind == "kthvalue") {
    places.first = record.argument("k").toInt() - 1;
  } else {
    places.first = (n - 1) / 2;
  }
  return places;
}

/// The values at given places when a row is put in order: sort, topk, kthvalue, median. They move with their elements
/// where the order is the same in both passes. Where it is not: if the value at place r rose by Dy, at least one of
/// the r elements that are largest in the pass of x was no larger than it in that of x', and so moved at least as far;
/// that gets all of Dy. If it fell, the same with the passes exchanged.
inline Tensors ranked(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const Tensor& x = record.inputs.front();
  const Places places = places_of(record);
  const auto rows = [&](const Tensor& t) {
    return places.whole ? t.reshape({-1}) : t.movedim(places.dim, -1);
  };
  const double sign = places.largest ? 1.0 : -1.0;
  const Tensor at = rows(x), before = rows(origin.inputs.front());
  const auto [value, index] = (at * sign).sort(-1, /*descending=*/true);
  const auto [value0, index0] = (before * sign).sort(-1, /*descending=*/true);
  const Tensor rank = index.argsort(-1, false), rank0 = index0.argsort(-1, false), v = at * sign,
               v0 = before * sign;
  Tensors chosen;
  for (std::int64_t place = places.first; place < places.first + places.count; ++place) {
    const auto here = [place](const Tensor& t) { return t.narrow(-1, place, 1); };
    const Tensor rose = (rank <= place).logical_and(v0 <= here(value0));
    const Tensor fell = (rank0 <= place).logical_and(v <= here(value));
    const Tensor may = at::where(here(value) >= here(value0), rose, fell).to(at::kLong);
    const Tensor preferred = 1 + 2 * (rank == place).to(at::kLong) + (rank0 == place).to(at::kLong);
    chosen.push_back((may * preferred).argmax(-1, /*keepdim=*/true));
  }
  const Tensor taken = at::cat(chosen, -1);
  const auto window = [&](const Tensor& t) { return t.narrow(-1, places.first, places.count); };
  const Tensor change = (window(value) - window(value0)) * sign;
  Tensor flow = gradients.front();
  const bool kept = !places.whole && flow.dim() == x.dim();
  flow = kept ? flow.movedim(places.dim, -1) : flow.unsqueeze(-1);
  const Tensor shared = share_chosen(at, before, change, taken, passes.epsilon, flow);
  return only(record, 0, places.whole ? shared.reshape(x.sizes()) : shared.movedim(-1, places.dim));
}

/// What is known for those; the order of `topk` without sorting is not.
inline DeepLiftChoice rank_choice(const Record& record) {
  if (!kinds::ranks.contains(record.kind)) return std::nullopt;
  const c10::IValue sorted = record.argument("sorted");
  if (record.kind == "topk" && sorted.isBool() && !sorted.toBool()) return std::nullopt;
  return ranked;
}

}  // namespace lumen::rule::detail
