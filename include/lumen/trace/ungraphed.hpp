// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/util/intrusive_ptr.h>

#include <lumen/core/input.hpp>
#include <lumen/trace/operation.hpp>

namespace lumen::trace {

/// Runs operators without recording a graph, while the model sees what it would see if there were one: grad mode on, and
/// values that need gradients. Some ask for that. A transformer of torch.nn runs as one fused kernel, which shows none of
/// its layers, where nothing needs gradients.
class Ungraphed {
 public:
  /// `x` with a mark that it needs gradients, of the same values.
  [[nodiscard]] Tensors marked(const Tensors& x) {
    Tensors result;
    for (const Tensor& part : x) {
      result.push_back(part.detach());
      mark(result.back());
    }
    return result;
  }

  /// To be called in the place of `call.proceed()`.
  void run(Call& call) {
    bool needs = false;
    for (const Tensor& value : tensors_in(call.arguments)) needs = needs || value.requires_grad();
    {
      const at::NoGradGuard no_grad;
      call.proceed();
    }
    if (!needs || in_place(call.op)) return;
    for (const Tensor& result : tensors_in(call.results)) mark(result);
  }

  /// Takes the marks away.
  void end() {
    for (const auto& each : marked_) {
      if (const auto value = each.lock()) value->set_requires_grad(false);
    }
    marked_.clear();
  }

 private:
  void mark(const Tensor& value) {
    const bool can = at::isFloatingType(value.scalar_type()) || value.is_complex();
    if (!can || value.requires_grad()) return;
    value.requires_grad_(true);
    marked_.emplace_back(value.getIntrusivePtr());
  }

  std::vector<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> marked_;
};

}  // namespace lumen::trace
