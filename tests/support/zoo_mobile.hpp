// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <support/zoo_layers.hpp>

namespace lumen::testing::zoo_nets {

/// An inverted residual block: widen, filter each channel, weigh the channels, narrow.
struct Inverted {
  ConvNorm widen, depthwise;
  std::optional<Squeeze> squeeze;
  ConvNorm narrow;
  bool residual;
  Inverted(Draw& draw, std::int64_t in, std::int64_t wide, std::int64_t out, std::int64_t stride,
           bool squeezed)
      : widen(draw, in, wide, {.kernel = 1}),
        depthwise(draw, wide, wide, {.stride = stride, .groups = wide}),
        narrow(draw, wide, out, {.kernel = 1}),
        residual(stride == 1 && in == out) {
    if (squeezed) squeeze.emplace(draw, wide, wide / 4);
  }
  template <class Activation, class Inner, class Gate>
  Tensor operator()(const Tensor& x, const Activation& activation, const Inner& inner,
                    const Gate& gate) const {
    Tensor y = activation(depthwise(activation(widen(x))));
    if (squeeze) y = (*squeeze)(y, inner, gate);
    y = narrow(y);
    return residual ? y + x : y;
  }
};

/// MobileNet (Sandler et al. 2018, arXiv:1801.04381; Howard et al. 2019, arXiv:1905.02244): blocks with ReLU6
/// as in version 2, then with in-place hard swish, and gates of hard sigmoids times their input, as in 3.
struct MobileNet {
  ConvNorm stem;
  Inverted six, first, second, third;
  ConvNorm last;
  Linear hidden, head;

  explicit MobileNet(Draw& draw)
      : stem(draw, 3, 8, {.stride = 2}),
        six(draw, 8, 24, 8, 1, false),
        first(draw, 8, 32, 16, 2, true),
        second(draw, 16, 48, 16, 1, true),
        third(draw, 16, 48, 24, 2, true),
        last(draw, 24, 64, {.kernel = 1}),
        hidden(draw, 64, 48),
        head(draw, 48, 10) {}

  Tensor operator()(const Tensor& image) const {
    const auto swish = [](Tensor x) { return at::hardswish_(x); };
    const auto relu6 = [](const Tensor& x) { return at::relu6(x); };
    const auto relu = [](const Tensor& x) { return at::relu(x); };
    const auto gate = [](const Tensor& x) { return at::hardsigmoid(x); };
    Tensor x = six(swish(stem(image)), relu6, relu, gate);
    x = third(second(first(x, relu, relu, gate), swish, relu, gate), swish, relu, gate);
    return head(at::dropout(swish(hidden(pooled(swish(last(x))))), 0.2, false));
  }
};

/// EfficientNet (Tan and Le 2019, arXiv:1905.11946): SiLU, in place, and gates of sigmoids.
struct EfficientNet {
  ConvNorm stem;
  std::vector<Inverted> blocks;
  ConvNorm last;
  Linear head;

  explicit EfficientNet(Draw& draw)
      : stem(draw, 3, 8, {.stride = 2}),
        blocks{{draw, 8, 32, 12, 2, true}, {draw, 12, 48, 12, 1, true}, {draw, 12, 48, 20, 2, true}},
        last(draw, 20, 64, {.kernel = 1}),
        head(draw, 64, 10) {}

  Tensor operator()(const Tensor& image) const {
    const auto silu = [](Tensor x) { return at::silu_(x); };
    const auto sigmoid = [](const Tensor& x) { return at::sigmoid(x); };
    Tensor x = silu(stem(image));
    for (const Inverted& block : blocks) x = block(x, silu, silu, sigmoid);
    return head(at::dropout(pooled(silu(last(x))), 0.2, false));
  }
};

/// ConvNeXt (Liu et al. 2022, arXiv:2201.03545): depthwise 7x7, layer normalisation over channels moved to the
/// end, GELU, a scale for each channel, residual sums.
struct ConvNeXt {
  struct Block {
    Conv depthwise;
    LayerNorm norm;
    Linear widen, narrow;
    Tensor scale;
    Block(Draw& draw, std::int64_t channels)
        : depthwise(draw, channels, channels, {.kernel = 7, .groups = channels}),
          norm(draw, channels),
          widen(draw, channels, 4 * channels),
          narrow(draw, 4 * channels, channels),
          scale(draw.uniform({channels, 1, 1}, 0.3, 0.7)) {}
    Tensor operator()(const Tensor& x) const {
      const Tensor normed = norm(at::permute(depthwise(x), {0, 2, 3, 1}));
      Tensor y = scale * at::permute(narrow(at::gelu(widen(normed))), {0, 3, 1, 2});
      y += x;
      return y;
    }
  };

  Conv stem;
  LayerNorm stem_norm;
  Block first, second;
  LayerNorm between_norm;
  Conv between;
  Block third;
  LayerNorm last;
  Linear head;

  explicit ConvNeXt(Draw& draw)
      : stem(draw, 3, 16, {.kernel = 4, .stride = 4, .padding = 0}),
        stem_norm(draw, 16),
        first(draw, 16),
        second(draw, 16),
        between_norm(draw, 16),
        between(draw, 16, 32, {.kernel = 2, .stride = 2, .padding = 0}),
        third(draw, 32),
        last(draw, 32),
        head(draw, 32, 10) {}

  Tensor operator()(const Tensor& image) const {
    Tensor x = second(first(channels_last(stem(image), stem_norm)));
    x = third(between(channels_last(x, between_norm)));
    return head(at::flatten(channels_last(at::adaptive_avg_pool2d(x, {1, 1}), last), 1));
  }

 private:
  static Tensor channels_last(const Tensor& x, const LayerNorm& norm) {
    return at::permute(norm(at::permute(x, {0, 2, 3, 1})), {0, 3, 1, 2});
  }
};

/// ShuffleNet version 2 (Ma et al. 2018, arXiv:1807.11164): channels split, one half filtered, joined and
/// shuffled by views.
struct ShuffleNet {
  struct Unit {
    ConvNorm first, depthwise, second;
    explicit Unit(Draw& draw, std::int64_t channels)
        : first(draw, channels, channels, {.kernel = 1}),
          depthwise(draw, channels, channels, {.groups = channels}),
          second(draw, channels, channels, {.kernel = 1}) {}
    Tensor operator()(const Tensor& x) const {
      const std::vector<Tensor> halves = at::chunk(x, 2, 1);
      Tensor open = first(halves[1]);
      Tensor close = second(depthwise(at::relu_(open)));
      return shuffled(at::cat({halves[0], at::relu_(close)}, 1));
    }
  };

  ConvNorm stem;
  Unit unit1, unit2;
  ConvNorm last;
  Linear head;

  explicit ShuffleNet(Draw& draw)
      : stem(draw, 3, 16, {.stride = 2}),
        unit1(draw, 8),
        unit2(draw, 8),
        last(draw, 16, 32, {.kernel = 1}),
        head(draw, 32, 10) {}

  Tensor operator()(const Tensor& image) const {
    Tensor start = stem(image);
    const Tensor x = unit2(unit1(at::max_pool2d(at::relu_(start), 3, 2, 1)));
    Tensor end = last(x);
    return head(at::relu_(end).mean({2, 3}));
  }

 private:
  static Tensor shuffled(const Tensor& x) {
    const Tensor groups = x.view({x.size(0), 2, x.size(1) / 2, x.size(2), x.size(3)});
    return at::transpose(groups, 1, 2).contiguous().view(x.sizes());
  }
};

}  // namespace lumen::testing::zoo_nets
