// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <support/zoo_layers.hpp>

namespace lumen::testing::zoo_nets {

/// ResNet-18 (He et al. 2015, arXiv:1512.03385) at its true topology and a width of 16: one in-place ReLU,
/// used seventeen times, and in-place sums.
struct ResNet18 {
  struct Block {
    ConvNorm first, second;
    std::optional<ConvNorm> shortcut;
    Block(Draw& draw, std::int64_t in, std::int64_t out, std::int64_t stride)
        : first(draw, in, out, {.stride = stride}), second(draw, out, out) {
      if (stride != 1 || in != out) shortcut.emplace(draw, in, out, Window{.kernel = 1, .stride = stride});
    }
    template <class Relu>
    Tensor operator()(const Tensor& x, const Relu& relu) const {
      Tensor sum = second(relu(first(x)));
      sum += shortcut ? (*shortcut)(x) : x;
      return relu(sum);
    }
  };

  ConvNorm stem;
  std::vector<Block> blocks;
  Linear head;

  explicit ResNet18(Draw& draw)
      : stem(draw, 3, 16, {.kernel = 7, .stride = 2}), blocks(stages(draw)), head(draw, 128, 10) {}

  Tensor operator()(const Tensor& image) const {
    const auto relu = [](Tensor x) { return at::relu_(x); };
    Tensor x = at::max_pool2d(relu(stem(image)), 3, 2, 1);
    for (const Block& block : blocks) x = block(x, relu);
    return head(pooled(x));
  }

 private:
  static std::vector<Block> stages(Draw& draw) {
    std::vector<Block> all;
    std::int64_t in = 16;
    for (const std::int64_t out : {16, 32, 64, 128}) {
      all.emplace_back(draw, in, out, out == 16 ? 1 : 2);
      all.emplace_back(draw, out, out, 1);
      in = out;
    }
    return all;
  }
};

/// VGG-11 (Simonyan and Zisserman 2014, arXiv:1409.1556), plain or with batch normalisation, at a narrow
/// width: ReLU and max pooling adjacent, in-place ReLU, dropout that does nothing.
struct Vgg11 {
  struct Layer {
    Conv conv;
    std::optional<BatchNorm> norm;
    bool pool;
  };

  std::vector<Layer> features;
  Linear hidden1, hidden2, head;

  Vgg11(Draw& draw, bool normalised)
      : features(layers(draw, normalised)),
        hidden1(draw, 64 * 2 * 2, 64),
        hidden2(draw, 64, 64),
        head(draw, 64, 10) {}

  Tensor operator()(const Tensor& image) const {
    Tensor x = image;
    for (const Layer& layer : features) {
      x = layer.conv(x);
      if (layer.norm) x = (*layer.norm)(x);
      x = at::relu_(x);
      if (layer.pool) x = at::max_pool2d(x, 2, 2);
    }
    x = at::flatten(at::adaptive_avg_pool2d(x, {2, 2}), 1);
    x = hidden1(x);
    x = at::dropout(at::relu_(x), 0.5, false);
    x = hidden2(x);
    return head(at::dropout(at::relu_(x), 0.5, false));
  }

 private:
  static std::vector<Layer> layers(Draw& draw, bool normalised) {
    const std::vector<std::pair<std::int64_t, bool>> plan{{8, true},   {16, true}, {32, false}, {32, true},
                                                          {64, false}, {64, true}, {64, false}, {64, true}};
    std::vector<Layer> all;
    std::int64_t in = 3;
    for (const auto& [out, pool] : plan) {
      Conv conv(draw, in, out);
      std::optional<BatchNorm> norm;
      if (normalised) norm.emplace(draw, out);
      all.push_back({conv, norm, pool});
      in = out;
    }
    return all;
  }
};

/// A DenseNet (Huang et al. 2016, arXiv:1608.06993): normalisation and ReLU before each convolution, a
/// concatenation of all that came before, average pools between the blocks.
struct DenseNet {
  struct Layer {
    BatchNorm norm1;
    Conv conv1;
    BatchNorm norm2;
    Conv conv2;
    Layer(Draw& draw, std::int64_t in, std::int64_t growth)
        : norm1(draw, in),
          conv1(draw, in, 4 * growth, {.kernel = 1}, false),
          norm2(draw, 4 * growth),
          conv2(draw, 4 * growth, growth, {}, false) {}
    Tensor operator()(const std::vector<Tensor>& before) const {
      return conv2(at::relu(norm2(conv1(at::relu(norm1(at::cat(before, 1)))))));
    }
  };

