// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/error.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/influence/outputs.hpp>

namespace lumen::influence::detail {

/// What is asked of a dense output: the pixels, and for each target their scores and how these depend on the pixels'
/// channels.
struct Question {
  std::int64_t height = 0, width = 0, channels = 0;  ///< of the output
  Tensor places{};                                   ///< int64 [P, 2] on the CPU
  std::vector<Tensor> scores{};                      ///< for each target [P]
  std::vector<Tensor> seeds{};                       ///< for each target [P, channels]: d score / d channel

  [[nodiscard]] std::int64_t size() const { return places.size(0); }
  [[nodiscard]] Tensor index() const { return places.select(1, 0) * width + places.select(1, 1); }
};

/// @throws Error if `x` is not one image that can be explained
inline void check_image(const Tensor& x) {
  engine::check_input({x});
  require(x.dim() == 4 && x.size(0) == 1, [&] {
    return text("influence: the input has shape ", x.sizes(), "; expected one image, [1, C, H, W]");
  });
}

/// @throws Error unless there is a budget
inline void check_memory(const Run& run) {
  require(run.memory > 0, [&] {
    return text("the memory budget is ", run.memory, " bytes; give run.memory a positive number of bytes");
  });
}

/// @throws Error if the output is not dense or nothing is asked, or a target is not one of a pixel's own classes
inline Question ask(const Tensor& output, const Outputs& outputs, const Targets& targets) {
  require(output.dim() == 4 && output.size(0) == 1, [&] {
    return text("influence: the output has shape ", output.sizes(),
                "; expected a dense one of one image, [1, C, H, W]");
  });
  require(!targets.empty(), "influence: no target is given; name a score of a pixel, such as target::Class");
  require(static_cast<bool>(outputs), "influence: no outputs are given; name some, such as influence::All{}");
  Question question{.height = output.size(2), .width = output.size(3), .channels = output.size(1)};
  question.places = outputs(question.height, question.width);
  const Tensor& places = question.places;
  require(places.defined() && places.dim() == 2 && places.size(1) == 2 && places.scalar_type() == at::kLong &&
              places.is_cpu() && places.size(0) > 0,
          [&] {
            return text("influence: the outputs give ", places.defined() ? text(places.sizes()) : "nothing",
                        "; expected at least one pixel, as int64 [P, 2] on the CPU");
          });
  question.places = places.contiguous();
  const Tensor index = question.index();
  require(places.min().item<std::int64_t>() >= 0 &&
              places.select(1, 0).max().item<std::int64_t>() < question.height &&
              places.select(1, 1).max().item<std::int64_t>() < question.width,
          [&] {
            return text("influence: a pixel is outside the output of ", question.height, " rows and ",
                        question.width, " columns");
          });
  require(std::get<0>(at::_unique(index)).size(0) == index.size(0),
          "influence: a pixel is asked about twice; list it once");

  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  const Tensor pixels = output.detach()
                            .select(0, 0)
                            .flatten(1)
                            .index_select(1, index.to(output.device()))
                            .t()
                            .contiguous()
                            .requires_grad_(true);
  for (const AnyTarget& target : targets) {
    const Tensor scores = target(pixels);
    engine::check_scores(scores.detach());
    const std::int64_t half = (pixels.size(0) + 1) / 2;
    require(at::allclose(target(pixels.detach().narrow(0, 0, half)), scores.detach().narrow(0, 0, half), 1e-3,
                         1e-5),
            "influence: a target's score of a pixel depends on other pixels; expected one of the pixel's own "
            "classes, [P, C] -> [P], such as target::Class");
    require(scores.requires_grad(),
            "influence: a target does not depend on the output by differentiable operations");
    question.seeds.push_back(torch::autograd::grad({scores.sum()}, {pixels}).front());
    question.scores.push_back(scores.detach());
  }
  return question;
}

}  // namespace lumen::influence::detail
