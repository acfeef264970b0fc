// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include <lumen/attribution/surrogate/regression.hpp>
#include <lumen/attribution/surrogate/similarity.hpp>
#include <lumen/catalogue/words.hpp>

namespace lumen::catalogue {

enum class LimeKernel { Cosine, Euclidean, Presence, Uniform };
template <>
struct Words<LimeKernel> {
  static constexpr std::array<std::pair<std::string_view, LimeKernel>, 4> all{
      {{"cosine", LimeKernel::Cosine},
       {"euclidean", LimeKernel::Euclidean},
       {"presence", LimeKernel::Presence},
       {"uniform", LimeKernel::Uniform}}};
};

enum class LimeFit { Ridge, Lasso, Ordinary };
template <>
struct Words<LimeFit> {
  static constexpr std::array<std::pair<std::string_view, LimeFit>, 3> all{
      {{"ridge", LimeFit::Ridge}, {"lasso", LimeFit::Lasso}, {"ordinary", LimeFit::Ordinary}}};
};

/// LIME's similarity, by its name.
struct AnySimilarity {
  LimeKernel kernel = LimeKernel::Cosine;
  double width = 1.0;

  Tensor operator()(const surrogate::Neighbours& near) const {
    switch (kernel) {
      case LimeKernel::Cosine:
        return surrogate::CosineKernel{.width = width}(near);
      case LimeKernel::Euclidean:
        return surrogate::EuclideanKernel{.width = width}(near);
      case LimeKernel::Presence:
        return surrogate::PresenceKernel{.width = width}(near);
      case LimeKernel::Uniform:
        break;
    }
    return surrogate::Uniform{}(near);
  }
};

/// LIME's regression, by its name.
struct AnyRegression {
  LimeFit fit = LimeFit::Ridge;
  double alpha = 1.0;

  Tensor operator()(const Tensor& z, const Tensor& y, const Tensor& w) const {
    switch (fit) {
      case LimeFit::Ridge:
        return surrogate::Ridge{.alpha = alpha}(z, y, w);
      case LimeFit::Lasso:
        return surrogate::Lasso{.alpha = alpha}(z, y, w);
      case LimeFit::Ordinary:
        break;
    }
    return surrogate::Ordinary{}(z, y, w);
  }
};

}  // namespace lumen::catalogue
