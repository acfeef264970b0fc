// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/mask/extremal_perturbation.hpp>
#include <lumen/attribution/mask/hsic.hpp>
#include <lumen/attribution/mask/meaningful_perturbation.hpp>
#include <lumen/attribution/mask/rise.hpp>
#include <lumen/attribution/mask/sobol.hpp>
#include <lumen/attribution/mask/xrai.hpp>
#include <lumen/catalogue/baseline.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/catalogue/features.hpp>
#include <lumen/catalogue/table.hpp>

namespace lumen::catalogue {

template <>
struct Words<MaskGoal> {
  static constexpr std::array<std::pair<std::string_view, MaskGoal>, 3> all{
      {{"preserve", MaskGoal::Preserve}, {"remove", MaskGoal::Remove}, {"both", MaskGoal::Both}}};
};

namespace detail {

/// Xrai with its default method, whose options stand beside its own.
struct PlainXrai {
  double black = 0.0, white = 1.0;
  std::int64_t steps = 50, dilation = 5, least = 50;
  Run run{};

  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return Xrai<>{.method = {.black = black, .white = white, .steps = steps, .run = run},
                  .dilation = dilation,
                  .least = least}(model, x, target);
  }
};

/// The options that sampled methods have in common.
template <class A>
Table<A> with_effort(Table<A> table) {
  return std::move(
      table.option("samples", "draws; with a tolerance, of the first round", &A::samples, positive_count)
          .option("tolerance", "> 0: draws until no standard error is above it (one sample at a time)",
                  &A::tolerance, not_negative)
          .option("max-samples", "the most draws with a tolerance", &A::max_samples, positive_count));
}

}  // namespace detail

/// Methods that look at the input through masks, drawn or sought.
inline void add_masks(std::vector<Entry>& all) {
  using Random = Rise<AnyBaseline>;
  all.push_back(entry(detail::with_effort(Table("rise", Random{.baseline = to_baseline("zero")}))
                          .option("grid", "cells of the masks along an axis", &Random::grid, positive_count)
                          .option("probability", "that a cell is kept, in (0, 1)", &Random::probability,
                                  {.least = 0, .most = 1, .above = true}),
                      "the mean score where a pixel is kept by random masks",
                      "Petsiuk, Das and Saenko, BMVC 2018, arXiv:1806.07421",
                      {.quick = {{"samples", "16"}}, .gradients = false, .layer = LayerUse::None}));
  using Indices = Sobol<AnyBaseline>;
  all.push_back(
      entry(detail::with_effort(
                Table("sobol", Indices{.baseline = to_baseline("zero"), .groups = to_features("grid")}))
                .option("features", detail::feature_words, &Indices::groups)
                .option("design", "points a draw, a power of two", &Indices::design, {.least = 2}),
            "the share of the score's variance that a feature takes part in",
            "Fel et al., NeurIPS 2021, arXiv:2111.04138",
            {.quick = {{"features", "grid:32"}, {"design", "4"}, {"samples", "2"}}, .gradients = false}));
  using Kernel = Hsic<AnyBaseline>;
  all.push_back(entry(detail::with_effort(Table("hsic", Kernel{.baseline = to_baseline("zero"),
                                                               .groups = to_features("grid")}))
                          .option("features", detail::feature_words, &Kernel::groups)
                          .option("bandwidth", "of the kernel on scores; 0: the median distance",
                                  &Kernel::bandwidth, not_negative),
                      "how much the score depends on whether a feature is there",
                      "Novello, Fel and Vigouroux, NeurIPS 2022, arXiv:2206.06219",
                      {.quick = {{"features", "grid:32"}, {"samples", "16"}}, .gradients = false}));
  using Extremal = ExtremalPerturbation<AnyBaseline>;
  all.push_back(
      entry(Table("extremal-perturbation", Extremal{.baseline = to_baseline("blur:4")})
                .option("area", "share of the image that the mask covers, in (0, 1)", &Extremal::area,
                        {.least = 0, .most = 1, .above = true})
                .option("goal", "what the mask is to do to the score", &Extremal::goal)
                .option("iterations", "of descent", &Extremal::iterations, positive_count)
                .option("step", "side of the mask's cells, pixels; 0: a 32nd of the image", &Extremal::step,
                        not_negative)
                .option("rate", "of descent", &Extremal::rate, {.least = 0, .above = true})
                .option("momentum", "in [0, 1)", &Extremal::momentum, {.least = 0, .most = 1})
                .option("strength", "of the area's term", &Extremal::strength, {.least = 0, .above = true}),
            "the smooth mask of a given area that suffices for the score, or is missed most",
            "Fong, Patrick and Vedaldi, ICCV 2019, arXiv:1910.08485",
            {.quick = {{"iterations", "2"}}, .layer = LayerUse::None}));
  using Meaningful = MeaningfulPerturbation<AnyBaseline>;
  all.push_back(entry(
      Table("meaningful-perturbation", Meaningful{.baseline = to_baseline("blur:4")})
          .option("sparsity", "weight of how much is removed", &Meaningful::sparsity, not_negative)
          .option("smoothness", "weight of differences between neighbours", &Meaningful::smoothness,
                  not_negative)
          .option("beta", "their exponent", &Meaningful::beta, {.least = 1})
          .option("iterations", "of descent", &Meaningful::iterations, positive_count)
          .option("step", "side of the mask's cells, pixels; 0: a 28th of the image", &Meaningful::step,
                  not_negative)
          .option("rate", "of Adam", &Meaningful::rate, {.least = 0, .above = true}),
      "the least that must be removed for the score to fall", "Fong and Vedaldi, ICCV 2017, arXiv:1704.03296",
      {.quick = {{"iterations", "2"}}, .layer = LayerUse::None}));
  using Regions = detail::PlainXrai;
  all.push_back(
      entry(Table("xrai", Regions{})
                .option("black", "the dark baseline, in units of the input", &Regions::black)
                .option("white", "the bright baseline", &Regions::white)
                .option("steps", "of integrated gradients from each", &Regions::steps, positive_count)
                .option("dilation", "pixels by which segments grow", &Regions::dilation, not_negative)
                .option("least", "pixels that a segment must have left", &Regions::least, positive_count),
            "regions by the integrated gradients of their pixels",
            "Kapishnikov et al., ICCV 2019, arXiv:1906.02825",
            {.quick = {{"steps", "2"}}, .layer = LayerUse::None}));
}

}  // namespace lumen::catalogue
