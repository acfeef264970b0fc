// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "value.hpp"

namespace cli {

/// A baseline chosen at run time; a fixed one draws the same each time.
struct AnyBaseline {
  std::function<Tensor(const Tensor& sample, at::Generator& source)> draw{};
  bool random = false;
  std::string words{};  ///< as it is written
  Tensor set{};         ///< the rows that samples:FOLDER draws from
  std::uint64_t seed = 0;

  Tensor operator()(const Tensor& sample, at::Generator& source) const { return draw(sample, source); }
};

/// The same where it is known to be fixed, which saves passes.
struct FixedBaseline {
  AnyBaseline baseline{};
  Tensor operator()(const Tensor& x) const {
    at::Generator unused;
    return baseline.draw(x, unused);
  }
};

/// A file as a tensor like the inputs, [1, ...].
using ReadInput = std::function<Tensor(const std::string& path)>;

/// zero, constant:V, mean, blur:SIGMA, noise:STDEV, uniform:LOW,HIGH, a file, samples:FOLDER, and several in a row with
/// + between them: blur:4+noise:0.1.
/// @throws Error that lists these, for anything else
[[nodiscard]] AnyBaseline to_baseline(const std::string& words, const ReadInput& read);

/// The same without files.
[[nodiscard]] AnyBaseline to_baseline(const std::string& words);

}  // namespace cli
