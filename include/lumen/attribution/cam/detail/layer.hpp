// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/detail/channel_axis.hpp>
#include <lumen/attribution/cam/layout.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/trace/program.hpp>
#include <lumen/trace/suffix.hpp>

/// What CAMs take from a model at layers.
namespace lumen::detail {

/// @param axis   where the value's channels are known to be, if they are
/// @param image  the input's, whose rows and columns the layer's should be like; undefined if there is none
/// @param batch  of which the `n` samples are a part
/// @throws Error unless the layer's value is floating point, and without a layout [N, C, ...] for each of `n` samples
inline void check_layer(const trace::Layer& layer, const Layout& layout, const Tensor& value,
                        std::optional<std::int64_t> axis, const Tensor& image, std::int64_t n,
                        std::int64_t batch) {
  std::vector<std::int64_t> shape = value.sizes().vec();  // for the message, of the whole batch
  if (!shape.empty() && shape.front() == n) shape.front() = batch;
  const at::IntArrayRef sizes(shape);
  require(
      at::isFloatingType(value.scalar_type()) && value.dim() >= 2 && (layout.given() || value.size(0) == n),
      [&] {
        return text(layer.what(), " is ", value.scalar_type(), ' ', sizes, " for a batch of ", batch,
                    "; a CAM needs a layer of floating point [N, C, ...], or a layout that makes it so");
      });
  if (layout.given() || value.dim() == 2) return;
  const std::int64_t last = value.dim() - 1;
  if (!axis && image.defined() && value.dim() == image.dim() && value.dim() == 4) {
    // of the two ways to read it, the one whose grid has the shape of the image's
    const auto alike = [&](std::int64_t h, std::int64_t w) { return h * image.size(3) == w * image.size(2); };
    if (!alike(value.size(2), value.size(3)) && alike(value.size(1), value.size(2))) axis = last;
  }
  if (!axis && image.defined() && image.dim() == 4 && value.dim() == 3) axis = last;
  require(!axis || *axis == 1, [&] {
    return text(layer.what(), " is ", sizes, " with its channels in dimension ", *axis,
                ", where a CAM expects ", "[N, C, ...]; say where they are: layout = ",
                value.dim() == 3
                    ? "layout::Tokens{} (with the grid's rows and columns unless it is a square, and the "
                      "number of class tokens; of a sequence layout::ChannelsLast{})"
                    : "layout::ChannelsLast{}",
                ", or layout::ChannelsFirst{} if they are in dimension 1");
  });
}

/// What is explained that has rows and columns, if anything has.
inline Tensor grid_of(const Tensors& x) {
  for (const Tensor& part : x) {
    if (engine::explained(part) && part.dim() == 4) return part;
  }
  return {};
}

/// A model whose first pass tells where the channels of layers are.
class AxesOf {
 public:
  AxesOf(const engine::Function& model, const std::vector<trace::Layer>& layers, const Layout& layout)
      : listener_(layers), model_(model), wanted_(!layout.given()), axes_(layers.size()) {}

  [[nodiscard]] Tensor operator()(const Tensors& x) {
    if (!std::exchange(wanted_, false)) return model_(x);
    const trace::Listening listening(listener_);
    Tensor output = model_(x);
    axes_ = listener_.axes();
    return output;
  }
  [[nodiscard]] const std::optional<std::int64_t>& of(std::size_t layer) const { return axes_[layer]; }

 private:
  ChannelAxis listener_;
  const engine::Function& model_;
  bool wanted_;
  std::vector<std::optional<std::int64_t>> axes_;
};

/// The layers' values and each target's scores and gradients there, all [N, C, ...]: one forward pass and, a target, one
/// backward pass that ends at the first layer. Layers' numbers count from the start.
inline trace::LayerDerivatives derivatives_at(const engine::Function& model,
                                              const std::vector<trace::Layer>& layers, const Layout& layout,
                                              const Tensors& x, const Targets& targets, const Run& run) {
  engine::check_input(x, engine::Types::Any);
  const std::int64_t n = x.front().size(0);
  AxesOf axes(model, layers, layout);
  const engine::Function watched = [&axes](const Tensors& rows) { return axes(rows); };
  std::vector<trace::LayerDerivatives> chunks;
  const auto visit = [&](std::int64_t first, std::int64_t count) {
    if (count == n) {
      chunks.push_back(trace::differentiate_at(watched, layers, x, targets, true));
    } else {
      const Tensor samples = engine::samples_of(first, count, n);
      chunks.push_back(trace::differentiate_at(first == 0 ? engine::checked(watched, targets, n) : watched,
                                               layers, engine::select_rows(x, samples),
                                               engine::target_rows(targets, samples, n), true));
    }
    trace::LayerDerivatives& chunk = chunks.back();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      check_layer(layers[l], layout, chunk.values[l], axes.of(l), grid_of(x), count, n);
      if (!layout.given()) continue;
      (void)layout.positions(
          chunk.values[l]);  // the gradient moves as the value does only if nothing else happens
      chunk.values[l] = layout(chunk.values[l]);
      for (Tensors& gradients : chunk.gradients) gradients[l] = layout(gradients[l]);
      require(chunk.values[l].size(0) == count, [&] {
        return text("the layout makes ", chunk.values[l].sizes(), " of ", layers[l].what(),
                    " for a batch of ", count, "; expected [", count, ", C, ...]");
      });
    }
  };
  sweep(n, engine::granule(targets, n), run, "layer gradient", visit);
  trace::LayerDerivatives all = std::move(chunks.front());
  const auto join = [&](const auto& of) {
    if (chunks.size() == 1) return;
    Tensors pieces{of(all)};
    for (std::size_t i = 1; i < chunks.size(); ++i) pieces.push_back(of(chunks[i]));
    of(all) = at::cat(pieces);
  };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    join([&](trace::LayerDerivatives& d) -> Tensor& { return d.values[l]; });
  }
  for (std::size_t t = 0; t < targets.size(); ++t) {
    join([&](trace::LayerDerivatives& d) -> Tensor& { return d.scores[t]; });
    engine::check_scores(all.scores[t]);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      join([&](trace::LayerDerivatives& d) -> Tensor& { return d.gradients[t][l]; });
    }
  }
  return all;
}

