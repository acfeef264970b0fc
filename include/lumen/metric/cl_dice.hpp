// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/metric/counts.hpp>

namespace lumen::metric {

/// Centre-line Dice: Shit et al., "clDice: a Novel Topology-Preserving Loss Function for Tubular Structure
/// Segmentation", CVPR 2021, arXiv:2003.07311. With the skeletons S_P and S_L of the prediction P and the
/// label L,
///
///     precision = |S_P and L| / |S_P|,  sensitivity = |S_L and P| / |S_L|,  clDice = their harmonic mean, in
///     [0, 1]
///
/// 1 exactly if each skeleton lies inside the other mask; symmetric under an exchange of prediction and
/// label. One empty skeleton gives 0.
struct ClDice {
  double empty = 1.0;  ///< the answer for two empty skeletons

  /// @throws Error  the four masks are not of one picture, or have no pixels
  template <map::Mask P, map::Mask SP, map::Mask L, map::Mask SL>
  [[nodiscard]] double operator()(const P& prediction, const SP& prediction_skeleton, const L& label,
                                  const SL& label_skeleton) const {
    static_cast<void>(count(prediction, label, "metric::ClDice"));
    const Counts found = count(prediction_skeleton, label, "metric::ClDice");
    const Counts meant = count(label_skeleton, prediction, "metric::ClDice");
    if (found.first == 0 && meant.first == 0) return empty;
    if (found.both == 0 || meant.both == 0) return 0.0;
    const double precision = found.both / found.first;
    const double sensitivity = meant.both / meant.first;
    return 2 * precision * sensitivity / (precision + sensitivity);
  }
};

}  // namespace lumen::metric
