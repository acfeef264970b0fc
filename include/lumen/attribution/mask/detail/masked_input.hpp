// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/baseline/draw.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/derivatives.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>

namespace lumen::detail {

/// The scores of an image seen through a mask, m x + (1 - m) x', and how they change with the mask.
class MaskedInput {
 public:
  /// @throws Error  bad input or baseline; not exactly one part is explained, or it is no [N, C, L] or [N, C, H, W]
  template <Baseline B>
  MaskedInput(engine::Function model, Tensors parts, const Targets& targets, const B& baseline,
              std::string_view method, const Run& run)
      : model_(std::move(model)), parts_(std::move(parts)), run_(run) {
    for (Tensor& part : parts_) part = part.defined() ? part.detach() : part;
    start_ = engine::start(model_, parts_, targets, run);
    std::size_t images = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (!engine::explained(parts_[i])) continue;
      image_ = i;
      ++images;
    }
    require(images == 1, [&] {
      return text(method, " makes one mask for one image, but ", images,
                  " inputs are explained; let the others ride along: lumen::held(tensor)");
    });
    require(image().dim() == 3 || image().dim() == 4, [&] {
      return text(method, " masks inputs [N, C, L] and [N, C, H, W]; this one is ", image().sizes());
    });
    if (engine::granule(start_.targets, samples()) == 1) model_ = engine::independent(std::move(model_));
    absent_ = baselines(baseline, parts_, first_draws(run, samples()))[image_];
    run_.progress = {};  // told once an iteration, not once a pass
    Tensors empty = parts_;
    empty[image_] = absent_;
    const std::vector<Tensor> before = engine::scores_of(model_, empty, start_.targets, run_);
    for (std::size_t t = 0; t < before.size(); ++t) {
      engine::check_scores(before[t]);
      const Tensor range = (start_.scores[t] - before[t]).abs();
      ranges_.push_back(range.masked_fill(range == 0, 1));
    }
  }

  [[nodiscard]] const Tensor& image() const { return parts_[image_]; }
  [[nodiscard]] const Tensors& parts() const { return parts_; }
  [[nodiscard]] std::size_t place() const { return image_; }  ///< of the image among the parts
  [[nodiscard]] std::int64_t samples() const { return image().size(0); }
  [[nodiscard]] std::int64_t height() const { return image().dim() == 4 ? image().size(2) : 1; }
  [[nodiscard]] std::int64_t width() const { return image().size(image().dim() - 1); }
  /// What masks on their way are made of: the image's type, or one that keeps the small steps of a descent.
  [[nodiscard]] at::TensorOptions options() const {
    const bool coarse = image().element_size() < 4;
    return image().options().dtype(coarse ? at::kFloat : image().scalar_type());
  }
  [[nodiscard]] const Tensor& score(std::size_t target) const { return start_.scores[target]; }

  /// The derivative of a target's score, in units of |F(x) - F(x')|, by the mask, [N, 1, height, width].
  [[nodiscard]] Tensor pull(std::size_t target, const Tensor& mask) const {
    const std::int64_t n = samples();
    const Tensor kept = (image().dim() == 4 ? mask : mask.squeeze(2)).to(image().scalar_type());
    Tensor result = at::empty_like(mask);
    const auto points = [&](std::int64_t, const Tensor& index) {
      Tensors rows = engine::select_rows(parts_, index);
      const Tensor here = index.to(image().device());
      rows[image_] = at::lerp(absent_.index_select(0, here), rows[image_], kept.index_select(0, here));
      return rows;
    };
    const auto collect = [&](const engine::Derivatives& found, std::int64_t, const Tensor& index) {
      engine::check_scores(found.scores.front());
      const Tensor here = index.to(image().device());
      const Tensor change = engine::times(image().index_select(0, here) - absent_.index_select(0, here),
                                          found.gradients.front()[image_])
                                .sum(1, true, mask.scalar_type());
      const Tensor scale =
          engine::per_row(ranges_[target].index_select(0, index.to(ranges_[target].device())), change)
              .to(change.options());
      result.index_copy_(0, here, (change / scale).reshape({index.size(0), 1, height(), width()}));
    };
    engine::differentiate_rows(model_, n, 1, {start_.targets[target]}, run_, "mask", points, collect,
                               start_.row_bytes, start_.row_largest);
    return result;
  }

  /// A map of the image's own shape from a mask; zeros for the other parts.
  [[nodiscard]] Tensors map(const Tensor& mask) const {
    Tensors parts;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Tensor flat = image().dim() == 4 ? mask : mask.squeeze(2);
      parts.push_back(i == image_ ? flat.to(image().scalar_type()).expand_as(image()).contiguous()
                                  : at::zeros_like(parts_[i]));
    }
    return parts;
  }

 private:
  engine::Function model_;
  Tensors parts_;
  Run run_;
  engine::Start start_;
  std::size_t image_ = 0;
  Tensor absent_;
  std::vector<Tensor> ranges_;
};

}  // namespace lumen::detail
