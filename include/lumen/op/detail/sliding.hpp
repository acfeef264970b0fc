// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <lumen/op/detail/subject.hpp>
#include <lumen/op/windows.hpp>

namespace lumen::op::detail {

/// What windows read along their d-th dimension.
inline Relation window_relation(const Windows& windows, std::size_t d, std::int64_t size,
                                std::int64_t result_size) {
  const auto taps = [&](std::int64_t place, const auto& tap) {
    for (std::int64_t k = 0; k < windows.kernel[d]; ++k) {
      tap(place * windows.stride[d] - windows.padding[d] + k * windows.dilation[d]);
    }
  };
  return windows.transposed ? Relation::of(result_size, size, taps).reversed()
                            : Relation::of(size, result_size, taps);
}

inline Geometry convolution(const Subject& subject) {
  const std::optional<Windows> windows = convolution_windows(subject.step);
  if (!windows || data(subject.step) != subject.operand || subject.sizes().size() != windows->dims() + 2 ||
      subject.result != 0) {
    return everything(subject);
  }
  return along(subject, [&](std::size_t d) {
    const std::int64_t size = subject.sizes()[d], result_size = subject.result_sizes()[d];
    if (d > 1) return by(window_relation(*windows, d - 2, size, result_size));
    if (windows->groups == 1) return all_of_it();
    const std::int64_t in = size / windows->groups, out = result_size / windows->groups;
    return by(Relation::ranges(
        size, result_size, [in, out](std::int64_t o) { return Interval{o / out * in, (o / out + 1) * in}; }));
  });
}

inline Geometry pool(const Subject& subject) {
  const std::optional<Windows> windows = pool_windows(subject.step);
  const std::size_t rank = subject.sizes().size();
  if (!windows || rank <= windows->dims()) return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (d < rank - windows->dims()) return straight();
    return by(window_relation(*windows, d - (rank - windows->dims()), subject.sizes()[d],
                              subject.result_sizes()[d]));
  });
}

/// Windows that share out the operand's places evenly.
inline Geometry adaptive_pool(const Subject& subject) {
  const std::string_view name = bare_name(subject.step);
  const auto dims = static_cast<std::size_t>(name[name.size() - 2] - '0');
  const std::size_t rank = subject.sizes().size();
  if (rank <= dims) return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (d < rank - dims) return straight();
    const std::int64_t size = subject.sizes()[d], result_size = subject.result_sizes()[d];
    return by(Relation::ranges(size, result_size, [=](std::int64_t o) {
      return Interval{o * size / result_size, ((o + 1) * size + result_size - 1) / result_size};
    }));
  });
}

/// Where places of a resized dimension lie on the original, as LibTorch computes it: in single or double precision,
/// contracted or not, so that a place that rounding decides is read both ways.
struct Resizing {
  bool align_corners = false, antialias = false;
  double scale = 1.0;      ///< places of the operand for one of the result
  double tolerance = 0.0;  ///< of a position, for one of size 1

  /// The position of the centre of a result's place among the operand's.
  [[nodiscard]] double centre(std::int64_t o) const {
    const auto place = static_cast<double>(o);
    return align_corners ? place * scale : (place + 0.5) * scale - 0.5;
  }
  [[nodiscard]] double slack(double position) const { return tolerance * (std::abs(position) + 1.0); }
};

/// Of the d-th of the resized dimensions.
inline Resizing resizing(const Subject& subject, std::size_t d, std::size_t dims, std::int64_t size,
                         std::int64_t result_size) {
  Resizing found{.align_corners = subject.flag("align_corners"),
                 .antialias = bare_name(subject.step).ends_with("_aa")};
  const bool wide = subject.step.operands[subject.operand].dtype == at::kDouble;
  found.tolerance =
      4.0 * (wide ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon());
  found.scale = static_cast<double>(size) / static_cast<double>(result_size);
  const char* const names[] = {"scales_d", "scales_h", "scales_w"};
  c10::IValue given = subject.argument(dims == 1 ? "scales" : names[3 - dims + d]);
  if (given.isNone() && subject.argument("scale_factors").isDoubleList()) {
    given = subject.argument("scale_factors").toDoubleVector()[d];
  }
  if (given.isDouble() && given.toDouble() > 0) found.scale = 1.0 / given.toDouble();
  if (found.align_corners) {
    found.scale =
        result_size > 1 ? static_cast<double>(size - 1) / static_cast<double>(result_size - 1) : 0.0;
  }
  return found;
}

inline Interval within(double first, double last, std::int64_t size) {
  const auto place = [size](double at) {
    return std::clamp(static_cast<std::int64_t>(std::floor(at)), std::int64_t{0}, size - 1);
  };
  return {place(first), place(last) + 1};
}

/// The copied place.
inline Interval nearest(const Resizing& by, bool exact, std::int64_t o, std::int64_t size,
                        std::int64_t result_size) {
  const double offset = exact ? 0.5 : 0.0, wide = (static_cast<double>(o) + offset) * by.scale;
  const double narrow = (static_cast<float>(o) + static_cast<float>(offset)) * static_cast<float>(by.scale);
  Interval found = within(std::min(wide, narrow), std::max(wide, narrow), size);
  // some of its kernels copy as if the scale were that of the sizes
  if (size == result_size) found = hull(found, {o, o + 1});
  if (size * 2 == result_size) found = hull(found, {o / 2, o / 2 + 1});
  return found;
}

/// The places around the centre: 1 on each side for linear, 2 for cubic interpolation.
inline Interval interpolated(const Resizing& by, double reach, std::int64_t o, std::int64_t size) {
  if (by.antialias) {
    const double centre = (static_cast<double>(o) + 0.5) * by.scale,
                 support = reach * std::max(by.scale, 1.0);
    return within(centre - support - 0.5, centre + support + 0.5, size);
  }
  double centre = by.centre(o);
  if (reach == 1.0) centre = std::max(centre, 0.0);
  const double slack = by.slack(centre);
  return within(centre - slack - (reach - 1.0), centre + slack + reach, size);
}

inline Geometry upsample(const Subject& subject) {
  const std::string_view name = bare_name(subject.step);
  const auto dims = static_cast<std::size_t>(name[name.find_first_of("123")] - '0');
  const std::size_t rank = subject.sizes().size();
  // antialiased with aligned corners, versions of LibTorch read different places
  if (rank != dims + 2 || (name.ends_with("_aa") && subject.flag("align_corners")))
    return everything(subject);
  const bool copies = name.find("nearest") != std::string_view::npos;
  const bool exact = name.find("exact") != std::string_view::npos;
  const double reach = name.find("bicubic") != std::string_view::npos ? 2.0 : 1.0;
  return along(subject, [&](std::size_t d) {
    if (d < 2) return straight();
    const std::int64_t size = subject.sizes()[d], result_size = subject.result_sizes()[d];
    const Resizing how = resizing(subject, d - 2, dims, size, result_size);
    if (size == result_size && how.scale == 1.0) return straight();
    return by(Relation::ranges(size, result_size, [&](std::int64_t o) {
      return copies ? nearest(how, exact, o, size, result_size) : interpolated(how, reach, o, size);
    }));
  });
}

}  // namespace lumen::op::detail
