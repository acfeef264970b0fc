// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/influence/rows.hpp>

#include "support/allclose.hpp"

/// Streams of rows, gathered and compared.
namespace lumen::testing {

/// All rows as one tensor [P, C, H, W] a target, by place.
template <class M>
std::vector<Tensor> gathered(M&& net, const Tensor& x, const influence::Outputs& outputs,
                             const Targets& targets, const influence::Options& options = {},
                             influence::Report* report = nullptr) {
  std::vector<std::vector<std::pair<std::int64_t, Tensor>>> found(targets.size());
  std::vector<std::int64_t> next(targets.size(), 0);
  const auto result = influence::rows(
      net, x, outputs, targets,
      [&](const influence::RowChunk& chunk) {
        DOCTEST_CHECK(chunk.first == next[chunk.target]);
        next[chunk.target] += chunk.size();
        const Tensor dense = chunk.dense();
        for (std::int64_t b = 0; b < chunk.size(); ++b)
          found[chunk.target].emplace_back(chunk.index[b].item<std::int64_t>(), dense[b]);
      },
      options);
  if (report != nullptr) *report = result;
  std::vector<Tensor> all;
  for (auto& rows : found) {
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Tensor> values;
    for (const auto& row : rows) values.push_back(row.second);
    all.push_back(at::stack(values));
  }
  return all;
}

/// Rows as asked for against whole ones, relative to the largest element.
template <class M>
double row_error(M&& net, const Tensor& x, const influence::Outputs& outputs, const Targets& targets,
                 influence::Options options = {}, influence::Report* report = nullptr) {
  const auto rows = gathered(net, x, outputs, targets, options, report);
  options.way = influence::Way::Whole;
  const auto whole = gathered(net, x, outputs, targets, options);
  double error = 0.0;
  for (std::size_t t = 0; t < rows.size(); ++t) {
    error = std::max(error, max_error(rows[t], whole[t]) / whole[t].abs().max().template item<double>());
  }
  return error;
}

}  // namespace lumen::testing
