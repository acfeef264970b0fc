// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/cam/ablation_cam.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>

#include "binding.hpp"
#include "cam_options.hpp"

namespace cli {

void add_masked_cams(std::vector<Entry>& all) {
  using Score = lm::ScoreCam<AnyBaseline>;
  all.push_back(entry(with_cam_options(Table("score-cam", Score{.baseline = to_baseline("zero")}))
                          .option("softmax", "false: the scores themselves", &Score::softmax),
                      "channels by the score of the input seen through them (Wang 2020)"));
  using Ablation = lm::AblationCam;
  all.push_back(
      entry(with_cam_options(Table("ablation-cam", Ablation{}))
                .option("relative", "false leaves the division by the score out", &Ablation::relative)
                .option("closed-form", "false never uses it", &Ablation::closed_form),
            "channels by what the score loses without them (Desai 2020)"));
  using Recipro = lm::ReciproCam;
  all.push_back(entry(with_cam_options(Table("recipro-cam", Recipro{}))
                          .option("gaussian", "false: each cell by itself", &Recipro::gaussian),
                      "cells by the score of each alone (Byun 2024)"));
  using Full = lm::FullGrad;
  all.push_back(entry(Table("full-grad", Full{})
                          .option("picture", "the paper's picture, without sign", &Full::picture)
                          .option("positive-part", "what speaks for the score only", &Full::positive_part),
                      "input and bias gradients of all layers (Srinivas 2019)", {}, LayerUse::none));
}

}  // namespace cli
