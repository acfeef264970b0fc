// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <lumen/core/tensor.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence::detail {

/// f(values of row b, b) for every row, on the CPU, several rows at once: one row stays in cache where operators on all
/// rows would not.
template <class F>
void for_each_row(const Windows& rows, const F& f) {
  const Tensor& values = rows.on_cpu();
  const auto pixels = static_cast<std::size_t>(rows.height() * rows.width());
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "lumen_influence", [&] {
    const scalar_t* data = values.data_ptr<scalar_t>();
    at::parallel_for(0, rows.count(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b)
        f(std::span<const scalar_t>(data + static_cast<std::size_t>(b) * pixels, pixels), b);
    });
  });
}

}  // namespace lumen::influence::detail