/// A pass as a program that runs from the layer on. It is compared with the model where it is used.
inline trace::Program recorded(const engine::Function& model, const trace::Layer& layer, const Tensors& x,
                               const Run& run) {
  return trace::Program::record(model, x, {.run = run, .verify = false, .layers = {layer}});
}

/// Whether it can tell what many versions of the layer's value make of one sample.
inline bool runs_suffix(const trace::Program& program) {
  return program.exact() && program.any_batch() && program.layers().front() >= 0;
}

/// A layer's value beside what a method starts from.
struct LayerStart : engine::Start {
  Tensor value;   ///< [N, C, ...]
  Tensor native;  ///< as the model has it: the same without a layout
  /// Of a batch of one: the pass. None if it does not run from the layer on.
  std::optional<trace::Program> program{};
};

/// One forward pass without gradients.
/// @param record  keep the pass of a batch of one: two more rows then run beside it
inline LayerStart start_at(const engine::Function& model, const trace::Layer& layer, const Layout& layout,
                           const Tensors& x, const Targets& targets, const Run& run, bool record = false) {
  Tensors values, natives;
  std::optional<trace::Program> program;
  AxesOf axes(model, {layer}, layout);
  const engine::Function seen = [&axes](const Tensors& rows) { return axes(rows); };
  const auto take = [&](const Tensor& native, std::int64_t count) {
    check_layer(layer, layout, native, axes.of(0), grid_of(x), count, x.front().size(0));
    if (layout.given()) (void)layout.positions(native);
    natives.push_back(native);
    values.push_back(layout(native));
    require(values.back().size(0) == count, [&] {
      return text("the layout makes ", values.back().sizes(), " of ", layer.what(), " for a batch of ", count,
                  "; expected one row a sample");
    });
  };
  const engine::Function watched = [&](const Tensors& rows) {
    if (record && x.front().size(0) == 1) {
      const trace::Program all = recorded(seen, layer, rows, run);
      if (runs_suffix(all)) {
        program = all.cut(all.layers());
        take(all.value(all.layers().front()), 1);
        return all.value(all.output());
      }
    }
    Tensor native;
    trace::LayerListener listener({layer}, [&](std::size_t, const Tensor& value) {
      native = value.clone();  // what follows may work in place
      return Tensor();
    });
    Tensor output;
    {
      const trace::Listening listening(listener);
      output = seen(rows);
    }
    listener.check();
    take(native, rows.front().size(0));
    return output;
  };
  LayerStart result{engine::start(watched, x, targets, run, engine::Types::Any), {}, {}, std::move(program)};
  result.value = values.size() == 1 ? values.front() : at::cat(values);
  result.native = natives.size() == 1 ? natives.front() : at::cat(natives);
  return result;
}

/// Versions of a layer's value in the model's own layout: `moved` holds them as [count, C, ...], `native` is the value
/// itself, of one sample. What the layout leaves out (class tokens) stays as it is.
inline Tensor native_versions(const Layout& layout, const Tensor& native, const Tensor& moved) {
  if (!layout.given()) return moved;
  const std::int64_t count = moved.size(0);
  std::vector<std::int64_t> shape = native.sizes().vec();
  require(shape.front() == 1, [&] {
    return text("a layer's value ", native.sizes(),
                " does not have the batch first, so that it cannot be replaced for "
                "several samples; put trace::tap behind a transposition");
  });
  shape.front() = count;
  const Tensor where = layout.positions(native).reshape({-1});
  Tensor versions = native.expand(shape).reshape({count, -1}).clone();
  versions.index_copy_(1, where, moved.reshape({count, -1}));
  return versions.reshape(shape);
}

}  // namespace lumen::detail
