// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::perturb::detail {

/// The labels [N, 1, H, W] (int64, on the device of `x`) that `label` gives each sample, which it is shown as a contiguous
/// float32 [C, H, W] on the processor with its values brought to 0 ... 1 (0 where all are equal): so that no segment
/// depends on the units of the input, nor on other samples.
/// @throws Error unless `x` is floating point [N, C, H, W], finite and not empty
template <class Label>
[[nodiscard]] Tensor label_samples(const Tensor& x, const char* who, const Label& label) {
  require(x.defined() && engine::explained(x) && x.dim() == 4 && x.numel() > 0, [&] {
    return text(who, " was given ",
                x.defined() ? text(x.scalar_type(), ' ', x.sizes()) : "an undefined tensor",
                ", expected pictures: floating point [N, C, H, W]; for other inputs give masks of your own");
  });
  const at::NoGradGuard no_grad;
  const Tensor values = x.detach().to(at::kCPU, at::kFloat);
  require(engine::all_finite(values), [&] { return text(who, " was given NaN or infinite values"); });
  Tensors labels;
  for (std::int64_t n = 0; n < x.size(0); ++n) {
    const Tensor sample = values[n], least = sample.min(), range = sample.max() - least;
    labels.push_back(label(range.item<float>() > 0 ? ((sample - least) / range).contiguous()
                                                   : at::zeros_like(sample, at::MemoryFormat::Contiguous)));
  }
  return at::stack(labels).unsqueeze(1).to(x.device());
}

}  // namespace lumen::perturb::detail
