// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/cam/ablation_cam.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>
#include <lumen/catalogue/cam_options.hpp>

namespace lumen::catalogue {

/// Class activation maps of many passes, and FullGrad.
inline void add_masked_cams(std::vector<Entry>& all) {
  using Score = ScoreCam<AnyBaseline>;
  all.push_back(entry(with_cam_options(Table("score-cam", Score{.baseline = to_baseline("zero")}))
                          .option("softmax", "false: the scores themselves", &Score::softmax),
                      "channels by the score of the input seen through them",
                      "Wang et al., CVPR workshop 2020, arXiv:1910.01279", {.gradients = false}));
  using Ablation = AblationCam;
  all.push_back(
      entry(with_cam_options(Table("ablation-cam", Ablation{}))
                .option("relative", "false leaves the division by the score out", &Ablation::relative)
                .option("closed-form", "false never uses it", &Ablation::closed_form),
            "channels by what the score loses without them",
            "Desai and Ramaswamy, WACV 2020, 10.1109/WACV45572.2020.9093360", {.gradients = false}));
  using Recipro = ReciproCam;
  all.push_back(entry(with_cam_options(Table("recipro-cam", Recipro{}))
                          .option("gaussian", "false: each cell by itself", &Recipro::gaussian),
                      "cells by the score of each alone", "Byun and Lee, CVPR 2024, arXiv:2209.14074",
                      {.gradients = false}));
  using Full = FullGrad;
  all.push_back(
      entry(with_layout(Table("full-grad", Full{})
                            .option("picture", "the paper's picture, without sign", &Full::picture)
                            .option("positive-part", "what speaks for the score only", &Full::positive_part)),
            "input and bias gradients of all layers", "Srinivas and Fleuret, NeurIPS 2019, arXiv:1905.00780",
            {.complete = true, .layer = LayerUse::None}));
}

}  // namespace lumen::catalogue
