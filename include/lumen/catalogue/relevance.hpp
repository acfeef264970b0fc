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
  epsilon_plus,
  epsilon_plus_flat,
  epsilon_alpha2_beta1,
  epsilon_alpha2_beta1_flat,
  epsilon_gamma_box,
  epsilon,
  gamma,
  alpha2_beta1,
  z_plus
};

/// LRP with a composite by name and its numbers.
struct ChosenLrp {
  Relevance composite = Relevance::epsilon_plus;
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
    switch (composite) {
      case Relevance::epsilon_plus_flat:
        return l::EpsilonPlusFlat{epsilon};
      case Relevance::epsilon_alpha2_beta1:
        return l::EpsilonAlpha2Beta1{epsilon};
      case Relevance::epsilon_alpha2_beta1_flat:
        return l::EpsilonAlpha2Beta1Flat{epsilon};
      case Relevance::epsilon_gamma_box:
        return l::EpsilonGammaBox{.low = bound(low), .high = bound(high), .epsilon = epsilon, .gamma = gamma};
      case Relevance::epsilon:
        return l::uniform(l::Epsilon{epsilon});
      case Relevance::gamma:
        return l::uniform(l::Gamma{.gamma = gamma});
      case Relevance::alpha2_beta1:
        return l::uniform(l::AlphaBeta{});
      case Relevance::z_plus:
        return l::uniform(l::ZPlus{});
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
      {{"epsilon-plus", Relevance::epsilon_plus},
       {"epsilon-plus-flat", Relevance::epsilon_plus_flat},
       {"epsilon-alpha2-beta1", Relevance::epsilon_alpha2_beta1},
       {"epsilon-alpha2-beta1-flat", Relevance::epsilon_alpha2_beta1_flat},
       {"epsilon-gamma-box", Relevance::epsilon_gamma_box},
       {"epsilon", Relevance::epsilon},
       {"gamma", Relevance::gamma},
       {"alpha2-beta1", Relevance::alpha2_beta1},
       {"z-plus", Relevance::z_plus}}};
};

/// Methods that share out relevance. A header of its own, for who leaves LRP out.
inline void add_relevance(std::vector<Entry>& all) {
  all.push_back(
      entry(Table("lrp", ChosenLrp{})
                .option("composite", "the rules: a published composite, or one rule throughout",
                        &ChosenLrp::composite)
                .option("epsilon", "of its epsilon rules", &ChosenLrp::epsilon, not_negative)
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
