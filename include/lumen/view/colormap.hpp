// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/view/picture.hpp>

namespace lumen::view {

/// A scale of colours: equally spaced anchors, six hexadecimal digits each, and straight lines in sRGB
/// between them, cut into 256 steps as matplotlib does. Those below give matplotlib's bytes (3.11: at most 1
/// of 255 off, where it truncates and this rounds).
struct Colormap {
  std::string_view anchors = "000000ffffff";

  /// The colour at t, 0 at the low end and 1 at the high one, clamped; NaN must be handled before.
  [[nodiscard]] constexpr Rgb operator()(double t) const {
    const auto last = static_cast<double>(anchors.size() / 6 - 1);
    const double step = static_cast<double>(static_cast<int>(std::clamp(t * 256.0, 0.0, 255.0)));
    const double place = step / 255.0 * last;
    const auto low = static_cast<std::size_t>(place);
    const std::size_t high = std::min(low + 1, static_cast<std::size_t>(last));
    const double part = place - static_cast<double>(low);
    const auto mix = [&](std::size_t channel) {
      const double a = digit_pair(6 * low + 2 * channel), b = digit_pair(6 * high + 2 * channel);
      return static_cast<std::uint8_t>(a + (b - a) * part + 0.5);
    };
    return {mix(0), mix(1), mix(2)};
  }

  friend constexpr bool operator==(const Colormap&, const Colormap&) = default;

