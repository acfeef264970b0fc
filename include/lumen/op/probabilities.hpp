// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/op/kinds.hpp>
#include <lumen/trace/operation.hpp>

/// Whether what a model gives are probabilities already, which no sigmoid or softmax may be put upon.
namespace lumen::op {

namespace detail {

/// What the operators of a pass say of the values they give.
enum class Scale {
  Open,           ///< nothing: the values decide
  Logits,         ///< of a weighted sum, a norm or a rectifier
  Probabilities,  ///< of a sigmoid or softmax
};

/// Follows the last operator of a pass through those that only move, average or keep values.
class ScaleListener final : public trace::Listener {
 public:
  void on_call(trace::Call& call) override {
    static const Kinds sigmoids = listed("hardsigmoid sigmoid softmax special_ndtr"),
                       sums = kinds::weighted | kinds::multilinear | kinds::norms_fixed |
                              kinds::norms_adaptive | kinds::rectifiers | listed("log_softmax log_sigmoid"),
                       kept = kinds::moves | kinds::averages | kinds::sampling | kinds::dropouts |
                              kinds::maxima | listed("clamp clamp_max clamp_min");
    const std::string kind = trace::kind_of(call.op, call.arguments);
    const Tensors given = trace::tensors_in(call.arguments);
    Scale scale = Scale::Open;
    if (kept.contains(kind) && !given.empty()) {
      scale = of(given.front());
      for (const Tensor& each : given)
        if (at::isFloatingType(each.scalar_type()) && of(each) != scale) scale = Scale::Open;
    } else if (sigmoids.contains(kind)) {
      scale = Scale::Probabilities;
    } else if (sums.contains(kind)) {
      scale = Scale::Logits;
    }
    call.proceed();
    for (const Tensor& result : trace::tensors_in(call.results)) note(result, scale);
  }

  [[nodiscard]] Scale of(const Tensor& value) const {
    const auto found = known_.find(value.unsafeGetTensorImpl());
    return found == known_.end() || found->second.first.expired() ? Scale::Open : found->second.second;
  }

 private:
  using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  void note(const Tensor& result, Scale scale) {
    known_.insert_or_assign(result.unsafeGetTensorImpl(), std::pair(Weak(result.getIntrusivePtr()), scale));
  }

  std::unordered_map<const c10::TensorImpl*, std::pair<Weak, Scale>> known_;
};

/// Whether values [N, C, ...] lie in [0, 1]: of one channel, or of several that add up to 1.
struct Values {
  bool lone_within = false, one_in_all = false;

  explicit Values(const Tensor& output) {
    if (output.dim() < 2 || output.numel() == 0 || !at::isFloatingType(output.scalar_type())) return;
    const Tensor values = output.detach().to(at::kDouble);
    const bool within = values.min().item<double>() >= 0 && values.max().item<double>() <= 1;
    lone_within = within && output.size(1) == 1;
    one_in_all = within && output.size(1) > 1 && ((values.sum(1) - 1.0).abs() < 1e-3).all().item<bool>();
  }
};

}  // namespace detail

/// A model's output, and whether it holds probabilities.
struct Output {
  Tensor value;
  bool probabilities = false;
};

/// Runs a model without gradients and tells whether its output [N, C, ...] holds probabilities: it does if its last
/// operator is a sigmoid or softmax, seen through what moves, averages, interpolates or clips values, or if several
/// channels lie in [0, 1] and add up to 1 everywhere. Where the last operator of a lone channel tells nothing (a sigmoid
/// written out), values in [0, 1] are taken for probabilities; those of a convolution, linear layer, norm or rectifier
/// never are.
///
/// Cost: one forward pass. A model that cannot be heard (parts of it run on threads of its own) is judged by its values.
[[nodiscard]] inline Output output_of(const lumen::engine::Function& model, const Tensors& x) {
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  detail::ScaleListener listener;
  Output output;
  detail::Scale scale = detail::Scale::Open;
  const auto copies = [&] {  // the model may overwrite what it is given
    Tensors given;
    for (const Tensor& part : x) given.push_back(part.detach().clone());
    return given;
  };
  try {
    const trace::Listening listening(listener);
    output.value = model(copies());
    if (output.value.defined()) scale = listener.of(output.value);
  } catch (const Error&) {
    output.value = model(copies());
  }
  if (!output.value.defined()) return output;
  const detail::Values values(output.value);
  output.probabilities = scale == detail::Scale::Probabilities || values.one_in_all ||
                         (scale == detail::Scale::Open && values.lone_within);
  return output;
}

}  // namespace lumen::op
