// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <lumen/attribution/mask/detail/rise_masks.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>

namespace lumen::detail {

/// The means that RISE takes, for some samples: of (F - c) M_i / p + c, c the mean of F(x) and F(x').
class RiseSums {
 public:
  /// @param masks  of the parts that are explained; they, and all the others but the parts, must outlive it
  /// @param before  F(x) for each target
  RiseSums(const engine::Function& function, Tensors parts, Tensors absent, Targets targets,
           const std::vector<Tensor>& before, const std::vector<RiseMasks>& masks, double probability,
           const Run& run)
      : function_(function),
        parts_(std::move(parts)),
        absent_(std::move(absent)),
        targets_(std::move(targets)),
        masks_(masks),
        probability_(probability),
        run_(run),
        moments_(targets_.size(), std::vector<engine::Moments>(masks.size(), engine::Moments(samples()))) {
    centres_ = engine::scores_of(function_, absent_, targets_, run_);
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      engine::check_scores(centres_[t]);
      centres_[t] = (centres_[t] + before[t]) / 2;
    }
  }

  [[nodiscard]] std::int64_t samples() const { return parts_.front().size(0); }
  [[nodiscard]] std::int64_t draws() const { return draws_; }

  /// Whether `run.stop` ended it.
  [[nodiscard]] bool stopped() const { return stopped_; }

  /// Takes masks until there are so many, or it is stopped; each is asked of all samples, or of none.
  void draw(std::int64_t total) {
    const at::NoGradGuard no_grad;
    const std::int64_t n = samples(), granule = engine::granule(targets_, n), begun = draws_ * n;
    const auto visit = [&](std::int64_t first, std::int64_t count) { take(begun + first, count); };
    std::int64_t done = sweep_until_stopped(total * n - begun, granule, run_, "RISE", visit);
    stopped_ = begun + done < total * n;
    if (const std::int64_t rest = done % n; rest > 0) {
      Run silent = run_;
      silent.stop = {};
      silent.progress = {};
      sweep(n - rest, granule, silent, "RISE",
            [&](std::int64_t first, std::int64_t count) { visit(done + first, count); });
      done += n - rest;
    }
    draws_ += done / n;
  }

  /// The largest standard error; infinite if there are none yet, or one is NaN.
  [[nodiscard]] double worst() const {
    double worst = 0;
    for (const auto& target : moments_) {
      for (const engine::Moments& part : target) {
        const Tensor error = part.standard_error();
        const double most =
            error.defined() ? error.max().item<double>() : std::numeric_limits<double>::infinity();
        worst = most <= worst ? worst : most;
      }
    }
    return worst;
  }

  /// Of target t in part p: broadcasts to the part; zero for one that is not explained.
  [[nodiscard]] Tensor mean(std::size_t t, std::size_t p) const {
    const Tensor mean = engine::explained(parts_[p]) ? moments_[t][place(p)].mean() : Tensor();
    return mean.defined() ? mean : at::zeros_like(parts_[p]);
  }
  [[nodiscard]] Tensor standard_error(std::size_t t, std::size_t p) const {
    const Tensor error = engine::explained(parts_[p]) ? moments_[t][place(p)].standard_error() : Tensor();
    return error.defined() ? error : at::zeros_like(parts_[p]);
  }

 private:
  /// The number of a part among those that are explained.
  [[nodiscard]] std::size_t place(std::size_t part) const {
    std::size_t place = 0;
    for (std::size_t i = 0; i < part; ++i) place += engine::explained(parts_[i]) ? 1 : 0;
    return place;
  }

  void take(std::int64_t first, std::int64_t count) {
    const std::int64_t n = samples(), from = first / n, to = (first + count - 1) / n + 1;
    const Tensor samples_here = engine::samples_of(first, count, n);
    const Tensor which = at::arange(first, first + count, at::kLong).div(n, "floor") - from;
    Tensors rows = engine::select_rows(parts_, samples_here), kept;
    const Tensors other = engine::select_rows(absent_, samples_here);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!engine::explained(rows[i])) continue;
      Tensor mask = masks_[kept.size()](from, to - from);
      if (n > 1) mask = mask.index_select(0, which.to(mask.device()));
      if (rows[i].dim() == 2) mask = mask.squeeze(1);
      rows[i] = at::lerp(other[i], rows[i], mask);
      kept.push_back(mask);
    }
    const Tensor output = engine::run_model(function_, rows);
    const Targets asked = engine::target_rows(targets_, samples_here, n);
    for (std::size_t t = 0; t < asked.size(); ++t) {
      const Tensor scores = asked[t](output);
      engine::check_scores(scores);
      const Tensor centre = centres_[t].index_select(0, samples_here.to(scores.device()));
      for (std::size_t p = 0; p < kept.size(); ++p) {
        const Tensor change = engine::per_row(scores - centre, kept[p]).to(kept[p].options());
        const Tensor level = engine::per_row(centre, kept[p]).to(kept[p].options());
        moments_[t][p].add(first, samples_here, change * kept[p] / probability_ + level);
      }
    }
  }

  const engine::Function& function_;
  Tensors parts_, absent_;
  Targets targets_;
  const std::vector<RiseMasks>& masks_;
  double probability_;
  const Run& run_;
  std::vector<std::vector<engine::Moments>> moments_;
  std::vector<Tensor> centres_;
  std::int64_t draws_ = 0;
  bool stopped_ = false;
};

}  // namespace lumen::detail
