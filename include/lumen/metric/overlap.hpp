// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>

#include <lumen/metric/counts.hpp>

namespace lumen::metric {

// Each takes two masks of one picture (equal shapes, apart from leading axes of extent 1), where everything
// but 0 is inside. @throws Error  different shapes, no pixels, or a smoothing that is negative or not finite.

namespace detail {

inline void require_smooth(double smooth, std::string_view who) {
  require(smooth >= 0 && std::isfinite(smooth),
          [&] { return text(who, ": smooth is ", smooth, "; expected a finite number >= 0"); });
}

}  // namespace detail

/// Intersection over union: Jaccard, "Étude comparative de la distribution florale", Bull. Soc. Vaud. Sci.
/// Nat. 37, 1901.
///
///     |A and B| / |A or B|, in [0, 1], symmetric
struct IoU {
  double empty = 1.0;   ///< the answer for two empty masks
  double smooth = 0.0;  ///< s >= 0 pixels: (|A and B| + s) / (|A or B| + s), where two empty masks give 1

  template <map::Mask A, map::Mask B>
  [[nodiscard]] double operator()(const A& a, const B& b) const {
    detail::require_smooth(smooth, "metric::IoU");
    const Counts n = count(a, b, "metric::IoU");
    const double either = n.first + n.second - n.both + smooth;
    return either == 0 ? empty : (n.both + smooth) / either;
  }
};

/// Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology 26, 1945. The F1 score of
/// the pixels.
///
///     2 |A and B| / (|A| + |B|), in [0, 1], symmetric; 2 IoU / (1 + IoU)
struct Dice {
  double empty = 1.0;   ///< the answer for two empty masks
  double smooth = 0.0;  ///< s >= 0 pixels: (2 |A and B| + s) / (|A| + |B| + s), where two empty masks give 1

  template <map::Mask A, map::Mask B>
  [[nodiscard]] double operator()(const A& a, const B& b) const {
    detail::require_smooth(smooth, "metric::Dice");
    const Counts n = count(a, b, "metric::Dice");
    const double sum = n.first + n.second + smooth;
    return sum == 0 ? empty : (2 * n.both + smooth) / sum;
  }
};

/// |P and L| / |P|, in [0, 1]: the share of the prediction that is right. An empty prediction gives 0, so
/// that 2 precision recall / (precision + recall) is Dice wherever it is defined.
struct Precision {
  double empty = 1.0;  ///< the answer for two empty masks

  template <map::Mask P, map::Mask L>
  [[nodiscard]] double operator()(const P& prediction, const L& label) const {
    const Counts n = count(prediction, label, "metric::Precision");
    if (n.first == 0) return n.second == 0 ? empty : 0.0;
    return n.both / n.first;
  }
};

/// |P and L| / |L|, in [0, 1]: the share of the label that was found. An empty label gives 0 unless both are
/// empty.
struct Recall {
  double empty = 1.0;  ///< the answer for two empty masks

  template <map::Mask P, map::Mask L>
  [[nodiscard]] double operator()(const P& prediction, const L& label) const {
    const Counts n = count(prediction, label, "metric::Recall");
    if (n.second == 0) return n.first == 0 ? empty : 0.0;
    return n.both / n.second;
  }
};

/// The share of pixels on which two masks agree, in [0, 1], symmetric; 1 for two empty masks.
struct PixelAccuracy {
  template <map::Mask A, map::Mask B>
  [[nodiscard]] double operator()(const A& a, const B& b) const {
    const Counts n = count(a, b, "metric::PixelAccuracy");
    return (n.pixels - n.first - n.second + 2 * n.both) / n.pixels;
  }
};

}  // namespace lumen::metric
