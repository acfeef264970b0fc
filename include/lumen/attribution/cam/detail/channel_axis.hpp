// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/trace/layer_listener.hpp>
#include <lumen/trace/operation.hpp>

namespace lumen::detail {

/// Follows through a pass which dimension holds the channels: 1 behind convolutions, pools and norms over channels, the
/// last behind linear layers and layer norms, moved by transpositions, kept by what keeps the shape. Asked of layers'
/// values, so that a CAM does not take the columns of a channels-last value for its channels.
class ChannelAxis final : public trace::Listener {
 public:
  explicit ChannelAxis(const std::vector<trace::Layer>& layers) {
    for (const trace::Layer& layer : layers) matches_.emplace_back(layer);
    axes_.resize(layers.size());
  }

  /// Tells where the channels of a value are that the model is given.
  void begin(const Tensor& value, std::int64_t axis) { note(value, axis); }

  /// Where they are in the first result of the operator with this position in the pass.
  [[nodiscard]] std::optional<std::int64_t> at(std::int64_t order) const {
    return order < static_cast<std::int64_t>(all_.size()) ? all_[static_cast<std::size_t>(order)]
                                                          : std::nullopt;
  }

  /// Where the channels of each layer's value are; none where that is not known.
  [[nodiscard]] const std::vector<std::optional<std::int64_t>>& axes() const { return axes_; }

  void on_call(trace::Call& call) override {
    const std::string kind = trace::kind_of(call.op, call.arguments);
    const std::size_t order = all_.size();
    all_.emplace_back();
    std::vector<std::size_t> outputs;
    for (std::size_t i = 0; i < matches_.size(); ++i) {
      if (!matches_[i](kind, call.arguments)) continue;
      if (matches_[i].layer().input) {
        const Tensors tensors = trace::tensors_in(call.arguments);
        const std::size_t data = kind == "addmm" || kind == "baddbmm" ? 1 : 0;
        if (data < tensors.size()) axes_[i] = of(tensors[data]);
      } else {
        outputs.push_back(i);
      }
    }
    const Tensors given = trace::tensors_in(call.arguments);
    std::vector<Seen> before;
    for (const Tensor& each : given)
      before.push_back({of(each), each.defined() ? each.sizes().vec() : Sizes{}});
    const std::vector<c10::IValue> arguments = call.arguments;
    call.proceed();
    for (const Tensor& result : trace::tensors_in(call.results)) {
      if (!result.defined()) continue;
      note(result, axis_of(kind, arguments, before, result));
    }
    const Tensors results = trace::tensors_in(call.results);
    const Axis of_first = results.empty() ? Axis() : of(results.front());
    all_[order] = of_first;
    for (const std::size_t i : outputs) axes_[i] = of_first;
  }

  Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
    for (std::size_t i = 0; i < matches_.size(); ++i) {
      if (matches_[i](name, input)) axes_[i] = of(value);
    }
    return value;
  }

 private:
  using Axis = std::optional<std::int64_t>;
  using Sizes = std::vector<std::int64_t>;
  struct Seen {
    Axis axis;
    Sizes sizes;
  };

  /// Kept by a weak pointer, whose address is not used again and which holds no memory of the values.
  void note(const Tensor& value, Axis axis) {
    at::TensorImpl* const key = value.unsafeGetTensorImpl();
    if (!axis) {
      known_.erase(key);
      return;
    }
    known_.insert_or_assign(
        key,
        std::pair(c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>(value.getIntrusivePtr()),
                  *axis));
  }
  [[nodiscard]] Axis of(const Tensor& value) const {
    if (!value.defined()) return std::nullopt;
    const auto found = known_.find(value.unsafeGetTensorImpl());
    return found == known_.end() ? Axis() : Axis(found->second.second);
  }

  static Axis axis_of(const std::string& kind, const std::vector<c10::IValue>& arguments,
                      const std::vector<Seen>& given, const Tensor& result) {
    static const std::set<std::string> first{"batch_norm",
                                             "native_batch_norm",
                                             "cudnn_batch_norm",
                                             "group_norm",
                                             "native_group_norm",
                                             "instance_norm",
                                             "_native_batch_norm_legit_no_training"};
    static const std::set<std::string> last{"linear", "layer_norm", "native_layer_norm"};
    const Sizes sizes = result.sizes().vec();
    const std::int64_t dims = result.dim();
    if (dims < 2) return std::nullopt;
    if (kind.starts_with("conv") && kind.ends_with("d")) return 1;
    if (first.contains(kind) || (kind.find("pool") != std::string::npos && dims > 2)) return 1;
    if (kind.starts_with("upsample") || kind.starts_with("pixel_")) return 1;
    if (last.contains(kind) || kind == "addmm") return dims - 1;
    const auto from =
        std::find_if(given.begin(), given.end(), [](const Seen& each) { return each.axis.has_value(); });
    if (from == given.end()) return std::nullopt;
    const std::int64_t axis = *from->axis, rank = static_cast<std::int64_t>(from->sizes.size());
    const auto wrapped = [rank](std::int64_t dim) { return dim < 0 ? dim + rank : dim; };
    if (kind == "permute" && arguments.size() > 1 && arguments[1].isIntList()) {
      const std::vector<std::int64_t> order = arguments[1].toIntVector();
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (wrapped(order[i]) == axis) return static_cast<std::int64_t>(i);
      }
      return std::nullopt;
    }
    if ((kind == "transpose" || kind == "swapaxes" || kind == "swapdims") && arguments.size() > 2 &&
        arguments[1].isInt() && arguments[2].isInt()) {
      const std::int64_t a = wrapped(arguments[1].toInt()), b = wrapped(arguments[2].toInt());
      return axis == a ? b : axis == b ? a : axis;
    }
    if (kind == "movedim" || kind == "moveaxis") {
      if (rank != dims || arguments.size() < 3 || !arguments[1].isInt() || !arguments[2].isInt())
        return std::nullopt;
      std::vector<std::int64_t> order;
      for (std::int64_t d = 0; d < rank; ++d) {
        if (d != wrapped(arguments[1].toInt())) order.push_back(d);
      }
      order.insert(order.begin() + wrapped(arguments[2].toInt()), wrapped(arguments[1].toInt()));
      return std::find(order.begin(), order.end(), axis) - order.begin();
    }
    if (kind == "t" || kind == "mT" || kind == "numpy_T" || kind == "matmul" || kind == "bmm" ||
        kind == "einsum" || kind == "mm") {
      return std::nullopt;
    }
    // dimensions up to the channels, or from them on, as they were
    const auto same = [&](std::int64_t begin, std::int64_t end, std::int64_t shift) {
      for (std::int64_t d = begin; d < end; ++d) {
        if (from->sizes[static_cast<std::size_t>(d)] != sizes[static_cast<std::size_t>(d + shift)])
          return false;
      }
      return true;
    };
    if (dims == rank && from->sizes[static_cast<std::size_t>(axis)] == sizes[static_cast<std::size_t>(axis)])
      return axis;
    if (axis < dims && same(0, axis + 1, 0)) return axis;
    const std::int64_t shift = dims - rank;
    if (axis + shift >= 1 && same(axis, rank, shift)) return axis + shift;
    return std::nullopt;
  }

  std::vector<trace::LayerMatch> matches_;
  std::vector<Axis> axes_, all_;
  std::unordered_map<
      const at::TensorImpl*,
      std::pair<c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>, std::int64_t>>
      known_;
};

}  // namespace lumen::detail
