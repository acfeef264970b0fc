// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/target/any.hpp>

namespace lumen::target {

/// How a question is put: gives the scores [N] of an output, by asking the target.
using Ask = std::function<Tensor(const AnyTarget& target, const Tensor& output)>;

namespace detail {

struct Asked {
  AnyTarget target;
  Ask ask;
  Tensor operator()(const Tensor& output) const { return ask(target, output); }
  [[nodiscard]] Asked freeze(const Tensor& output) const {
    const at::NoGradGuard no_grad;
    return {target.freeze(output), ask};
  }
};

struct AskedRows : Asked {
  [[nodiscard]] AskedRows freeze(const Tensor& output) const { return {Asked::freeze(output)}; }
  [[nodiscard]] AskedRows rows(const Tensor& index) const {
    return {{Asked::target.rows(index, 0), Asked::ask}};
  }
};

}  // namespace detail

/// `target` with its abilities, every question of which is put by `ask`: for what must hear of it. It is frozen without
/// a graph.
/// @param whole  not of single rows, though the target could be
[[nodiscard]] inline AnyTarget asked(const AnyTarget& target, Ask ask, bool whole = false) {
  if (!target.row_wise() || whole) return detail::Asked{target, std::move(ask)};
  return detail::AskedRows{{target, std::move(ask)}};
}

}  // namespace lumen::target
