// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <lumen/op/needed.hpp>

#include "support/steps.hpp"

/// Which places of an operand which places of a result depend on, found by changing them one by one.
namespace lumen::testing {

using Operator = std::function<Tensors(const Tensors&)>;

/// [places of the operand's row, places of the result's row], both flat: whether the result changes with the operand.
/// The row is the last of the batch; no other row may change.
/// @param zeros_read  whether what is weighted by 0 counts, which a NaN there would pass
struct Dependence {
  Tensor touched;
  bool rows_apart = true;
};

inline Dependence dependence(const Operator& run, const Tensors& inputs, std::size_t which,
                             std::size_t result, bool zeros_read) {
  const at::NoGradGuard no_grad;
  const Tensor base = run(inputs)[result];
  const Tensor& x = inputs[which];
  const std::int64_t rows = x.size(0), places = x[0].numel();
  const bool batched = base.dim() > 0 && base.size(0) == rows;
  Dependence found;
  std::vector<Tensor> all;
  for (std::int64_t i = 0; i < places; ++i) {
    Tensor changed = at::zeros_like(base, at::kBool);
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), 1e6, -1e6}) {
      if (!zeros_read && std::isnan(value)) continue;
      Tensors other = inputs;
      other[which] = x.clone();
      other[which][rows - 1].view({-1})[i] = value;
      changed = changed.logical_or(run(other)[result] != base);
    }
    if (!batched) {
      found.rows_apart = false;
      return found;
    }
    if (rows > 1) found.rows_apart = found.rows_apart && !changed.narrow(0, 0, rows - 1).any().item<bool>();
    all.push_back(changed[rows - 1].reshape({-1}));
  }
  found.touched = at::stack(all);
  return found;
}

/// The smallest box that holds what is true, of a mask over a row.
inline Box hull_of(const Tensor& mask) {
  Box box;
  for (std::int64_t d = 0; d < mask.dim(); ++d) {
    Tensor line = mask.movedim(d, 0).reshape({mask.size(d), -1}).any(1).nonzero();
    if (line.numel() == 0) return Box(static_cast<std::size_t>(mask.dim()));
    box.push_back({line.min().item<std::int64_t>(), line.max().item<std::int64_t>() + 1});
  }
  return box;
}

inline Tensor mask_of(const Box& box, const std::vector<std::int64_t>& sizes) {
  Tensor mask = at::zeros(sizes, at::kBool), inside = mask;
  for (std::size_t d = 0; d < box.size(); ++d) {
    inside = inside.narrow(static_cast<std::int64_t>(d), box[d].begin, box[d].size());
  }
  inside.fill_(true);
  return mask;
}

inline std::string text_of(const Box& box) {
  std::string all;
  for (const Interval& each : box) all += text('[', each.begin, ", ", each.end, ") ");
  return all.empty() ? "()" : all;
}

inline Box random_box(const std::vector<std::int64_t>& sizes, std::mt19937_64& draw) {
  Box box;
  for (const std::int64_t size : sizes) {
    const auto place = [&] { return static_cast<std::int64_t>(draw() % static_cast<std::uint64_t>(size)); };
    const std::int64_t a = place(), b = draw() % 3 == 0 ? a : place();
    box.push_back({std::min(a, b), std::max(a, b) + 1});
  }
  return box;
}

inline bool same(const Box& a, const Box& b) { return (empty(a) && empty(b)) || a == b; }
inline bool holds_box(const Box& a, const Box& b) {
  if (empty(b)) return true;
  for (std::size_t d = 0; d < a.size(); ++d) {
    if (!a[d].contains(b[d])) return false;
  }
  return true;
}

/// What a geometry must be; `but_zeros`: it holds all that is read, where a weight of 0 reads nothing.
enum class Hold { Exactly, AtLeast, ButZeros };

/// Runs one operator and compares the geometry of each value among its operands, with each of the results that `run` gives, with what
/// depends on what, on random boxes. `local` is what all of them must be.
inline void check_geometry(const std::string& what, const Tensors& inputs, const Operator& run,
                           std::mt19937_64& draw, Hold hold = Hold::Exactly, bool local = true) {
  DOCTEST_CAPTURE(what);
  std::vector<trace::Step> steps = steps_of(inputs, [&] { return run(inputs); });
  std::erase_if(steps, [](const trace::Step& each) {
    return std::all_of(each.operands.begin(), each.operands.end(),
                       [](const trace::Operand& one) { return one.is_constant(); });
  });
  DOCTEST_REQUIRE(steps.size() == 1);
  const trace::Step& step = steps.front();
  const std::string name = step.op.schema().name();
  const std::size_t given = run(inputs).size();
  DOCTEST_CAPTURE(name);
  for (std::size_t o = 0; o < step.operands.size(); ++o) {
    const auto which = static_cast<std::size_t>(step.operands[o].value);
    if (step.operands[o].is_constant() || which >= inputs.size()) continue;
    DOCTEST_CAPTURE(o);
    for (std::size_t r = 0; r < given; ++r) {
      DOCTEST_CAPTURE(r);
      const op::Geometry geometry = op::geometry(step, o, r);
      DOCTEST_CHECK(geometry.local == local);
      if (!geometry.local) continue;
      const Dependence found = dependence(run, inputs, which, r, hold != Hold::ButZeros);
      DOCTEST_CHECK(found.rows_apart);
      if (!found.touched.defined()) continue;
      const std::vector<std::int64_t> sizes(inputs[which].sizes().begin() + 1, inputs[which].sizes().end());
      const std::vector<std::int64_t> result_sizes(step.result_sizes[r].begin() + 1,
                                                   step.result_sizes[r].end());
      for (int trial = 0; trial < 8; ++trial) {
        const Box out = random_box(result_sizes, draw), in = random_box(sizes, draw);
        const Box read = hull_of(
            found.touched.logical_and(mask_of(out, result_sizes).reshape({1, -1})).any(1).reshape(sizes));
        const Box touched = hull_of(
            found.touched.logical_and(mask_of(in, sizes).reshape({-1, 1})).any(0).reshape(result_sizes));
        const Box needed = geometry.needed(out), reached = geometry.reached(in);
        DOCTEST_INFO("result " << text_of(out) << " needs " << text_of(needed) << " reads " << text_of(read));
        DOCTEST_INFO("operand " << text_of(in) << " reaches " << text_of(reached) << " touches "
                                << text_of(touched));
        if (hold == Hold::Exactly) {
          DOCTEST_CHECK(same(needed, read));
          DOCTEST_CHECK(same(reached, touched));
        } else {
          DOCTEST_CHECK(holds_box(needed, read));
          DOCTEST_CHECK(holds_box(reached, touched));
        }
      }
    }
  }
}

inline Tensor values(std::vector<std::int64_t> sizes, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::kDouble);
}

/// One of first ... last.
inline std::int64_t pick(std::mt19937_64& draw, std::int64_t first, std::int64_t last) {
  return first + static_cast<std::int64_t>(draw() % static_cast<std::uint64_t>(last - first + 1));
}

}  // namespace lumen::testing
