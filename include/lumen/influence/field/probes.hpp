// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/influence/detail/question.hpp>
#include <lumen/influence/field/effective.hpp>
#include <lumen/influence/outputs.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::influence {

namespace detail {

/// Mean and standard error of maps that come one after the other.
class MapMoments {
 public:
  void add(const Tensor& map) {
    ++count_;
    if (!mean_.defined()) mean_ = at::zeros_like(map), spread_ = at::zeros_like(map);
    const Tensor from = map - mean_;
    mean_ += from / static_cast<double>(count_);
    spread_ += from * (map - mean_);
  }
  [[nodiscard]] Tensor mean() const { return mean_; }
  [[nodiscard]] Tensor standard_error() const {
    const auto n = static_cast<double>(count_);
    return (spread_ / (n * (n - 1))).clamp_min(0).sqrt();
  }

 private:
  Tensor mean_, spread_;
  std::int64_t count_ = 0;
};

/// Random signs of a shape, +1 or -1.
inline Tensor signs(at::IntArrayRef shape, std::uint64_t seed, std::int64_t draw,
                    const at::TensorOptions& options) {
  at::Generator source = lumen::generator(seed, 0, draw);
  return at::randint(0, 2, shape, source, at::TensorOptions(at::kLong)).mul(2).sub(1).to(options);
}

}  // namespace detail

/// What random probes say of each pixel of the image, [H, W], float64 on the CPU.
struct Probed {
  Tensor energy;          ///< the mean over the outputs of the squared derivative with respect to the pixel
  Tensor standard_error;  ///< of it
  std::int64_t probes = 0;
};

/// For every pixel of the image the mean square of its influence over the outputs, estimated without their rows: the
/// squared gradient of the sum of all scores with random signs, averaged over `probes` draws (the diagonal estimator of
/// Bekas, Kokiopoulou and Saad, Applied Numerical Mathematics 57, 2007, of J'J). Unbiased; `ActivationMaps` gives the
/// same exactly. For a class or a region, ask about its pixels. One forward pass, `probes` backward passes of the whole
/// image.
/// @param probes  at least 2
/// @throws Error  as `rows`
template <class M>
  requires Model<M>
Probed probe_energy(M&& model, const Tensor& x, const Outputs& outputs, const AnyTarget& score,
                    std::int64_t probes = 32, const Run& run = {}, std::uint64_t seed = 0) {
  engine::check_input({x});
  require(x.dim() == 4 && x.size(0) == 1, [&] {
    return text("influence: the input has shape ", x.sizes(), "; expected one image, [1, C, H, W]");
  });
  require(probes >= 2,
          [&] { return text("influence::probe_energy: ", probes, " probes; expected at least 2"); });
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  const engine::Differentiable points({x.detach().clone()});
  const engine::Function function = engine::bind<Tensor>(model);
  const Tensor output = engine::run_model(function, points.given);
  const auto cut = [&] {
    return text("influence: the output does not depend on the input through differentiable operations",
                engine::cut_note(function, {x}));
  };
  require(output.requires_grad(), cut);
  const detail::Question question = detail::ask(output, outputs, {score});
  const Tensor index = question.index().to(output.device());
  detail::MapMoments moments;
  for (std::int64_t k = 0; k < probes; ++k) {
    const Tensor sign = detail::signs({question.size(), 1}, seed, k, output.options());
    const Tensor seeds = at::zeros({question.channels, question.height * question.width}, output.options())
                             .index_copy(1, index, (question.seeds[0] * sign).t());
    const Tensor row =
        torch::autograd::grad({output}, points.origins, {seeds.reshape(output.sizes())},
                              /*retain_graph=*/true, /*create_graph=*/false, /*allow_unused=*/true)
            .front();
    require(row.defined(), cut);
    const at::NoGradGuard no_grad;
    moments.add(row[0].to(at::kDouble).sum(0).square() / static_cast<double>(question.size()));
    engine::tell(run, "probes", k + 1, probes);
  }
  return {.energy = moments.mean().cpu(), .standard_error = moments.standard_error().cpu(), .probes = probes};
}

/// The effective receptive field of the middle pixels of layers [1, C, h, w] of a program: the squared derivatives with
/// respect to the image, summed over the layer's channels, at the image's size. From random signs of the channels, one
/// backward pass a probe and layer; exact for one channel.
/// @param x       the image, [1, C, H, W]
/// @param probes  at least 2
[[nodiscard]] inline std::vector<Field> layer_fields(const trace::Program& program, const Tensor& x,
                                                     const std::vector<trace::ValueId>& layers,
                                                     std::int64_t probes = 8, const Run& run = {},
                                                     std::uint64_t seed = 0) {
  require(probes >= 2,
          [&] { return text("influence::layer_fields: ", probes, " probes; expected at least 2"); });
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  const Tensor image = x.detach().clone().requires_grad_(true);
  const Tensors values = program.run({{program.inputs().front(), image}}, layers);
  std::vector<Field> fields;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Tensor& value = values[i];
    require(value.dim() == 4,
            [&] { return text("a layer's value has sizes ", value.sizes(), "; expected [1, C, h, w]"); });
    const std::int64_t row = value.size(2) / 2, column = value.size(3) / 2;
    detail::MapMoments moments;
    const std::int64_t draws = value.size(1) == 1 ? 2 : probes;
    for (std::int64_t k = 0; k < draws; ++k) {
      Tensor seeds = at::zeros_like(value);
      seeds.select(3, column).select(2, row).copy_(
          detail::signs({1, value.size(1)}, seed, k, value.options()));
      Tensor gradient;
      if (value.requires_grad()) {
        gradient =
            torch::autograd::grad({value}, {image}, {seeds}, /*retain_graph=*/true, /*create_graph=*/false,
                                  /*allow_unused=*/true)
                .front();
      }
      const at::NoGradGuard no_grad;
      if (!gradient.defined()) gradient = at::zeros_like(image);
      moments.add(gradient[0].to(at::kDouble).sum(0).square());
    }
    const auto centre = [](std::int64_t place, std::int64_t extent, std::int64_t out) {
      return (static_cast<double>(place) + 0.5) * static_cast<double>(extent) / static_cast<double>(out) -
             0.5;
    };
    fields.push_back({.energy = moments.mean().cpu(),
                      .standard_error = moments.standard_error().cpu(),
                      .row = centre(row, x.size(2), value.size(2)),
                      .column = centre(column, x.size(3), value.size(3)),
                      .rows = 1});
    engine::tell(run, "fields", static_cast<std::int64_t>(i) + 1, static_cast<std::int64_t>(values.size()));
  }
  return fields;
}

}  // namespace lumen::influence
