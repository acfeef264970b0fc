// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>

#include <lumen/core/tensor.hpp>

namespace lumen::script::detail {

/// Copies a module and its submodules, in evaluation mode; tensors are shared, unless they have to change device
/// or floating point type, and what the original shares or ties the copy does too.
class PrivateCopy {
 public:
  PrivateCopy(std::optional<at::Device> device, std::optional<at::ScalarType> dtype)
      : device_(device), dtype_(dtype) {}

  torch::jit::Module operator()(const torch::jit::Module& module) { return copied(module._ivalue()); }

  [[nodiscard]] const std::optional<at::Device>& device() const { return device_; }

  Tensor moved(const Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    const at::Device device = device_.value_or(tensor.device());
    const at::ScalarType dtype =
        dtype_ && at::isFloatingType(tensor.scalar_type()) ? *dtype_ : tensor.scalar_type();
    // what was made in inference mode takes part in no backward pass, a copy does
    const bool inference = tensor.is_inference();
    if (device == tensor.device() && dtype == tensor.scalar_type() && !inference) return tensor;
    Tensor& known = tensors_[tensor.unsafeGetTensorImpl()];
    if (!known.defined()) {
      const c10::InferenceMode no_inference(false);
      const Tensor other = inference ? tensor.clone() : tensor.detach();
      known = other.to(device, dtype).requires_grad_(tensor.requires_grad());
    }
    return known;
  }

 private:
  using ObjectPtr = c10::intrusive_ptr<c10::ivalue::Object>;

  ObjectPtr copied(const ObjectPtr& from) {
    ObjectPtr& known = objects_[from.get()];
    if (known) return known;
    const ObjectPtr to = known = from->copy();
    for (std::size_t slot = 0; slot < from->slots().size(); ++slot) {
      const c10::IValue value = from->getSlot(slot);
      if (value.isModule()) {
        to->setSlot(slot, copied(value.toObject()));
      } else if (value.isTensor()) {
        to->setSlot(slot, moved(value.toTensor()));
      }
    }
    if (const auto training = to->type()->findAttributeSlot("training")) to->setSlot(*training, false);
    return to;
  }

  std::optional<at::Device> device_;
  std::optional<at::ScalarType> dtype_;
  std::map<const c10::ivalue::Object*, ObjectPtr> objects_;
  std::map<const at::TensorImpl*, Tensor> tensors_;
};

}  // namespace lumen::script::detail
