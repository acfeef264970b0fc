// SPDX-License-Identifier: BSD-3-Clause
// The maps of the study that lumen re-creates: its own weights on its own images, by lumen's methods.
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>

#include <doctest/doctest.h>

#include <iostream>
#include <string>

#include <lumen/io/npy.hpp>
#include <lumen/io/state_dict.hpp>
#include <lumen/net/custom_cnn.hpp>
#include <lumen/net/load.hpp>
#include <lumen/target/element.hpp>

#include "support/shared.hpp"

using lumen::Tensor;

namespace {

/// Each map's largest difference from the golden one, relative to the golden one's range, [N].
Tensor errors(const Tensor& map, const Tensor& golden) {
  const Tensor ours = map.reshape(golden.sizes()).flatten(1), theirs = golden.flatten(1);
  const Tensor range = at::amax(theirs, 1) - at::amin(theirs, 1);
  return at::amax((ours - theirs).abs(), 1) / range.clamp_min(1e-30);
}

}  // namespace

DOCTEST_TEST_CASE("the disks' maps, from the .pth weights") {
  const auto golden = lumen::testing::shared("golden/disks");
  const auto weights = lumen::testing::shared("data/seed/weights");
  if (!golden || !weights) return;
  for (const std::string set : {"easier", "vary_disk"}) {
    lumen::net::CustomCNN net;
    (void)lumen::net::load(
        *net, lumen::io::read_state_dict(*weights / ("custom_cnn_classification_" + set + ".pth")));
    net->eval();
    const Tensor images = lumen::io::read_npy(*golden / (set + ".inputs.npy"));
    const Tensor logits = net->forward(images);
    DOCTEST_CHECK(at::allclose(logits, lumen::io::read_npy(*golden / (set + ".logits.npy")), 1e-4, 1e-4));
    for (const std::string question : {"predicted", "opposite"}) {
      const Tensor predicted = logits.argmax(1);
      const lumen::target::Classes target{question == "predicted" ? predicted : 1 - predicted};
      const auto check = [&](const std::string& name, const Tensor& map) {
        DOCTEST_CAPTURE(set + "." + question + "." + name);
        const Tensor theirs = lumen::io::read_npy(*golden / (set + "." + question + "." + name + ".npy"));
        DOCTEST_CHECK(errors(map, theirs).max().item<double>() <= 1e-4);
      };
      // On the images' empty ground the maxima of pooling windows are tied in exact arithmetic, and rounding, which
      // is the processor's, says which one gets the gradient: another choice in one window of one channel takes map 0
      // of easier.predicted.saliency to 3e-8 of the golden one. Such maps differ in what one window sees.
      const auto check_but_for_ties = [&](const std::string& name, const Tensor& map) {
        DOCTEST_CAPTURE(set + "." + question + "." + name);
        const Tensor theirs = lumen::io::read_npy(*golden / (set + "." + question + "." + name + ".npy"));
        const Tensor error = errors(map, theirs), tied = error > 1e-4;
        const Tensor off =
            ((map.reshape(theirs.sizes()) - theirs).abs() > 1e-6).flatten(1).to(at::kDouble).mean(1);
        std::cout << "golden: " << set << '.' << question << '.' << name << ": "
                  << tied.sum().item<std::int64_t>() << " of 20 maps differ by ties, by "
                  << error.max().item<double>() << " of their range, in " << off.max().item<double>()
                  << " of their pixels\n";
        DOCTEST_CHECK(tied.sum().item<std::int64_t>() <= 8);
        DOCTEST_CHECK(off.max().item<double>() <= 0.12);
      };
      check_but_for_ties("saliency", lumen::Saliency{.absolute = false}(net, images, target).map);
      check("integrated_gradients", lumen::IntegratedGradients{.steps = 20}(net, images, target).map);
      if (question == "predicted") {
        check("occlusion", lumen::Occlusion{.window = {{2, 2}}}(net, images, target).map);
      }
      const auto relu4 = lumen::layer::nth("relu", 3);
      check("grad_cam_relu4",
            lumen::GradCam{.layer = relu4, .upsample = lumen::Upsample::Bilinear}(net, images, target).map);
      check("grad_cam_relu4_positive",
            lumen::GradCam{.layer = relu4, .positive_part = true, .upsample = lumen::Upsample::Bilinear}(
                net, images, target)
                .map);
      // its hooks missed the functional ReLU behind fc1
      check_but_for_ties(
          "guided_backprop_modules_only",
          lumen::GuidedBackprop{.except = {lumen::layer::nth("relu", 4)}}(net, images, target).map);
    }
  }
}
