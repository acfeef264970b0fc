// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <optional>
#include <string>

#include <lumen/view/picture.hpp>

namespace studies::disks {

/// The range of values of a figure that the original published, read from its colours; nothing for others.
inline std::optional<lumen::view::Range> published(const std::string& set, const std::string& question,
                                                   const std::string& method) {
  struct Row {
    const char *set, *question, *method;
    lumen::view::Range range;
  };
  static constexpr const char *ig = "integrated_gradients_published", *shap = "gradient_shap",
                              *occlusion = "occlusion", *cam = "grad_cam_relu4",
                              *own = "grad_cam_relu4_positive", *guided = "guided_backprop_modules_only";
  static constexpr std::array rows{Row{"easier", "predicted", ig, {-0.6068, 0.0899}},
                                   Row{"easier", "predicted", shap, {-0.0539, 0.3724}},
                                   Row{"easier", "predicted", occlusion, {-1.0729, 0.0520}},
                                   Row{"easier", "predicted", cam, {-0.0005, 0.1083}},
                                   Row{"easier", "predicted", own, {0, 0.1083}},
                                   Row{"easier", "predicted", guided, {-0.3401, 0.8370}},
                                   Row{"harder", "predicted", ig, {-0.3484, 0.1237}},
                                   Row{"harder", "predicted", shap, {-0.0755, 0.2179}},
                                   Row{"harder", "predicted", occlusion, {-0.2366, 0.6797}},
                                   Row{"harder", "predicted", cam, {-0.0043, 0.1230}},
                                   Row{"harder", "predicted", own, {0, 0.1230}},
                                   Row{"harder", "predicted", guided, {-0.1285, 0.4393}},
                                   Row{"vary_disk", "predicted", ig, {-0.3947, 0.0530}},
                                   Row{"vary_disk", "predicted", shap, {-0.0353, 0.2190}},
                                   Row{"vary_disk", "predicted", occlusion, {-0.7507, 0.0426}},
                                   Row{"vary_disk", "predicted", cam, {-0.0057, 0.1578}},
                                   Row{"vary_disk", "predicted", own, {0, 0.1578}},
                                   Row{"vary_disk", "predicted", guided, {-0.2867, 0.6133}},
                                   Row{"easier", "opposite", ig, {-0.0976, 0.6611}},
                                   Row{"easier", "opposite", shap, {-0.3466, 0.0478}},
                                   Row{"easier", "opposite", occlusion, {-0.0487, 0.9876}},
                                   Row{"easier", "opposite", cam, {-0.0971, 0.0008}},
                                   Row{"easier", "opposite", own, {0, 0.0008}},
                                   Row{"easier", "opposite", guided, {-0.0059, 0.0145}},
                                   Row{"harder", "opposite", ig, {-0.3484, 0.1237}},
                                   Row{"harder", "opposite", shap, {-0.2152, 0.0737}},
                                   Row{"harder", "opposite", occlusion, {-0.6939, 0.2509}},
                                   Row{"harder", "opposite", cam, {-0.1326, 0.0048}},
                                   Row{"harder", "opposite", own, {0, 0.0048}},
                                   Row{"harder", "opposite", guided, {-0.0273, 0.1252}},
                                   Row{"vary_disk", "opposite", ig, {-0.3947, 0.0530}},
                                   Row{"vary_disk", "opposite", shap, {-0.2208, 0.0294}},
                                   Row{"vary_disk", "opposite", occlusion, {-0.0362, 0.6403}},
                                   Row{"vary_disk", "opposite", cam, {-0.1326, 0.0050}},
                                   Row{"vary_disk", "opposite", own, {0, 0.0050}},
                                   Row{"vary_disk", "opposite", guided, {-0.0074, 0.0227}}};
  for (const Row& row : rows)
    if (set == row.set && question == row.question && method == row.method) return row.range;
  return std::nullopt;
}

}  // namespace studies::disks
