// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/relevance/excitation_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/catalogue/bind.hpp>

namespace lumen::catalogue {

enum class Relevance {
  EpsilonPlus,
  EpsilonPlusFlat,
  EpsilonAlpha2Beta1,
  EpsilonAlpha2Beta1Flat,
  EpsilonGammaBox,
  Epsilon,
  Gamma,
  Alpha2Beta1,
  ZPlus
};

/// LRP with a composite by name and its numbers.
struct ChosenLrp {
  Relevance composite = Relevance::EpsilonPlus;
  double epsilon = 1e-6;
  double gamma = 0.25;
  std::vector<double> low{0}, high{1};
  Run run{};

  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    return Lrp{.composite = chosen(), .run = run}(model, x, target);
  }

  [[nodiscard]] rule::Composite chosen() const {
    require(epsilon >= 0 && gamma >= 0,
            [&] { return text("Lrp: epsilon is ", epsilon, " and gamma ", gamma, ", expected at least 0"); });
    namespace l = rule::lrp;
    const auto throughout = [this](const rule::Backward& rule) {
      l::Parts parts = l::stabilised(epsilon, rule);
      parts.dense = rule;
      return parts;
    };
    switch (composite) {
      case Relevance::EpsilonPlusFlat:
        return l::EpsilonPlusFlat{epsilon};
      case Relevance::EpsilonAlpha2Beta1:
        return l::EpsilonAlpha2Beta1{epsilon};
      case Relevance::EpsilonAlpha2Beta1Flat:
        return l::EpsilonAlpha2Beta1Flat{epsilon};
      case Relevance::EpsilonGammaBox:
        return l::EpsilonGammaBox{.low = bound(low), .high = bound(high), .epsilon = epsilon, .gamma = gamma};
      case Relevance::Epsilon:
        return throughout(l::Epsilon{epsilon});
      case Relevance::Gamma:
        return throughout(l::Gamma{.gamma = gamma});
      case Relevance::Alpha2Beta1:
        return throughout(l::AlphaBeta{});
      case Relevance::ZPlus:
        return throughout(l::ZPlus{});
      default:
        return l::EpsilonPlus{epsilon};
    }
  }

  static rule::lrp::Bound bound(const std::vector<double>& of_channels) {
    const auto count = static_cast<std::int64_t>(of_channels.size());
    return at::tensor(of_channels, at::kDouble).reshape({1, count, 1, 1});
  }
};

template <>
struct Words<Relevance> {
  static constexpr std::array<std::pair<std::string_view, Relevance>, 9> all{
      {{"epsilon-plus", Relevance::EpsilonPlus},
       {"epsilon-plus-flat", Relevance::EpsilonPlusFlat},
       {"epsilon-alpha2-beta1", Relevance::EpsilonAlpha2Beta1},
       {"epsilon-alpha2-beta1-flat", Relevance::EpsilonAlpha2Beta1Flat},
       {"epsilon-gamma-box", Relevance::EpsilonGammaBox},
       {"epsilon", Relevance::Epsilon},
       {"gamma", Relevance::Gamma},
       {"alpha2-beta1", Relevance::Alpha2Beta1},
       {"z-plus", Relevance::ZPlus}}};
};

/// Methods that share out relevance. A header of its own, for who leaves LRP out.
inline void add_relevance(std::vector<Entry>& all) {
  all.push_back(
      entry(Table("lrp", ChosenLrp{})
                .option("composite", "the rules: a published composite, or one rule throughout",
                        &ChosenLrp::composite)
                .option("epsilon", "of its epsilon rules, those of sums and normalisations among them",
                        &ChosenLrp::epsilon, not_negative)
                .option("gamma", "of its gamma rules", &ChosenLrp::gamma, not_negative)
                .option("low", "least value of the input, one or one a channel, for epsilon-gamma-box",
                        &ChosenLrp::low)
                .option("high", "its largest value", &ChosenLrp::high),
            "layer-wise relevance propagation", "Bach et al., PLOS ONE 2015, 10.1371/journal.pone.0130140"));
  using Excitation = ExcitationBackprop;
  all.push_back(entry(
      Table("excitation-backprop", Excitation{})
          .option("contrastive", "less what speaks for all other classes", &Excitation::contrastive),
      "probabilities of winning", "Zhang, Lin, Brandt, Shen and Sclaroff, ECCV 2016, arXiv:1608.00507"));
}

}  // namespace lumen::catalogue
