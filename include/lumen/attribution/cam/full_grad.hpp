// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/detail/affine.hpp>
#include <lumen/attribution/cam/detail/channel_axis.hpp>
#include <lumen/attribution/cam/layout.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/op/channel_map.hpp>
#include <lumen/target/asked.hpp>

namespace lumen {

namespace detail {

/// Hears of the bias-gradients of a backward pass: what each operator adds to the score by itself.
class BiasGradients {
 public:
  /// Takes what an operator adds to a target's score, for each value that it gives: [N, C, h, w], [N, C], ...; and the
  /// operator's position in the pass, unless its channels are known to be in dimension 1.
  using Take = std::function<void(std::size_t target, const Tensor& value, std::int64_t order)>;

  explicit BiasGradients(Take take) : take_(std::move(take)) {}

  /// The targets, so that it is known whose backward pass is running: that of the one asked last.
  [[nodiscard]] Targets watched(const Targets& targets) {
    Targets all;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      all.push_back(target::asked(targets[t], [this, t](const AnyTarget& target, const Tensor& output) {
        current_ = t;
        return target(output);
      }));
    }
    return all;
  }

  /// Changes no gradient. Operators f with f(a z) = a f(z) add nothing.
  [[nodiscard]] rule::Composite composite() {
    namespace kinds = rule::kinds;
    rule::Composite composite{.method = "FullGrad"};
    composite.pass(kinds::dropouts | kinds::averages |
                   rule::Kinds{"relu", "leaky_relu", "prelu", "rrelu", "sum", "neg", "abs", "cumsum"});
    composite.otherwise = [this](const rule::Record& record) { return rule_for(record); };
    return composite;
  }

 private:
  rule::Backward rule_for(const rule::Record& record) {
    const auto on_path = std::count(record.on_path.begin(), record.on_path.end(), true);
    const bool alone = on_path == 1, sums = rule::kinds::sums.contains(record.kind);
    if (rule::is_weighted(record) && record.position("bias") >= 0) {
      const c10::IValue& bias = record.argument("bias");  // of a module without one: an undefined tensor
      if (bias.isNone() || !bias.toTensor().defined()) return {};
      return [this](const rule::Record& at, const Tensors& g) { return with_bias(at, g); };
    }
    if (alone && rule::kinds::products.contains(record.kind) && record.on_path.front() &&
        record.argument("rounding_mode").isNone()) {
      return {};
    }
    if (sums && on_path == 2) return {};
    if (only_moves(record)) return {};
    return [this](const rule::Record& at, const Tensors& g) { return with_residual(at, g); };
  }

  /// Whether all values that it moves or chooses from are on the path: a class token that is put before others, the
  /// constant of a border or of a maximum are biases.
  static bool only_moves(const rule::Record& record) {
    namespace kinds = rule::kinds;
    if (!kinds::moves.contains(record.kind) && !kinds::maxima.contains(record.kind)) return false;
    const c10::IValue border = record.argument("value");
    if (record.kind == "pad" || (border.isScalar() && border.toScalar().toDouble() != 0.0)) return false;
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
      if (!record.on_path[i] && at::isFloatingType(record.inputs[i].scalar_type())) return false;
    }
    return true;
  }

  /// Of a weighted sum, its bias.
  Tensors with_bias(const rule::Record& record, const Tensors& gradients) {
    const Tensor bias = record.argument("bias").toTensor();
    const bool last = record.kind == "linear";
    take_(current_, gradients[0] * (last ? bias : op::on_channels(bias, gradients[0])), record.order);
    return rule::plain_backward(record, gradients);
  }

  /// Of any operator f, its implicit bias f(z) - f'(z) z.
  Tensors with_residual(const rule::Record& record, const Tensors& gradients) {
    Tensors result = rule::plain_backward(record, gradients);
    Tensors apart;
    // a value of 0 adds nothing, also where the derivative is infinite
    Tensor own = engine::times(record.outputs[0], gradients[0]);
    for (std::size_t i = 1; i < record.outputs.size(); ++i) {
      apart.push_back(engine::times(record.outputs[i], gradients[i]));
    }
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (!record.on_path[i]) continue;
      const Tensor less = engine::times(record.inputs[i], result[i]);
      less.sizes() == own.sizes() ? own = own - less : apart.emplace_back(-less);
    }
    take_(current_, own, record.order);
    for (const Tensor& each : apart) take_(current_, each, record.order);
    return result;
  }

  Take take_;
  std::size_t current_ = 0;
};

/// Every channel's magnitude stretched to [0, 1], at another size, and added up: [N, 1, ...].
inline Tensor stretched_magnitude(const Tensor& value, const std::vector<std::int64_t>& size) {
  const Tensor magnitude = value.abs(), flat = magnitude.flatten(2), low = flat.amin(2, true);
  const Tensor range = flat.amax(2, true) - low;
  const Tensor stretched = (flat - low) / range.masked_fill(range == 0, 1);
  return upsampled(stretched.reshape(value.sizes()), size, Upsample::Bilinear).sum(1, true);
}

}  // namespace detail