  ConvNorm stem;
  std::vector<Layer> first;
  BatchNorm between_norm;
  Conv between;
  std::vector<Layer> second;
  BatchNorm last;
  Linear head;

  explicit DenseNet(Draw& draw)
      : stem(draw, 3, 16, {.kernel = 7, .stride = 2}),
        first(block(draw, 16)),
        between_norm(draw, 40),
        between(draw, 40, 20, {.kernel = 1}, false),
        second(block(draw, 20)),
        last(draw, 44),
        head(draw, 44, 10) {}

  Tensor operator()(const Tensor& image) const {
    const Tensor start = at::max_pool2d(at::relu(stem(image)), 3, 2, 1);
    const Tensor middle = at::avg_pool2d(between(at::relu(between_norm(run(first, start)))), 2, 2);
    Tensor x = last(run(second, middle));
    return head(pooled(at::relu_(x)));
  }

 private:
  static std::vector<Layer> block(Draw& draw, std::int64_t in) {
    std::vector<Layer> layers;
    for (std::int64_t i = 0; i < 3; ++i) layers.emplace_back(draw, in + 8 * i, 8);
    return layers;
  }
  static Tensor run(const std::vector<Layer>& layers, const Tensor& x) {
    std::vector<Tensor> all{x};
    for (const Layer& layer : layers) all.push_back(layer(all));
    return at::cat(all, 1);
  }
};

/// A GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842): ReLU as a function after each normalisation, four
/// branches concatenated, overlapping max pools, with padding at stride 1 and rounding up at stride 2.
struct GoogLeNet {
  struct Inception {
    ConvNorm one, reduce3, three, reduce5, five, project;
    Inception(Draw& draw, std::int64_t in, std::int64_t width)
        : one(draw, in, width, {.kernel = 1}),
          reduce3(draw, in, width, {.kernel = 1}),
          three(draw, width, 2 * width),
          reduce5(draw, in, width / 2, {.kernel = 1}),
          five(draw, width / 2, width, {}),
          project(draw, in, width, {.kernel = 1}) {}
    Tensor operator()(const Tensor& x) const {
      const Tensor pool = at::max_pool2d(x, 3, 1, 1, 1, /*ceil_mode=*/true);
      return at::cat({at::relu(one(x)), at::relu(three(at::relu(reduce3(x)))),
                      at::relu(five(at::relu(reduce5(x)))), at::relu(project(pool))},
                     1);
    }
  };

  ConvNorm stem, second;
  Inception first, middle, last;
  Linear head;

  explicit GoogLeNet(Draw& draw)
      : stem(draw, 3, 8, {.kernel = 7, .stride = 2}),
        second(draw, 8, 16),
        first(draw, 16, 8),
        middle(draw, 40, 12),
        last(draw, 60, 12),
        head(draw, 60, 10) {}

  Tensor operator()(const Tensor& image) const {
    const auto pool = [](const Tensor& x) { return at::max_pool2d(x, 3, 2, 0, 1, /*ceil_mode=*/true); };
    const Tensor start = pool(at::relu(second(pool(at::relu(stem(image))))));
    const Tensor x = last(middle(pool(first(start))));
    return head(at::dropout(pooled(x), 0.2, false));
  }
};

}  // namespace lumen::testing::zoo_nets
