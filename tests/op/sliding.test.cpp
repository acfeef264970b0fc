// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/needed.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include "op/reads.hpp"

namespace lm = lumen::testing;
namespace op = lumen::op;
using lumen::Tensor;
using lumen::Tensors;

DOCTEST_TEST_CASE(
    "convolutions read and touch what the operator does: strides, paddings, dilations, groups") {
  std::mt19937_64 draw(1);
  for (int trial = 0; trial < 60; ++trial) {
    const std::int64_t dims = lm::pick(draw, 1, 3), groups = lm::pick(draw, 1, 3);
    const std::int64_t in = groups * lm::pick(draw, 1, 2), out = groups * lm::pick(draw, 1, 2);
    std::vector<std::int64_t> size{2, in}, kernel, stride, padding, dilation, beyond;
    for (std::int64_t d = 0; d < dims; ++d) {
      kernel.push_back(lm::pick(draw, 1, 3));
      stride.push_back(lm::pick(draw, 1, 3));
      dilation.push_back(lm::pick(draw, 1, 2));
      padding.push_back(lm::pick(draw, 0, 2));
      beyond.push_back(stride.back() > 1 ? lm::pick(draw, 0, stride.back() - 1) : 0);
      const std::int64_t least = dilation.back() * (kernel.back() - 1) + 1;
      size.push_back(std::max(least, lm::pick(draw, 2, dims == 3 ? 4 : 7)));
    }
    std::vector<std::int64_t> forward{out, in / groups}, backward{in, out / groups};
    forward.insert(forward.end(), kernel.begin(), kernel.end());
    backward.insert(backward.end(), kernel.begin(), kernel.end());
    const Tensor x = lm::values(size, draw()), w = lm::values(forward, draw()),
                 v = lm::values(backward, draw());
    const Tensor b = lm::values({out}, draw());
    const bool biased = draw() % 2 == 0;
    const std::string what =
        lumen::text("trial ", trial, " x ", x.sizes(), " w ", w.sizes(), " stride ", stride, " padding ",
                    padding, " dilation ", dilation, " groups ", groups);
    lm::check_geometry(
        what, {x},
        [&](const Tensors& at) -> Tensors {
          if (dims == 1)
            return {at::conv1d(at[0], w, biased ? b : Tensor(), stride, padding, dilation, groups)};
          if (dims == 2)
            return {at::conv2d(at[0], w, biased ? b : Tensor(), stride, padding, dilation, groups)};
          return {at::conv3d(at[0], w, biased ? b : Tensor(), stride, padding, dilation, groups)};
        },
        draw);
    lm::check_geometry(
        what + " convolution", {x},
        [&](const Tensors& at) -> Tensors {
          return {at::convolution(at[0], w, {}, stride, padding, dilation, false,
                                  std::vector<std::int64_t>(kernel.size(), 0), groups)};
        },
        draw);
    if (dims == 3 && trial % 2 == 0) continue;
    bool possible = true;  // a transposed convolution may have no output at all
    for (std::size_t d = 0; d < kernel.size(); ++d) {
      possible =
          possible &&
          (size[d + 2] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel[d] - 1) + beyond[d] + 1 > 0;
      beyond[d] = std::min(beyond[d], std::max(stride[d], dilation[d]) - 1);
    }
    if (!possible) continue;
    lm::check_geometry(
        what + " transposed", {x},
        [&](const Tensors& at) -> Tensors {
          if (dims == 1)
            return {at::conv_transpose1d(at[0], v, {}, stride, padding, beyond, groups, dilation)};
          if (dims == 2)
            return {at::conv_transpose2d(at[0], v, {}, stride, padding, beyond, groups, dilation)};
          return {at::conv_transpose3d(at[0], v, {}, stride, padding, beyond, groups, dilation)};
        },
        draw);
  }
}

DOCTEST_TEST_CASE("padding \"same\", also of even kernels, and \"valid\"") {
  std::mt19937_64 draw(2);
  for (int trial = 0; trial < 12; ++trial) {
    const Tensor x = lm::values({2, 2, lm::pick(draw, 5, 7), lm::pick(draw, 5, 7)}, draw());
    const Tensor w = lm::values({2, 2, lm::pick(draw, 1, 4), lm::pick(draw, 1, 4)}, draw());
    const std::int64_t dilation = lm::pick(draw, 1, 2);
    for (const char* mode : {"same", "valid"}) {
      if (std::string(mode) == "valid" && dilation == 2 && (w.size(2) == 4 || w.size(3) == 4)) continue;
      lm::check_geometry(
          lumen::text(mode, ' ', x.sizes(), w.sizes(), dilation), {x},
          [&](const Tensors& at) -> Tensors {
            return {
                at::conv2d(at[0], w, {}, at::IntArrayRef{1, 1}, mode, at::IntArrayRef{dilation, dilation})};
          },
          draw);
    }
  }
}

