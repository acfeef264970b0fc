// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/data/random.hpp>

namespace lumen::data::detail {

/// The square pictures of one synthetic image, row by row, into which tubes are drawn.
class VesselCanvas {
 public:
  VesselCanvas(std::int64_t size, Random& random)
      : size_(size), random_(random), label_(count(), 0), skeleton_(count(), 0), light_(count(), 0.0F) {}

  /// Grows one vessel from (row, column): a walk whose direction bends smoothly, in steps of half a pixel,
  /// that narrows slowly and branches by Murray's law (r^3 = r1^3 + r2^3) until it leaves the image or
  /// becomes too thin.
  void grow(double row, double column, double direction, double radius, double brightness, int generation) {
    const double extent = static_cast<double>(size_);
    const double reach = 128.0;  // vessels look the same in a larger picture
    const double thinnest = 0.9;
    double bend = 0.0;
    double until_branch = random_.uniform(0.15, 0.7) * reach;
    double left = random_.uniform(0.3, 1.1) * reach * (generation == 0 ? 2.0 : 1.0);
    const double fade =
        random_.chance(0.25) ? random_.uniform(0.2, 0.6) / left : 0.0;  // it leaves the focal plane
    std::vector<std::pair<std::int64_t, std::int64_t>> centre;
    for (; left > 0.0 && radius >= thinnest; left -= kStep) {
      bend = 0.95 * bend + 0.016 * random_.normal() / std::sqrt(radius);
      direction += bend * kStep;
      row += kStep * std::sin(direction);
      column += kStep * std::cos(direction);
      radius *= 1.0 - 0.0012 * kStep;
      brightness = std::max(0.15, brightness * (1.0 - fade * kStep));
      const double margin = radius + 2.0;
      if (row < -margin || column < -margin || row > extent + margin || column > extent + margin) break;
      stamp(row, column, radius * (1.0 + 0.08 * random_.normal()), brightness);
      extend(centre, std::llround(row), std::llround(column));
      until_branch -= kStep;
      if (until_branch <= 0.0 && generation < 3) {
        const double share = random_.uniform(0.25, 0.6);
        const double side = random_.chance(0.5) ? 1.0 : -1.0;
        grow(row, column, direction + side * random_.uniform(0.5, 1.2), radius * std::cbrt(share), brightness,
             generation + 1);
        radius *= std::cbrt(1.0 - share);
        direction -= side * random_.uniform(0.05, 0.35);
        until_branch = random_.uniform(0.15, 0.7) * reach;
      }
    }
    for (const auto& [r, c] : centre) mark(r, c);
  }

  /// The part of the picture that vessels cover.
  [[nodiscard]] double covered() const {
    return static_cast<double>(std::ranges::count(label_, 1)) / static_cast<double>(count());
  }

  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(size_ * size_); }
  [[nodiscard]] const std::vector<std::int64_t>& label() const { return label_; }
  [[nodiscard]] const std::vector<std::uint8_t>& skeleton() const { return skeleton_; }
  [[nodiscard]] std::vector<float>& light() { return light_; }

 private:
  static constexpr double kStep = 0.5;

  [[nodiscard]] bool inside(std::int64_t row, std::int64_t column) const {
    return row >= 0 && column >= 0 && row < size_ && column < size_;
  }
  [[nodiscard]] std::size_t at(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(row * size_ + column);
  }

  /// One slice of a tube filled with dye: its light is the length of the ray through it, its label the disc.
  void stamp(double row, double column, double radius, double brightness) {
    const double outer = std::max(radius, 0.9);
    const auto from = [&](double x) { return static_cast<std::int64_t>(std::floor(x - outer)); };
    const auto to = [&](double x) { return static_cast<std::int64_t>(std::ceil(x + outer)); };
    for (std::int64_t r = from(row); r <= to(row); ++r)
      for (std::int64_t c = from(column); c <= to(column); ++c) {
        if (!inside(r, c)) continue;
        const double dr = static_cast<double>(r) - row;
        const double dc = static_cast<double>(c) - column;
        const double square = (dr * dr + dc * dc) / (outer * outer);
        if (square > 1.0) continue;
        label_[at(r, c)] = 1;
        const auto ray = static_cast<float>(brightness * (0.25 + 0.75 * std::sqrt(1.0 - square)));
        light_[at(r, c)] = std::max(light_[at(r, c)], ray);
      }
  }

  /// Appends a pixel to a centre line that stays one pixel wide: the corner of an L is taken out.
  static void extend(std::vector<std::pair<std::int64_t, std::int64_t>>& line, std::int64_t row,
                     std::int64_t column) {
    const std::pair<std::int64_t, std::int64_t> next{row, column};
    if (!line.empty() && line.back() == next) return;
    const auto touches = [&](const auto& p) {
      return std::abs(p.first - row) <= 1 && std::abs(p.second - column) <= 1;
    };
    if (line.size() >= 2 && touches(line[line.size() - 2])) line.pop_back();
    line.push_back(next);
  }

  /// A centre line pixel is always inside the vessel, also where the stamp's jitter made it thinner than a
  /// pixel.
  void mark(std::int64_t row, std::int64_t column) {
    if (!inside(row, column)) return;
    skeleton_[at(row, column)] = 1;
    label_[at(row, column)] = 1;
  }

  std::int64_t size_;
  Random& random_;
  std::vector<std::int64_t> label_;
  std::vector<std::uint8_t> skeleton_;
  std::vector<float> light_;
};

/// Blurs a square picture in place by a Gaussian of `sigma` pixels, cut at 3 sigma, borders repeated.
inline void blur(std::vector<float>& picture, std::int64_t size, double sigma) {
  const auto reach = static_cast<std::int64_t>(std::ceil(3.0 * sigma));
  std::vector<double> weights;
  double total = 0.0;
  for (std::int64_t i = -reach; i <= reach; ++i) {
    const double z = static_cast<double>(i) / sigma;
    weights.push_back(std::exp(-0.5 * z * z));
    total += weights.back();
  }
  std::vector<float> line(static_cast<std::size_t>(size));
  for (const std::int64_t stride : {std::int64_t{1}, size})
    for (std::int64_t k = 0; k < size; ++k) {
      const std::int64_t start = k * (stride == 1 ? size : 1);
      for (std::int64_t i = 0; i < size; ++i) {
        double sum = 0.0;
        for (std::int64_t j = -reach; j <= reach; ++j) {
          const std::int64_t from = std::clamp(i + j, std::int64_t{0}, size - 1);
          sum += weights[static_cast<std::size_t>(j + reach)] *
                 static_cast<double>(picture[static_cast<std::size_t>(start + from * stride)]);
        }
        line[static_cast<std::size_t>(i)] = static_cast<float>(sum / total);
      }
      for (std::int64_t i = 0; i < size; ++i)
        picture[static_cast<std::size_t>(start + i * stride)] = line[static_cast<std::size_t>(i)];
    }
}

}  // namespace lumen::data::detail
