// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/ablation/feature_ablation.hpp>

#include "binding.hpp"

namespace cli {

namespace {

/// Feature ablation whose groups are squares of pixels.
template <class B>
struct PatchAblation {
  B baseline{};
  std::int64_t patch = 8;  ///< side of a square, all channels of it together; 0: each element by itself
  lm::Run run{};

  template <lm::Baseline Other>
  [[nodiscard]] PatchAblation<Other> with_baseline(Other other) const {
    return {std::move(other), patch, run};
  }

  template <lm::Input X, lm::Model<X> M, lm::TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    require(patch >= 0, [&] { return text("feature-ablation: patch is ", patch, ", expected at least 0"); });
    lm::FeatureAblation<B> method{.baseline = baseline, .groups = {}, .run = run};
    if (patch > 0 && x.dim() == 4) {
      const std::int64_t across = (x.size(3) + patch - 1) / patch;
      const auto cell = [&](std::int64_t side) {
        return at::div(at::arange(side, at::kLong), at::scalar_tensor(patch, at::kLong), "floor");
      };
      method.groups = {(cell(x.size(2)).unsqueeze(1) * across + cell(x.size(3))).unsqueeze(0).unsqueeze(0)};
    }
    return method(model, x, target);
  }
};

}  // namespace

void add_ablations(std::vector<Entry>& all) {
  using Ablation = PatchAblation<AnyBaseline>;
  all.push_back(
      entry(Table("feature-ablation", Ablation{.baseline = to_baseline("zero")})
                .option("patch", "side of the squares that are taken away; 0: each element by itself",
                        &Ablation::patch),
            "what the score loses when parts of the input are taken away (Zeiler 2014)", {{"patch", "32"}}));
}

}  // namespace cli