/// FullGrad: Srinivas and Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019,
/// arXiv:1905.00780.
///
///     F(x) = sum of x dF/dx + sum over operators of b dF/db
///     map  = sum over channels of x dF/dx + sum over operators and channels of b dF/db, spread over the image
///
/// b are the biases of the operators that ran, and the implicit ones, f(z) - f'(z) z, of those like batch
/// normalisation and smooth activations; b dF/db has a value for each cell of the operator's output, which is shared
/// out over the pixels that the cell stands for. Where an operator's channels are is told by the operators before it: a
/// linear layer's come last. What has no cells, or is not known to have some (a pooled value, tokens without a
/// `layout`), is shared out evenly over the image.
/// Completeness: the map sums to F(x) itself, exactly for every network, but for rounding; the error is returned.
/// Cost: one forward and one backward pass, and the operators with biases once more for each target.
struct FullGrad {
  /// The paper's picture instead: of each channel the magnitude, stretched to [0, 1] and upsampled bilinearly, added
  /// up; what has no rows and columns is left out. It shows where, no longer how much.
  bool picture = false;
  /// Of values that have not as many dimensions as the image and their channels last: layout::Tokens for a vision
  /// transformer; any functor to [N, C, ...].
  Layout layout{};
  bool positive_part = false;
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, C, L], [N, C, H, W] or [N, C, D, H, W], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward pass
  /// @return the map [N, 1, H, W] (or the like) in units of the score, of the first part that is [N, C, H, W], else
  ///         [N, C, L] or [N, C, D, H, W]; `score`;
  ///         `completeness_error`, of the signed map (with `picture`, of what it is made from)
  /// @throws Error  bad input; no such part; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const Tensor& image = detail::image_of(
          parts, 0, "FullGrad lays its map on the input's cells: for other inputs use InputXGradient");
      const std::vector<std::int64_t> size = detail::cells_of(image);
      const std::int64_t n = image.size(0), pixels = image[0][0].numel();
      std::vector<std::int64_t> shape = image.sizes().vec();
      shape[1] = 1;
      std::vector<Tensors> maps(targets.size()), totals(targets.size()), scores(targets.size());
      sweep(n, engine::granule(targets, n), run, "FullGrad", [&](std::int64_t first, std::int64_t count) {
        const Tensor samples = engine::samples_of(first, count, n);
        shape[0] = count;
        for (std::size_t t = 0; t < targets.size(); ++t) {
          maps[t].push_back(at::zeros(shape, image.options()));
          totals[t].push_back(at::zeros({count}, image.options()));
        }
        detail::ChannelAxis axes({});
        const auto lay = [&](std::size_t t, const Tensor& value, std::optional<std::int64_t> axis) {
          require(count == 1 || (value.dim() >= 1 && value.size(0) == count), [&] {
            return text("FullGrad: an operator gives ", value.sizes(), " for ", count,
                        " samples, so that it is not known what is whose; explain one sample at a time");
          });
          Tensor placed;  // as [N, C, ...], if it has cells like the image's
          if (axis && value.size(0) == count) {
            if (value.dim() == image.dim()) {
              placed = value.movedim(*axis, 1);
            } else if (layout.given() && value.dim() >= 3 && *axis == value.dim() - 1) {
              placed = layout(value);
              require(placed.dim() == image.dim(), [&] {
                return text("FullGrad: the layout makes ", placed.sizes(), " of an operator's value ",
                            value.sizes(), ", expected cells of as many dimensions as those of the input ",
                            image.sizes());
              });
            }
          }
          const Tensor total = value.reshape({count, -1}).sum(1);
          totals[t].back() += total;
          if (placed.defined() && picture) {
            maps[t].back() += detail::stretched_magnitude(placed, size);
            return;
          }
          if (placed.defined()) maps[t].back() += spread(placed.sum(1, true), size);
          // what a layout leaves out, and all that has no cells
          const Tensor rest = placed.defined() ? total - placed.flatten(1).sum(1) : total;
          if (!picture && (!placed.defined() || layout.given())) {
            maps[t].back() += engine::per_row(rest, image) / static_cast<double>(pixels);
          }
        };
        const auto take = [&](std::size_t t, const Tensor& value, std::int64_t order) {
          lay(t, value, axes.at(order));
        };
        detail::BiasGradients biases(take);
        rule::Pass pass(biases.composite());
        const Targets rows = engine::target_rows(targets, samples, n);
        const Tensors points = engine::select_rows(parts, samples);
        const engine::Function ruled = pass.bind(function);
        const engine::Function bound = [&](const Tensors& given) {
          for (const Tensor& part : given) {
            if (part.dim() == image.dim()) axes.begin(part, 1);
          }
          const trace::Listening listening(axes);
          return ruled(given);
        };
        const engine::Derivatives at =
            engine::differentiate(first == 0 ? engine::checked(bound, targets, n) : bound, points,
                                  pass.bind(biases.watched(rows)), true);
        for (std::size_t t = 0; t < targets.size(); ++t) {
          for (std::size_t p = 0; p < points.size(); ++p) {
            if (!engine::explained(points[p])) continue;
            const bool cells = points[p].dim() == image.dim();
            lay(t, engine::times(points[p], at.gradients[t][p]),
                cells ? std::optional<std::int64_t>(1) : std::nullopt);
          }
          scores[t].push_back(at.scores[t]);
        }
      });
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensor score = at::cat(scores[t]), map = at::cat(maps[t]);
        engine::check_scores(score);
        const Tensor total = picture ? at::cat(totals[t]) : map.flatten(1).sum(1);
        results.push_back({.map = positive_part ? map.clamp_min(0) : map,
                           .score = score,
                           .completeness_error = total - score,
                           .forward_passes = 1,
                           .backward_passes = 1});
      }
      return results;
    });
  }
};

}  // namespace lumen
