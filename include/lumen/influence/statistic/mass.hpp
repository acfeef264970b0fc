// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/tensor.hpp>
#include <lumen/influence/detail/each_row.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

// Each gives one number a row, [B], in units of the gradient. Sums are taken in float64.

/// The sum of what raises the score: the values above 0.
struct PositiveMass {
  Tensor operator()(const Windows& rows) const {
    return rows.values().clamp_min(0).sum({1, 2}, false, at::kDouble).cpu();
  }
};

/// The sum of the magnitudes of what lowers it: >= 0.
struct NegativeMass {
  Tensor operator()(const Windows& rows) const {
    return rows.values().clamp_max(0).sum({1, 2}, false, at::kDouble).neg().cpu();
  }
};

/// The sum of the magnitudes: positive and negative mass.
struct Mass {
  Tensor operator()(const Windows& rows) const {
    return rows.magnitudes().sum({1, 2}, false, at::kDouble).cpu();
  }
};

/// The sum of the values: positive less negative mass.
struct NetMass {
  Tensor operator()(const Windows& rows) const { return rows.values().sum({1, 2}, false, at::kDouble).cpu(); }
};

/// The sum of the squares. On the CPU.
struct Energy {
  Tensor operator()(const Windows& rows) const {
    Tensor result = at::zeros({rows.count()}, at::kDouble);
    auto* out = result.data_ptr<double>();
    detail::for_each_row(rows, [&](const auto& values, std::int64_t b) {
      double sum = 0;
      for (const auto value : values) sum += static_cast<double>(value) * static_cast<double>(value);
      out[b] = sum;
    });
    return result;
  }
};

/// The largest value, with its sign; of the whole image, so not below 0 where the window leaves pixels out.
struct Highest {
  Tensor operator()(const Windows& rows) const { return rows.extremes().first; }
};

/// The smallest value.
struct Lowest {
  Tensor operator()(const Windows& rows) const { return rows.extremes().second; }
};

/// The largest magnitude.
struct Peak {
  Tensor operator()(const Windows& rows) const {
    return at::maximum(rows.extremes().first.abs(), rows.extremes().second.abs());
  }
};

}  // namespace lumen::influence