DOCTEST_TEST_CASE("pools: ceil mode, dilation, padding, adaptive sizes") {
  std::mt19937_64 draw(3);
  for (int trial = 0; trial < 40; ++trial) {
    const std::int64_t dims = lm::pick(draw, 1, 3);
    const bool ceil = draw() % 2 == 0, empty_stride = draw() % 3 == 0;
    std::vector<std::int64_t> size{2, 2}, kernel, stride, padding, dilation, ones, goal;
    for (std::int64_t d = 0; d < dims; ++d) {
      kernel.push_back(lm::pick(draw, 1, 3));
      stride.push_back(lm::pick(draw, 1, 3));
      dilation.push_back(lm::pick(draw, 1, 2));
      padding.push_back(lm::pick(draw, 0, kernel.back() / 2));
      size.push_back(
          std::max(dilation.back() * (kernel.back() - 1) + 1, lm::pick(draw, 3, dims == 3 ? 4 : 7)));
      goal.push_back(lm::pick(draw, 1, 5));
    }
    if (empty_stride) stride.clear();
    const Tensor x = lm::values(size, draw());
    const std::string what =
        lumen::text("trial ", trial, ' ', x.sizes(), " kernel ", kernel, " stride ", stride, " padding ",
                    padding, " dilation ", dilation, " ceil ", ceil, " goal ", goal);
    lm::check_geometry(
        what, {x},
        [&](const Tensors& at) -> Tensors {
          if (dims == 1) return {at::max_pool1d(at[0], kernel, stride, padding, dilation, ceil)};
          if (dims == 2) return {at::max_pool2d(at[0], kernel, stride, padding, dilation, ceil)};
          return {at::max_pool3d(at[0], kernel, stride, padding, dilation, ceil)};
        },
        draw);
    lm::check_geometry(
        what, {x},
        [&](const Tensors& at) -> Tensors {
          if (dims == 1) return {at::avg_pool1d(at[0], kernel, stride, padding, ceil)};
          if (dims == 2) return {at::avg_pool2d(at[0], kernel, stride, padding, ceil)};
          return {at::avg_pool3d(at[0], kernel, stride, padding, ceil)};
        },
        draw);
    lm::check_geometry(
        what, {x},
        [&](const Tensors& at) -> Tensors {
          if (dims == 1) return {at::adaptive_avg_pool1d(at[0], goal)};
          if (dims == 2) return {at::adaptive_avg_pool2d(at[0], goal)};
          return {at::adaptive_avg_pool3d(at[0], goal)};
        },
        draw);
    lm::check_geometry(
        what, {x},
        [&](const Tensors& at) -> Tensors {
          if (dims == 1) return {std::get<0>(at::adaptive_max_pool1d(at[0], goal))};
          if (dims == 2) return {std::get<0>(at::adaptive_max_pool2d(at[0], goal))};
          return {std::get<0>(at::adaptive_max_pool3d(at[0], goal))};
        },
        draw);
  }
}