 private:
  [[nodiscard]] constexpr double digit_pair(std::size_t at) const {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    return 16 * digit(anchors[at]) + digit(anchors[at + 1]);
  }
};

/// The colour maps that ship. `rd_yl_gn` and `rd_bu` have a light middle, for maps with a sign; the others
/// run one way. ColorBrewer's are by Cynthia A. Brewer, Pennsylvania State University (Apache-2.0,
/// colorbrewer2.org); viridis by Nathaniel J. Smith and Stefan van der Walt (CC0).
namespace colormap {
inline constexpr Colormap gray{"000000ffffff"};
inline constexpr Colormap rd_yl_gn{"a50026d73027f46d43fdae61fee08bffffbfd9ef8ba6d96a66bd631a9850006837"};
inline constexpr Colormap rd_bu{"67001fb2182bd6604df4a582fddbc7f7f7f7d1e5f092c5de4393c32166ac053061"};
inline constexpr Colormap greens{"f7fcf5e5f5e0c7e9c0a1d99b74c47641ab5d238b45006d2c00441b"};
inline constexpr Colormap reds{"fff5f0fee0d2fcbba1fc9272fb6a4aef3b2ccb181da50f1567000d"};
inline constexpr Colormap blues{"f7fbffdeebf7c6dbef9ecae16baed64292c62171b508519c08306b"};
inline constexpr Colormap viridis{
    "44015444025645045745055946075a46085c460a5d460b5e470d60470e61471063471164471365481467481668481769"
    "48186a481a6c481b6d481c6e481d6f481f70482071482173482374482475482576482677482878482979472a7a472c7a"
    "472d7b472e7c472f7d46307e46327e46337f463480453581453781453882443983443a83443b84433d84433e85423f85"
    "4240864241864142874144874045884046883f47883f48893e49893e4a893e4c8a3d4d8a3d4e8a3c4f8a3c508b3b518b"
    "3b528b3a538b3a548c39558c39568c38588c38598c375a8c375b8d365c8d365d8d355e8d355f8d34608d34618d33628d"
    "33638d32648e32658e31668e31678e31688e30698e306a8e2f6b8e2f6c8e2e6d8e2e6e8e2e6f8e2d708e2d718e2c718e"
    "2c728e2c738e2b748e2b758e2a768e2a778e2a788e29798e297a8e297b8e287c8e287d8e277e8e277f8e27808e26818e"
    "26828e26828e25838e25848e25858e24868e24878e23888e23898e238a8d228b8d228c8d228d8d218e8d218f8d21908d"
    "21918c20928c20928c20938c1f948c1f958b1f968b1f978b1f988b1f998a1f9a8a1e9b8a1e9c891e9d891f9e891f9f88"
    "1fa0881fa1881fa1871fa28720a38620a48621a58521a68522a78522a88423a98324aa8325ab8225ac8226ad8127ad81"
    "28ae8029af7f2ab07f2cb17e2db27d2eb37c2fb47c31b57b32b67a34b67935b77937b87838b9773aba763bbb753dbc74"
    "3fbc7340bd7242be7144bf7046c06f48c16e4ac16d4cc26c4ec36b50c46a52c56954c56856c66758c7655ac8645cc863"
    "5ec96260ca6063cb5f65cb5e67cc5c69cd5b6ccd5a6ece5870cf5773d05675d05477d1537ad1517cd2507fd34e81d34d"
    "84d44b86d54989d5488bd6468ed64590d74393d74195d84098d83e9bd93c9dd93ba0da39a2da37a5db36a8db34aadc32"
    "addc30b0dd2fb2dd2db5de2bb8de29bade28bddf26c0df25c2df23c5e021c8e020cae11fcde11dd0e11cd2e21bd5e21a"
    "d8e219dae319dde318dfe318e2e418e5e419e7e419eae51aece51befe51cf1e51df4e61ef6e620f8e621fbe723fde725"};
}  // namespace colormap

/// What NaN is painted as: magenta, which no colour map here holds.
inline constexpr Rgb nan_color{255, 0, 255};

/// Its smallest and largest finite value; {0, 0} when there is none.
[[nodiscard]] inline Range min_max_range(const Tensor& map) {
  const Tensor all = plane(map), finite = all.masked_select(all.isfinite());
  if (finite.numel() == 0) return {0.0, 0.0};
  return {finite.min().item<double>(), finite.max().item<double>()};
}

/// The values at two percentiles of the finite values, linear between neighbours as numpy.percentile: a few
/// extreme pixels no longer decide the colours of all others. {0, 0} when there is no finite value.
/// @param low, high  percent, 0 <= low <= high <= 100
[[nodiscard]] inline Range percentile_range(const Tensor& map, double low = 1.0, double high = 99.0) {
  require(0.0 <= low && low <= high && high <= 100.0,
          "percentile_range: expected 0 <= low <= high <= 100 percent");
  const Tensor all = plane(map);
  const Tensor sorted = std::get<0>(all.masked_select(all.isfinite()).sort());
  if (sorted.numel() == 0) return {0.0, 0.0};
  const auto* values = sorted.data_ptr<double>();
  const auto at = [&](double percent) {
    const double place = percent / 100.0 * static_cast<double>(sorted.numel() - 1);
    const auto below = static_cast<std::int64_t>(place);
    const double next = values[std::min(below + 1, sorted.numel() - 1)];
    return values[below] + (next - values[below]) * (place - static_cast<double>(below));
  };
  return {at(low), at(high)};
}

/// [-m, m] for a map with a sign, so that zero has the middle colour: m is the given percentile of |map|.
/// @param percent  0..100; 100 is the largest magnitude
[[nodiscard]] inline Range symmetric_range(const Tensor& map, double percent = 100.0) {
  const double most = percentile_range(plane(map).abs(), 0.0, percent).high;
  return {-most, most};
}

/// The map in colours, uint8 [3, H, W]: the range's low end (and below) has the first colour, its high end
/// (and above) the last. On a range without width everything finite has the middle colour. NaN has `nan`.
/// @param map  [H, W], or with leading axes of length 1
/// @throws Error for other shapes, or a range that is not finite or runs backwards
[[nodiscard]] inline Tensor colorize(const Tensor& map, const Colormap& colors, Range range,
                                     Rgb nan = nan_color) {
  require(std::isfinite(range.low) && std::isfinite(range.high) && range.low <= range.high, [&] {
    return text("colorize: the range ", range.low, "..", range.high, " is not finite or runs backwards");
  });
  const Tensor values = plane(map);
  Tensor out = at::empty({3, values.size(0), values.size(1)}, at::kByte);
  const auto* from = values.data_ptr<double>();
  auto* to = out.data_ptr<std::uint8_t>();
  std::vector<Rgb> table(256);
  for (std::size_t i = 0; i < 256; ++i) table[i] = colors((static_cast<double>(i) + 0.5) / 256.0);
  const std::int64_t count = values.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = range.high > range.low ? (from[i] - range.low) / (range.high - range.low) : 0.5;
    const Rgb color =
        std::isnan(from[i]) ? nan : table[static_cast<std::size_t>(std::clamp(t * 256.0, 0.0, 255.0))];
    to[i] = color.red;
    to[count + i] = color.green;
    to[2 * count + i] = color.blue;
  }
  return out;
}

}  // namespace lumen::view
