// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/normal.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen {

/// What `stdev` of a noise is measured in.
enum class NoiseScale {
  OfRange,     ///< a fraction of each sample's own range, max - min: 0.1 to 0.2 in the SmoothGrad paper
  InputUnits,  ///< the input's own units
};

namespace engine {

/// @throws Error unless all standard deviations are finite and at least 0
inline void check_stdev(std::string_view method, double stdev, const std::vector<double>& stdevs) {
  for (const double each : stdevs.empty() ? std::vector{stdev} : stdevs) {
    require(each >= 0 && std::isfinite(each),
            [&] { return text(method, ": stdev is ", each, ", expected at least 0, and finite"); });
  }
}

/// The standard deviation of the noise on each sample of each part, as [N, 1, ...]; undefined for parts that are held.
/// @param stdevs  one for each part that is not held, in place of `stdev`; none: that for all
/// @throws Error if there is another number of them
inline Tensors noise_deviations(const Tensors& parts, NoiseScale scale, double stdev,
                                const std::vector<double>& stdevs = {}) {
  const std::size_t inputs = explained_of(parts).size();
  require(stdevs.empty() || stdevs.size() == inputs, [&] {
    return text(stdevs.size(), " standard deviations (stdevs) were given for ", inputs,
                " inputs; give one for each that is not held, or `stdev` for all");
  });
  Tensors deviations;
  std::size_t next = 0;
  for (const Tensor& part : parts) {
    if (!explained(part)) {
      deviations.emplace_back();
      continue;
    }
    if (!stdevs.empty()) stdev = stdevs[next++];
    if (scale == NoiseScale::InputUnits) {
      std::vector<std::int64_t> shape(static_cast<std::size_t>(part.dim()), 1);
      shape.front() = part.size(0);
      deviations.push_back(at::full(shape, stdev, part.options()));
      continue;
    }
    const Tensor rows = part.reshape({part.size(0), -1});
    const Tensor ranges = rows.amax(1) - rows.amin(1);
    deviations.push_back(per_row(ranges * stdev, part));
  }
  return deviations;
}

/// Gaussian noise added to rows first ... first + count - 1, numbered draw * N + sample. That of a row depends on
/// (seed, number of its sample, draw) alone.
/// @param numbers  of the N samples
inline Tensors noisy_rows(const Tensors& parts, const Tensors& deviations, std::uint64_t seed,
                          const std::vector<std::int64_t>& numbers, std::int64_t first, std::int64_t count) {
  const auto n = static_cast<std::int64_t>(numbers.size());
  std::vector<std::int64_t> samples, of_row, draws;
  for (std::int64_t row = first; row < first + count; ++row) {
    samples.push_back(row % n);
    of_row.push_back(numbers[static_cast<std::size_t>(row % n)]);
    draws.push_back(row / n);
  }
  const Tensor index = at::tensor(samples, at::kLong);
  Tensors result;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (!explained(parts[p])) {
      result.push_back(parts[p].index_select(0, index.to(parts[p].device())));
      continue;
    }
    const Tensor noise = normal_rows(parts[p], mix(seed, p), of_row, draws);
    const auto rows = [&](const Tensor& values) {
      return n == 1 ? values : values.index_select(0, index.to(values.device()));
    };
    result.push_back(at::addcmul(rows(parts[p]), noise, rows(deviations[p])));
  }
  return result;
}

}  // namespace engine

}  // namespace lumen