DOCTEST_TEST_CASE("upsampling: sizes, scales and aligned corners of all modes") {
  std::mt19937_64 draw(4);
  for (int trial = 0; trial < 40; ++trial) {
    const std::int64_t h = lm::pick(draw, 1, 6), w = lm::pick(draw, 1, 6);
    const Tensor x = lm::values({2, 1, h, w}, draw());
    const Tensor line = x.select(2, 0).contiguous();
    const bool corners = draw() % 2 == 0, scaled = draw() % 2 == 0;
    const std::array<double, 4> scales{1.5, 2.0, 2.7, 0.6};
    const double down = scales[draw() % 4], right = scales[draw() % 4];
    const auto times = [](std::int64_t n, double by) {
      return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(n) * by));
    };
    const std::vector<std::int64_t> goal =
        scaled ? std::vector<std::int64_t>{times(h, down), times(w, right)}
               : std::vector<std::int64_t>{lm::pick(draw, 1, 9), lm::pick(draw, 1, 9)};
    const c10::optional<double> sh = scaled ? c10::optional<double>(down) : c10::nullopt,
                                sw = scaled ? c10::optional<double>(right) : c10::nullopt;
    const std::string what = lumen::text("trial ", trial, ' ', x.sizes(), " to ", goal, " corners ", corners,
                                         " scales ", scaled ? down : 0, ' ', scaled ? right : 0);
    for (const auto& type : {at::kDouble, at::kFloat}) {
      const Tensor typed = x.to(type), typed_line = line.to(type);
      lm::check_geometry(
          what + " nearest", {typed},
          [&](const Tensors& at) -> Tensors { return {at::upsample_nearest2d(at[0], goal, sh, sw)}; }, draw);
      lm::check_geometry(
          what + " exact", {typed},
          [&](const Tensors& at) -> Tensors { return {at::_upsample_nearest_exact2d(at[0], goal, sh, sw)}; },
          draw, lm::Hold::ButZeros);
      lm::check_geometry(
          what + " nearest 1", {typed_line},
          [&](const Tensors& at) -> Tensors { return {at::upsample_nearest1d(at[0], goal[1], sw)}; }, draw);
      lm::check_geometry(
          what + " linear", {typed_line},
          [&](const Tensors& at) -> Tensors { return {at::upsample_linear1d(at[0], goal[1], corners, sw)}; },
          draw, lm::Hold::ButZeros);
      lm::check_geometry(
          what + " bilinear", {typed},
          [&](const Tensors& at) -> Tensors {
            return {at::upsample_bilinear2d(at[0], goal, corners, sh, sw)};
          },
          draw, lm::Hold::ButZeros);
      lm::check_geometry(
          what + " bicubic", {typed},
          [&](const Tensors& at) -> Tensors {
            return {at::upsample_bicubic2d(at[0], goal, corners, sh, sw)};
          },
          draw, lm::Hold::ButZeros);
      lm::check_geometry(
          what + " antialias", {typed},
          [&](const Tensors& at) -> Tensors {
            return {at::_upsample_bilinear2d_aa(at[0], goal, corners, sh, sw)};
          },
          draw, lm::Hold::ButZeros, !corners);
      lm::check_geometry(
          what + " antialias cubic", {typed},
          [&](const Tensors& at) -> Tensors {
            return {at::_upsample_bicubic2d_aa(at[0], goal, corners, sh, sw)};
          },
          draw, lm::Hold::ButZeros, !corners);
    }
  }
  for (const std::int64_t by : {2, 4, 6}) {  // centres between places: nothing is left to rounding
    const Tensor x = lm::values({2, 1, 3, 4}, 5);
    lm::check_geometry(
        "bilinear", {x},
        [&](const Tensors& at) -> Tensors {
          return {at::upsample_bilinear2d(at[0], {3 * by, 4 * by}, false)};
        },
        draw);
    lm::check_geometry(
        "bicubic", {x},
        [&](const Tensors& at) -> Tensors {
          return {at::upsample_bicubic2d(at[0], {3 * by, 4 * by}, false)};
        },
        draw);
    lm::check_geometry(
        "volume", {x.unsqueeze(2)},
        [&](const Tensors& at) -> Tensors {
          return {at::upsample_trilinear3d(at[0], {1, 3 * by, 4 * by}, false)};
        },
        draw, lm::Hold::ButZeros);
    lm::check_geometry(
        "nearest volume", {x.unsqueeze(2)},
        [&](const Tensors& at) -> Tensors { return {at::upsample_nearest3d(at[0], {2, 3 * by, 4 * by})}; },
        draw);
    lm::check_geometry(
        "by scale factors", {x},
        [&](const Tensors& at) -> Tensors {
          return {at::upsample_bilinear2d(at[0], c10::nullopt, false,
                                          at::ArrayRef<double>{double(by), double(by)})};
        },
        draw);
  }
}

DOCTEST_TEST_CASE("a box of a strided convolution, and back") {
  const Tensor x = lm::values({1, 3, 9, 9}, 1), w = lm::values({4, 3, 3, 3}, 2);
  const lumen::trace::Step step = lm::steps_of({x}, [&] { return at::conv2d(x, w, {}, 2, 1); }).front();
  //! [needed]
  const lumen::Box corner{{0, 4}, {0, 2}, {3, 5}};  // channels, rows and columns of the result [1, 4, 5, 5]
  const lumen::Box reads = lumen::op::needed(step, 0, corner);    // {0, 3}, {0, 4}, {5, 9}
  const lumen::Box touches = lumen::op::reached(step, 0, reads);  // {0, 4}, {0, 3}, {2, 5}
  //! [needed]
  DOCTEST_CHECK(lm::same(reads, {{0, 3}, {0, 4}, {5, 9}}));
  DOCTEST_CHECK(lm::same(touches, {{0, 4}, {0, 3}, {2, 5}}));
}
