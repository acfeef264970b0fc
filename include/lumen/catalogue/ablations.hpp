// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/catalogue/features.hpp>

namespace lumen::catalogue {

namespace detail {

/// Occlusion whose windows are given by one side and one step for all axes behind the channels, or one each.
template <class B>
struct SquareOcclusion {
  B baseline{};
  std::vector<std::int64_t> window{};  ///< none: 8, and single features of [N, F]; at most the axis
  std::vector<std::int64_t> stride{};  ///< none: half of the window
  Run run{};

  template <Baseline Other>
  [[nodiscard]] SquareOcclusion<Other> with_baseline(Other other) const {
    return {std::move(other), window, stride, run};
  }

  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    Occlusion<B> method{.baseline = baseline, .window = {}, .stride = {}, .run = run};
    const Tensors parts = parts_of(x);
    engine::check_input(parts);
    for (const Tensor& part : engine::explained_of(parts)) {
      const std::int64_t axes = part.dim(), from = std::min<std::int64_t>(axes > 2 ? 2 : 1, axes);
      perturb::Windows::Shape sides, steps;
      for (std::int64_t axis = from; axis < axes; ++axis) {
        const std::int64_t most = part.size(axis);
        const std::int64_t side =
            std::min(most, chosen("window", window, axis - from, axes - from, axes > 2 ? 8 : 1));
        sides.push_back(side);
        steps.push_back(
            chosen("stride", stride, axis - from, axes - from, std::max<std::int64_t>(side / 2, 1)));
      }
      method.window.push_back(sides);
      method.stride.push_back(steps);
    }
    return method(model, x, target);
  }

  [[nodiscard]] static std::int64_t chosen(const char* name, const std::vector<std::int64_t>& values,
                                           std::int64_t axis, std::int64_t axes, std::int64_t otherwise) {
    const auto count = static_cast<std::int64_t>(values.size());
    require(count <= 1 || count == axes, [&] {
      return text("Occlusion: ", name, " has ", count, " numbers; give one, or one for each of the ", axes,
                  " axes behind the channels");
    });
    return count == 0 ? otherwise : values[static_cast<std::size_t>(count == 1 ? 0 : axis)];
  }
};

}  // namespace detail

/// Methods that take parts of the input away.
inline void add_ablations(std::vector<Entry>& all) {
  using Ablation = FeatureAblation<AnyBaseline>;
  all.push_back(entry(
      Table("feature-ablation", Ablation{.baseline = to_baseline("zero"), .groups = to_features("grid")})
          .option("features", detail::feature_words, &Ablation::groups),
      "what the score loses when parts of the input are taken away",
      "Zeiler and Fergus, ECCV 2014, arXiv:1311.2901",
      {.quick = {{"features", "grid:32"}}, .gradients = false}));
  using Window = detail::SquareOcclusion<AnyBaseline>;
  all.push_back(
      entry(Table("occlusion", Window{.baseline = to_baseline("zero")})
                .option("window", "side, one or one an axis behind the channels; none: 8", &Window::window)
                .option("stride", "step, one or one an axis; none: half of the window", &Window::stride),
            "the mean of what the score loses under the windows that cover a pixel",
            "Zeiler and Fergus, ECCV 2014, arXiv:1311.2901",
            {.quick = {{"window", "32"}, {"stride", "32"}}, .gradients = false}));
}

}  // namespace lumen::catalogue
