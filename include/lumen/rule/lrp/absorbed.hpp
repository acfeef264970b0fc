// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::rule::lrp {

/// Relevance that came to operators and went to none of their inputs, summed over the batch.
struct Absorbed {
  double bias = 0.0;        ///< the share of biases and other constants
  double stabiliser = 0.0;  ///< what epsilon took, but for outputs that are 0
};

namespace detail {

/// Where rules on this thread note what they absorb; null unless somebody asks.
inline Absorbed*& absorbed() {
  static thread_local Absorbed* notes = nullptr;
  return notes;
}

/// While it lives, rules on this thread note what they absorb.
class Noting {
 public:
  explicit Noting(Absorbed& notes) : before_(absorbed()) { absorbed() = &notes; }
  Noting(const Noting&) = delete;
  Noting& operator=(const Noting&) = delete;
  ~Noting() { absorbed() = before_; }

 private:
  Absorbed* before_;
};

/// R / (z + epsilon sign(z)) with sign(0) = 1; 0 where that would be a division by 0.
/// @param bias  the constant part of z, for the notes; may be undefined
/// @throws Error unless epsilon is finite and not negative: one of the other sign would make z smaller
inline Tensor quotient(const Tensor& relevance, const Tensor& z, double epsilon, const Tensor& bias) {
  require(epsilon >= 0 && std::isfinite(epsilon),
          [&] { return text("LRP: epsilon is ", epsilon, ", expected at least 0, and finite"); });
  Tensor result;
  if (epsilon == 0.0) {
    result = relevance / z;
    result.masked_fill_(z == 0, 0);
  } else {
    const Tensor signed_epsilon = at::full_like(z, epsilon).masked_fill_(z < 0, -epsilon);
    result = relevance / (z + signed_epsilon);
    if (absorbed() != nullptr) {
      absorbed()->stabiliser += (result * signed_epsilon).masked_fill(z == 0, 0).sum().item<double>();
    }
  }
  if (absorbed() != nullptr && bias.defined()) {  // a mask of -inf is a bias to which nothing falls
    absorbed()->bias += (result * bias).masked_fill(result == 0, 0).sum().item<double>();
  }
  return result;
}

}  // namespace detail

}  // namespace lumen::rule::lrp
