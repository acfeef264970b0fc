// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/trace/detail/audience.hpp>
#include <lumen/trace/detail/hearing_earlier.hpp>
#include <lumen/trace/intercept.hpp>
#include <lumen/trace/layer.hpp>
#include <lumen/trace/layer_listener.hpp>

/// Models with a layer's value changed on the way.
namespace lumen::trace {

namespace detail {

/// While it lives, those who listen hear nothing of what this thread runs; others may begin to.
class Unheard {
 public:
  Unheard() {
    if (audience() == nullptr) return;
    audience_ = std::make_shared<Audience>();
    audience_->begin();
  }
  Unheard(const Unheard&) = delete;
  Unheard& operator=(const Unheard&) = delete;
  ~Unheard() {
    if (audience_ == nullptr) return;
    audience_->end();
    c10::impl::tls_set_dispatch_key_included(key, true);
  }

 private:
  std::shared_ptr<Audience> audience_;
};

}  // namespace detail

/// A model whose layer gives (or is given) what `change` makes of its value; see `edit`.
template <class M, class F>
class Edited {
 public:
  Edited(M model, Layer layer, F change)
      : kept_{std::forward<M>(model)}, layer_(std::move(layer)), change_(std::move(change)) {}

  /// @throws Error if the pass never comes to the layer, or `change` gives a tensor of another shape, type or device
  template <std::same_as<Tensor>... Parts>
    requires(sizeof...(Parts) > 0)
  [[nodiscard]] Tensor forward(const Parts&... parts) const {
    Layer layer = layer_;
    if (layer.nth < 0) {
      if constexpr (sizeof...(Parts) == 1) {
        const auto run = [&](const Tensors& given) { return lumen::forward(kept_.model, given.front()); };
        const detail::Unheard unheard;  // a pass of its own, which is no part of the model's
        layer = resolved({layer}, run, {parts...}).front();
      } else {
        throw Error("edit: of a model of several inputs, layers are counted from the start");
      }
    }
    const LayerListener* self = nullptr;
    const auto edited = [&](std::size_t, const Tensor& value) {
      const detail::HearingEarlier hearing(*self);
      Tensor changed = std::invoke(change_, Tensor(value.clone()));
      require(changed.defined() && changed.sizes() == value.sizes() && changed.dtype() == value.dtype() &&
                  changed.device() == value.device(),
              [&] {
                return text(
                    "edit: ", layer.what(), " is ", value.scalar_type(), value.sizes(),
                    ", but `change` gave ",
                    changed.defined() ? text(changed.scalar_type(), changed.sizes()) : "an undefined tensor");
              });
      return changed;
    };
    LayerListener listener({layer}, edited, LayerListener::Writes::Heard);
    self = &listener;
    Tensor output;
    {
      const Listening listening(listener);
      output = lumen::forward(kept_.model, parts...);
    }
    listener.check();
    return output;
  }

 private:
  struct Kept {  // what may not be called as a constant: modules
    M model;
  };
  mutable Kept kept_;
  Layer layer_;
  F change_;
};

/// The model with one inner value edited: on every pass `change`, a function of tensors, is given a copy of the layer's
/// value, and what it returns takes the value's place. The result is a model like any other, for every method; whoever
/// observes it hears the operators of `change` as its own. What is edited is found as always: an operator by order or
/// weight, a tap, a TorchScript module by its path.
///
///     const auto blind = trace::edit(net, layer::nth("relu", 2), trace::FillRectangle{.height = 8, .width = 8});
///
/// Cost: that of the model and of `change`; a layer that counts from the end takes one pass of the first sample more.
/// @param model   an lvalue is referred to and must outlive the result; a temporary is kept
/// @param change  Tensor -> Tensor of the same shape, type and device
template <class M, class F>
  requires std::convertible_to<std::invoke_result_t<const F&, Tensor>, Tensor>
[[nodiscard]] auto edit(M&& model, Layer layer, F change) {
  return Edited<M, F>(std::forward<M>(model), std::move(layer), std::move(change));
}

/// Sets a rectangle of every channel of a layer's value [N, C, H, W] to a number: what the layer saw there is gone.
struct FillRectangle {
  std::int64_t top = 0, left = 0, height = 1, width = 1;  ///< cells of the layer; within it
  double value = 0.0;

  /// @throws Error for a value that is not [N, C, H, W], or a rectangle that leaves it
  Tensor operator()(Tensor layer) const {
    require(layer.dim() == 4 && top >= 0 && left >= 0 && height >= 1 && width >= 1 &&
                top + height <= layer.size(2) && left + width <= layer.size(3),
            [&] {
              return text("FillRectangle: rows ", top, " to ", top + height, " and columns ", left, " to ",
                          left + width, " do not lie in a layer of shape ", layer.sizes());
            });
    layer.narrow(2, top, height).narrow(3, left, width).fill_(value);
    return layer;
  }
};

}  // namespace lumen::trace
