// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/Dispatch.h>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/patches.hpp>

namespace lumen::op::local {

/// What a plane [H, W, C] holds in patches: [B, C, h, w], zero outside the plane.
inline Tensor crops_of(const Tensor& plane, const Patches& patches) {
  const std::int64_t height = plane.size(0), width = plane.size(1), channels = plane.size(2);
  const std::int64_t b = patches.size(), h = patches.height(), w = patches.width();
  const auto places = [](const std::vector<std::int64_t>& begin, std::int64_t extent) {
    return at::tensor(begin, at::kLong).unsqueeze(1) + at::arange(extent, at::kLong);
  };
  const Tensor rows = places(patches.rows, h), columns = places(patches.columns, w);
  const Tensor at =
      (rows.clamp(0, height - 1).unsqueeze(2) * width + columns.clamp(0, width - 1).unsqueeze(1));
  Tensor result = plane.reshape({height * width, channels})
                      .index_select(0, at.reshape({-1}).to(plane.device()))
                      .view({b, h, w, channels});
  const Tensor inside =
      (rows.ge(0) & rows.lt(height)).unsqueeze(2) & (columns.ge(0) & columns.lt(width)).unsqueeze(1);
  if (!inside.all().item<bool>()) {
    result.masked_fill_(inside.logical_not().unsqueeze(3).to(plane.device()), 0);
  }
  return result.permute({0, 3, 1, 2});
}

namespace detail {

/// out[i] = in[i] * factor[i]; the inner loop is of constant length, which every optimisation level vectorises.
template <class T>
void multiply(const T* in, const T* factor, T* out, std::int64_t count) {
  constexpr std::int64_t block = 16;
  std::int64_t i = 0;
  for (; i + block <= count; i += block) {
    T products[block];
    for (std::int64_t j = 0; j < block; ++j) products[j] = in[i + j] * factor[i + j];
    for (std::int64_t j = 0; j < block; ++j) out[i + j] = products[j];
  }
  for (; i < count; ++i) out[i] = in[i] * factor[i];
}

/// One window [h, w, C] of a plane [H, W, C], times `values`, of which each covers `down` rows and `right` columns:
/// [h / down, w / right, C]. Zero outside the plane.
template <class T>
void multiply_window(const T* values, const T* plane, T* out, std::int64_t channels, std::int64_t row,
                     std::int64_t column, std::int64_t h, std::int64_t w, std::int64_t height,
                     std::int64_t width, std::int64_t down, std::int64_t right) {
  const std::int64_t begin = std::clamp<std::int64_t>(-column, 0, w);
  const std::int64_t end = std::clamp<std::int64_t>(width - column, begin, w);
  const std::int64_t across = w / right;
  for (std::int64_t y = 0; y < h; ++y, out += w * channels) {
    if (row + y < 0 || row + y >= height) {
      std::fill(out, out + w * channels, T(0));
      continue;
    }
    std::fill(out, out + begin * channels, T(0));
    const T* factor = plane + ((row + y) * width + column) * channels;
    const T* given = values + y / down * across * channels;
    if (right == 1) {
      multiply(given + begin * channels, factor + begin * channels, out + begin * channels,
               (end - begin) * channels);
    } else {
      for (std::int64_t x = begin; x < end; ++x)
        multiply(given + x / right * channels, factor + x * channels, out + x * channels, channels);
    }
    std::fill(out + end * channels, out + w * channels, T(0));
  }
}

}  // namespace detail

/// The patches, each value repeated over `down` rows and `right` columns, times what a plane [H, W, C] holds there, zero
/// outside it.
inline Patches times_plane(Patches patches, const Tensor& plane, std::int64_t down = 1,
                           std::int64_t right = 1) {
  const auto type = patches.values.scalar_type();
  for (std::int64_t& row : patches.rows) row *= down;
  for (std::int64_t& column : patches.columns) column *= right;
  Tensor values = patches.values.permute({0, 2, 3, 1});  // [B, h, w, C]
  const std::int64_t b = values.size(0), channels = values.size(3);
  const std::int64_t h = values.size(1) * down, w = values.size(2) * right;
  const bool repeats = down * right > 1;
  if (!values.is_cpu() || (type != at::kFloat && type != at::kDouble) || plane.scalar_type() != type) {
    if (repeats) {
      values = values.unsqueeze(3).unsqueeze(2).expand({b, h / down, down, w / right, right, channels});
      values = values.contiguous().view({b, h, w, channels});
    }
    patches.values = values.permute({0, 3, 1, 2});
    patches.values = patches.values * crops_of(plane, patches);
  } else {
    values = values.contiguous();
    const bool reuse = !repeats && (patches.owned || !values.is_alias_of(patches.values));
    const Tensor out = reuse ? values : at::empty({b, h, w, channels}, values.options());
    AT_DISPATCH_FLOATING_TYPES(type, "times_plane", [&] {
      const auto* from = values.data_ptr<scalar_t>();
      auto* to = out.data_ptr<scalar_t>();
      for (std::size_t i = 0; i < patches.rows.size(); ++i) {
        detail::multiply_window(from, plane.data_ptr<scalar_t>(), to, channels, patches.rows[i],
                                patches.columns[i], h, w, plane.size(0), plane.size(1), down, right);
        from += h / down * (w / right) * channels;
        to += h * w * channels;
      }
    });
    patches.values = out.permute({0, 3, 1, 2});
  }
  patches.clean = true;
  patches.owned = true;
  return patches;
}

}  // namespace lumen::op::local
