// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <lumen/baseline/blur.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/perturb/segment/detail/pieces.hpp>
#include <lumen/perturb/segment/detail/planes.hpp>

namespace lumen::perturb {

namespace detail {

/// Edges between neighbouring pixels, lightest first; equal ones in the order in which they were added.
struct Edges {
  std::vector<std::uint32_t> weight, from,
      to;  ///< a weight >= 0 as the bits of a float, which are in the same order

  void add(float w, std::int64_t a, std::int64_t b) {
    weight.push_back(std::bit_cast<std::uint32_t>(w));
    from.push_back(static_cast<std::uint32_t>(a));
    to.push_back(static_cast<std::uint32_t>(b));
  }

  [[nodiscard]] std::vector<std::uint32_t> order() const {
    constexpr int bits = 11;
    constexpr std::uint32_t buckets = 1U << bits;
    std::vector<std::uint32_t> now(weight.size()), next(weight.size());
    std::iota(now.begin(), now.end(), 0U);
    for (int shift = 0; shift < 32; shift += bits) {
      std::array<std::uint32_t, buckets + 1> begin{};
      for (const std::uint32_t w : weight) ++begin[(w >> shift) % buckets + 1];
      std::partial_sum(begin.begin(), begin.end(), begin.begin());
      for (const std::uint32_t edge : now) next[begin[(weight[edge] >> shift) % buckets]++] = edge;
      std::swap(now, next);
    }
    return now;
  }
};

/// Sets of pixels that grow together.
class Forest {
 public:
  explicit Forest(std::size_t count) : parent_(count), size_(count, 1) {
    std::iota(parent_.begin(), parent_.end(), 0U);
  }
  [[nodiscard]] std::uint32_t find(std::uint32_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  [[nodiscard]] std::int64_t size(std::uint32_t root) const { return size_[root]; }
  /// Of two roots; the root of both.
  std::uint32_t join(std::uint32_t a, std::uint32_t b) {
    if (size_[a] < size_[b]) std::swap(a, b);
    parent_[b] = a;
    size_[a] += size_[b];
    return a;
  }

 private:
  std::vector<std::uint32_t> parent_;
  std::vector<std::int64_t> size_;
};

}  // namespace detail

/// Segments by growing a forest of pixels over the lightest edges: Felzenszwalb and Huttenlocher, "Efficient Graph-Based
/// Image Segmentation", IJCV 59(2), 2004. Edges join the eight neighbours and weigh the Euclidean distance of their
/// values; two segments a, b are joined by the edge w if w <= min(M(a) + scale / |a|, M(b) + scale / |b|), M the heaviest
/// edge within; then those that are too small are joined to a neighbour. Large even areas stay whole, so that sizes differ
/// widely. Deterministic; about 10 ms for 256 x 256.
struct Felzenszwalb {
  double scale =
      100.0;  ///< > 0, in units of the values brought to 0 ... 255; the larger, the larger the segments
  double sigma = 0.8;          ///< of the Gaussian that smooths the picture before, pixels, 0 to 1e5
  std::int64_t smallest = 20;  ///< pixels of the smallest segment that is left, at least 1

  /// @param x  [N, C, H, W], floating point; its values are brought to 0 ... 255 sample by sample
  /// @return   int64 [N, 1, H, W], numbers from 0 on for each sample; each segment is connected by edges or corners
  /// @throws Error for an option out of range, or an input that is no picture
  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    require(std::isfinite(scale) && scale > 0 && sigma >= 0 && sigma <= 1e5 && smallest >= 1, [&] {
      return text("perturb::Felzenszwalb: scale ", scale, ", sigma ", sigma, " and smallest ", smallest,
                  " must be above 0, from 0 to 1e5, and at least 1");
    });
    return detail::label_samples(x, "perturb::Felzenszwalb", [&](const Tensor& planes) {
      const Tensor smooth = baseline::Blur{.sigma = sigma}((planes * 255).unsqueeze(0))[0].contiguous();
      return segments(smooth);
    });
  }

 private:
  [[nodiscard]] Tensor segments(const Tensor& planes) const {
    const detail::Edges edges = edges_of(planes);
    const std::vector<std::uint32_t> order = edges.order();
    const std::int64_t size = planes.size(1) * planes.size(2);
    detail::Forest forest(static_cast<std::size_t>(size));
    std::vector<double> limit(static_cast<std::size_t>(size), scale);  // M + scale / size, of roots
    for (const std::uint32_t edge : order) {
      const std::uint32_t a = forest.find(edges.from[edge]), b = forest.find(edges.to[edge]);
      const double weight = std::bit_cast<float>(edges.weight[edge]);
      if (a == b || weight > limit[a] || weight > limit[b]) continue;
      const std::uint32_t root = forest.join(a, b);
      limit[root] = weight + scale / static_cast<double>(forest.size(root));
    }
    for (const std::uint32_t edge : order) {
      const std::uint32_t a = forest.find(edges.from[edge]), b = forest.find(edges.to[edge]);
      if (a != b && (forest.size(a) < smallest || forest.size(b) < smallest)) forest.join(a, b);
    }
    Tensor labels = at::empty({planes.size(1), planes.size(2)}, at::kLong);
    auto* label = labels.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < size; ++i) label[i] = forest.find(static_cast<std::uint32_t>(i));
    detail::renumber(label, size, size);
    return labels;
  }

  static detail::Edges edges_of(const Tensor& planes) {
    const std::int64_t channels = planes.size(0), rows = planes.size(1), columns = planes.size(2);
    require(rows * columns < (std::int64_t{1} << 29), [&] {
      return text("perturb::Felzenszwalb: ", rows, " x ", columns, " pixels are too many; make them fewer");
    });
    const float* values = planes.data_ptr<float>();
    detail::Edges edges;
    for (auto* each : {&edges.weight, &edges.from, &edges.to})
      each->reserve(static_cast<std::size_t>(4 * rows * columns));
    const auto add = [&](std::int64_t a, std::int64_t b) {
      float square = 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        const float d = values[c * rows * columns + a] - values[c * rows * columns + b];
        square += d * d;
      }
      edges.add(std::sqrt(square), a, b);
    };
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        const std::int64_t i = row * columns + column;
        const bool right = column + 1 < columns, below = row + 1 < rows;
        if (right) add(i, i + 1);
        if (below) add(i, i + columns);
        if (right && below) add(i, i + columns + 1);
        if (right && row > 0) add(i, i - columns + 1);
      }
    }
    return edges;
  }
};

}  // namespace lumen::perturb
