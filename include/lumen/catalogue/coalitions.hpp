// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>
#include <vector>

#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/attribution/shapley/owen_values.hpp>
#include <lumen/attribution/shapley/shapley_sampling.hpp>
#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/attribution/surrogate/lime.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/catalogue/features.hpp>
#include <lumen/catalogue/lime_parts.hpp>

namespace lumen::catalogue {

namespace detail {

/// The table of a method of coalitions, whose features are so by default.
template <class A>
Table<A> of_features(const char* name, A method, const char* features) {
  method.baseline = to_baseline("zero");
  method.groups = to_features(features);
  Table<A> table(name, std::move(method));
  table.option("features", feature_words, &A::groups);
  return table;
}

/// The options of how much is drawn.
template <class A>
void add_effort(Table<A>& table, const char* samples, Range range = positive_count) {
  table.option("samples", samples, &A::samples, range)
      .option("tolerance", "> 0: goes on until no standard error is above it, in units of the score",
              &A::tolerance, not_negative)
      .option("max-samples", "the most that a tolerance leads to", &A::max_samples);
}

}  // namespace detail

/// Methods that ask for coalitions of features.
inline void add_coalitions(std::vector<Entry>& all) {
  using Exact = ShapleyValues<AnyBaseline>;
  auto exact = detail::of_features("shapley-values", Exact{}, "cells:3");
  exact.option("max-features", "more are refused: m features take 2^m passes", &Exact::max_features,
               {.least = 1, .most = 24});
  all.push_back(entry(std::move(exact), "what a feature adds to all coalitions of others, exact",
                      "Shapley, Contributions to the Theory of Games II, 1953",
                      {.quick = {{"features", "cells:2"}}, .gradients = false}));

  using Orders = ShapleySampling<AnyBaseline>;
  auto orders = detail::of_features("shapley-sampling", Orders{.samples = 10}, "cells:7");
  detail::add_effort(orders, "random orders of the features, each with its reverse");
  orders.option("antithetic", "false: orders without their reverses", &Orders::antithetic);
  all.push_back(entry(std::move(orders), "what a feature adds to those before it, over random orders",
                      "Castro, Gomez and Tejada, 2009; Mitchell et al., JMLR 2022, arXiv:2104.12199",
                      {.quick = {{"features", "cells:2"}, {"samples", "2"}}, .gradients = false}));

  auto kernel = detail::of_features("kernel-shap", KernelShap<AnyBaseline>{}, "cells:7");
  detail::add_effort(kernel, "coalitions, at least as many as features");
  all.push_back(
      entry(std::move(kernel), "Shapley values by weighted least squares over coalitions",
            "Lundberg and Lee, NeurIPS 2017, arXiv:1705.07874; Covert and Lee, 2021, arXiv:2012.01536",
            {.quick = {{"features", "cells:3"}, {"samples", "80"}}, .gradients = false}));

  using Owen = OwenValues<AnyBaseline>;
  auto owen = detail::of_features("owen-values", Owen{}, "cells:5");
  detail::add_effort(owen, "random orders, each with its reverse; 0: exact", not_negative);
  owen.option("max-passes", "an exact run that could take more is refused", &Owen::max_passes,
              positive_count);
  all.push_back(entry(std::move(owen), "Shapley values of a tree of neighbouring features", "Owen, 1977",
                      {.quick = {{"features", "cells:2"}, {"samples", "2"}}, .gradients = false}));

  using Surrogate = Lime<AnyBaseline, AnySimilarity, surrogate::Bernoulli, AnyRegression>;
  auto lime = detail::of_features("lime", Surrogate{.samples = 512}, "cells:7");
  detail::add_effort(lime, "draws of which features are there");
  lime.option("kernel", "how near draws are to the input",
              [](Surrogate& method) -> LimeKernel& { return method.similarity.kernel; })
      .option("width", "of the kernel", [](Surrogate& method) -> double& { return method.similarity.width; },
              {.least = 0, .above = true})
      .option("fit", "the regression", [](Surrogate& method) -> LimeFit& { return method.regression.fit; })
      .option("alpha", "of ridge and lasso",
              [](Surrogate& method) -> double& { return method.regression.alpha; },
              {.least = 0, .above = true});
  all.push_back(entry(std::move(lime), "a linear model fitted to the network around the input",
                      "Ribeiro, Singh and Guestrin, KDD 2016, arXiv:1602.04938",
                      {.quick = {{"features", "cells:2"}, {"samples", "12"}}, .gradients = false}));
}

}  // namespace lumen::catalogue
