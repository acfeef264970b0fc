// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of Grad-CAM and Guided Grad-CAM, run by lumen.
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>

#include <doctest/doctest.h>

#include <iostream>
#include <map>
#include <string>

#include "support/golden_layers.hpp"

namespace golden = lumen::testing::golden;
using lumen::Tensor;
using lumen::Tensors;
using lumen::Upsample;

namespace {

lumen::trace::Layer only_layer(const std::vector<std::vector<lumen::trace::Layer>>& layers) {
  if (layers.size() != 1 || layers.front().size() != 1) throw golden::Unmapped("several layers");
  return layers.front().front();
}

golden::Value grad_cam(const golden::Case& one, const golden::Model& model) {
  golden::Options options(one.params), ctor(one.ctor);
  const golden::Asked asked = golden::ask_at_layer(one, model);
  const bool input = options.take("attribute_to_layer_input", false).get<bool>();
  const bool positive = options.take("relu_attributions", false).get<bool>();
  const bool sum_channels = options.take("attr_dim_summation", true).get<bool>();
  if (!options.take("grad_kwargs", nullptr).is_null()) throw golden::Unmapped("grad_kwargs");
  (void)ctor.take("device_ids", nullptr);
  options.done();
  ctor.done();
  const auto layers = golden::layers_of(one, asked.model, input).front();
  const lumen::GradientCams method{
      .layers = layers, .cams = {lumen::cam::Grad{.sum_channels = sum_channels}}, .positive_part = positive};
  Tensors maps;
  for (const auto& of_layer : method(asked, asked.inputs, asked.target)) maps.push_back(of_layer.front().map);
  return golden::output_of(maps, maps.size() > 1);
}

golden::Value guided_grad_cam(const golden::Case& one, const golden::Model& model) {
  golden::Options options(one.params), ctor(one.ctor);
  const golden::Asked asked = golden::ask_at_layer(one, model);
  const std::map<std::string, Upsample> modes{{"nearest", Upsample::Nearest},
                                              {"bilinear", Upsample::Bilinear},
                                              {"bicubic", Upsample::Bicubic},
                                              {"area", Upsample::Area}};
  const auto mode = options.take("interpolate_mode", "nearest").get<std::string>();
  const bool input = options.take("attribute_to_layer_input", false).get<bool>();
  (void)ctor.take("device_ids", nullptr);
  options.done();
  ctor.done();
  if (mode == "made_up_nonlinear") {
    // Captum warns and returns empty tensors; no value of Upsample says it, so that the compiler refuses it
    std::cout << "golden: " << one.id << " asks for an interpolation that does not exist\n";
    return golden::output_of(Tensors(asked.explained, at::empty({0})), one.several_inputs());
  }
  const lumen::GuidedGradCam method{.layer = only_layer(golden::layers_of(one, asked.model, input)),
                                    .upsample = modes.at(mode),
                                    .images_only = true};
  Tensors maps = method(asked, asked.inputs, asked.target).map;
  maps.resize(asked.explained);
  for (Tensor& map : maps) {
    if (!map.defined()) map = at::empty({0});
  }
  return golden::output_of(maps, one.several_inputs());
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of Grad-CAM and Guided Grad-CAM") {
  golden::check_family(
      {"LayerGradCam", "GuidedGradCam"},
      [](const golden::Case& one, const golden::File& file) {
        const golden::Model& model = file.model(one.model);
        return one.name() == "LayerGradCam" ? grad_cam(one, model) : guided_grad_cam(one, model);
      },
      [](const golden::Case&) { return false; });
}
