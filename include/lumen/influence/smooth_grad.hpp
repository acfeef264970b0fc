// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include <lumen/core/seed.hpp>
#include <lumen/influence/detail/average.hpp>
#include <lumen/influence/rows.hpp>

namespace lumen::influence {

/// SmoothGrad of every chosen output pixel: Smilkov et al., 2017, arXiv:1706.03825: the gradient of the pixel's score
/// averaged over noisy copies of the image.
///
///     a = mean over j of the gradient at x + e_j,  e_j Gaussian of mean 0
///
/// All pixels share the copies. `standard_error` of a chunk is that of the mean over copies.
/// Cost: `samples` times that of the rows, and a recorded pass for each copy (for each block of rows that the memory
/// holds).
struct SmoothGrad {
  std::int64_t samples = 50;  ///< noisy copies, at least 1
  double stdev = 0.15;  ///< of the noise, in parts of the image's range (largest less smallest value), >= 0
  Options options{};    ///< `way`: Columns is taken as Rows
  std::uint64_t seed = 0;

  /// The arguments are those of `influence::rows`. @throws Error  as `rows`, and for bad options
  template <class M>
    requires Model<M>
  Report operator()(M&& model, const Tensor& x, const Outputs& outputs, const Targets& scores,
                    const RowSink& sink) const {
    engine::check_count("SmoothGrad", "samples", samples);
    require(stdev >= 0 && std::isfinite(stdev),
            [&] { return text("SmoothGrad: stdev is ", stdev, ", expected at least 0, and finite"); });
    require(static_cast<bool>(sink), "influence: no sink is given; pass a functor that takes each RowChunk");
    const engine::Function function = detail::asked_of(model, x, options);
    const double scale = stdev * (x.max() - x.min()).template item<double>();
    const std::int64_t sample = options.run.samples.empty() ? 0 : options.run.samples.front();
    detail::Points points{
        .count = samples,
        .weights = std::vector<double>(static_cast<std::size_t>(samples), 1.0 / static_cast<double>(samples)),
        .scatter = samples > 1};
    points.at = [&](std::int64_t k) {
      at::Generator source = generator(seed, sample, k);
      return x.detach() + normal_like(x, source) * scale;
    };
    const auto finish = [](std::size_t, const Tensor&, detail::RowSum&, detail::Evidence&) {};
    return detail::averaged_rows(function, x, outputs, scores, points, finish, detail::as_called(sink),
                                 options);
  }
};

}  // namespace lumen::influence
