// SPDX-License-Identifier: BSD-3-Clause
#include "drawn.hpp"

#include <cmath>
#include <vector>

#include <lumen/baseline/blur.hpp>
#include <lumen/data/random.hpp>
#include <lumen/view/font.hpp>

namespace lm = lumen;

namespace studies::digits {

namespace {

/// A digit's pixels on a plane of 9 x 9, a border of one pixel about it.
lm::Tensor glyph(std::int64_t digit) {
  const lm::view::Glyph& shape = lm::view::font[static_cast<std::size_t>('0' - ' ' + digit)];
  lm::Tensor out = at::zeros({9, 9});
  const std::int64_t left = (9 - shape.width) / 2;
  for (std::int64_t c = 0; c < shape.width; ++c)
    for (std::int64_t r = 0; r < 7; ++r)
      if (((shape.columns[static_cast<std::size_t>(c)] >> r) & 1) != 0) out[r + 1][left + c] = 1.0;
  return out;
}

}  // namespace

lm::data::Labelled draw(std::int64_t of_each, std::uint64_t seed) {
  std::vector<lm::Tensor> images;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 10 * of_each; ++i) {
    lm::data::Random random({seed, static_cast<std::uint64_t>(i)});
    const double angle = random.uniform(-0.25, 0.25), scale = random.uniform(0.9, 1.25),
                 slant = random.uniform(-0.25, 0.25), down = random.uniform(-0.15, 0.15),
                 right = random.uniform(-0.15, 0.15), sigma = random.uniform(0.5, 1.0);
    const std::vector<float> map{static_cast<float>(std::cos(angle) / scale),
                                 static_cast<float>((slant - std::sin(angle)) / scale),
                                 static_cast<float>(right),
                                 static_cast<float>(std::sin(angle) / scale),
                                 static_cast<float>(std::cos(angle) / scale),
                                 static_cast<float>(down)};
    const lm::Tensor grid =
        at::affine_grid_generator(at::tensor(map).reshape({1, 2, 3}), {1, 1, 28, 28}, false);
    const lm::Tensor image = at::grid_sampler(glyph(i % 10).reshape({1, 1, 9, 9}), grid, 0, 0, false);
    images.push_back(lm::baseline::Blur{.sigma = sigma}(image)[0].clamp(0, 1));
    labels.push_back(i % 10);
  }
  return {at::stack(images), at::tensor(labels, at::kLong)};
}

}  // namespace studies::digits
