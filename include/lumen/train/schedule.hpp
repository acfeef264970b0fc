// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numbers>

#include <lumen/core/error.hpp>
#include <lumen/train/history.hpp>

namespace lumen::train {

/// The learning rate of the next epoch, from the first one's and what happened since. A pure function of the
/// history: there is no state to save, and a resumed run cannot differ from an uninterrupted one.
template <class S>
concept Schedule =
    std::copy_constructible<S> && requires(const S& schedule, double initial, const History& history) {
      { schedule(initial, history) } -> std::convertible_to<double>;
    };

/// Multiplies the rate by `factor` when the training loss has not fallen for more than `patience` epochs; the
/// rule of PyTorch's ReduceLROnPlateau (mode "min", relative threshold, no cooldown). It watches the training
/// loss and not the test loss, so that test data decide nothing.
struct Plateau {
  double factor = 0.5;         ///< in (0, 1)
  std::int64_t patience = 10;  ///< epochs without progress that are forgiven
  double threshold = 1e-4;     ///< relative fall that counts as progress
  double lowest = 1e-6;        ///< the rate never falls below this

  [[nodiscard]] double operator()(double initial, const History& history) const {
    double rate = initial;
    double best = std::numeric_limits<double>::infinity();
    std::int64_t waited = 0;
    for (const Epoch& epoch : history) {
      if (epoch.train_loss < best * (1.0 - threshold)) {
        best = epoch.train_loss;
        waited = 0;
      } else if (++waited > patience) {
        rate = std::max(rate * factor, std::min(lowest, initial));
        waited = 0;
      }
    }
    return rate;
  }
};

/// Falls along half a cosine from the first rate to `last` times it over `epochs` epochs (Loshchilov and
/// Hutter, "SGDR", ICLR 2017, arXiv:1608.03983, without restarts). With `seconds`, a machine that is too slow
/// for that many epochs falls by the clock instead, so that training ends with small steps there too.
struct Cosine {
  std::int64_t epochs = 100;
  double last = 0.01;  ///< fraction of the first rate
  double seconds =
      std::numeric_limits<double>::infinity();  ///< the clock counts where it is ahead of the epochs

  [[nodiscard]] double operator()(double initial, const History& history) const {
    const double by_epochs = static_cast<double>(history.size()) / static_cast<double>(epochs);
    const double done = std::min(1.0, std::max(by_epochs, seconds_spent(history) / seconds));
    return initial * (last + (1.0 - last) * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
  }
};

/// The same half cosine again and again, each `growth` times as long as the one before (Loshchilov and Hutter, "SGDR: Stochastic
/// Gradient Descent with Warm Restarts", ICLR 2017, arXiv:1608.03983).
struct CosineRestarts {
  std::int64_t period = 10;  ///< epochs until the first restart, at least 1
  std::int64_t growth = 2;   ///< at least 1
  double last = 0.01;        ///< the fraction of the first rate that each fall goes to

  /// @throws Error  period or growth below 1
  [[nodiscard]] double operator()(double initial, const History& history) const {
    require(period >= 1 && growth >= 1, [&] {
      return text("CosineRestarts: period ", period, " and growth ", growth, " must be at least 1");
    });
    auto done = static_cast<std::int64_t>(history.size());
    std::int64_t length = period;
    for (; done >= length; length *= growth) done -= length;
    const double share = static_cast<double>(done) / static_cast<double>(length);
    return initial * (last + (1.0 - last) * 0.5 * (1.0 + std::cos(std::numbers::pi * share)));
  }
};

}  // namespace lumen::train
