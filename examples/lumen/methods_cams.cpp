// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/cam/cam.hpp>
#include <lumen/attribution/cam/eigen_cam.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/smooth_grad_cam_plus_plus.hpp>

#include "binding.hpp"
#include "cam_options.hpp"

namespace cli {

namespace {

template <class A>
Entry cam(const char* name, const char* what) {
  return entry(with_cam_options(Table(name, A{})), what);
}

}  // namespace

void add_cams(std::vector<Entry>& all) {
  all.push_back(entry(with_cam_options(Table("cam", lm::Cam{})),
                      "pooled channels by the class's weights (Zhou 2016)", {}, LayerUse::none));
  all.push_back(entry(with_cam_options(Table("grad-cam", lm::GradCam{}))
                          .option("sum-channels", "false keeps the channels apart",
                                  [](lm::GradCam& method) -> bool& { return method.cam.sum_channels; }),
                      "channels of a layer by their mean gradient (Selvaraju 2017)"));
  all.push_back(cam<lm::GradCamPlusPlus>("grad-cam-plus-plus", "by positive gradients (Chattopadhay 2018)"));
  all.push_back(cam<lm::XGradCam>("x-grad-cam", "by their share of activation x gradient (Fu 2020)"));
  all.push_back(cam<lm::HiResCam>("hi-res-cam", "activation x gradient, cell by cell (Draelos 2020)"));
  all.push_back(cam<lm::LayerCam>("layer-cam", "activation x positive gradient (Jiang 2021)"));
  all.push_back(cam<lm::EigenGradCam>("eigen-grad-cam", "first component of activation x gradient"));
  all.push_back(cam<lm::EigenCam>("eigen-cam", "first component of a layer (Muhammad 2020)"));
  using Smooth = lm::SmoothGradCamPlusPlus;
  all.push_back(entry(with_cam_options(Table("smooth-grad-cam-plus-plus", Smooth{}))
                          .option("samples", "noisy copies", &Smooth::samples)
                          .option("stdev", "standard deviation of the noise", &Smooth::stdev)
                          .option("scale", "what it is measured in", &Smooth::scale),
                      "Grad-CAM++ of gradients of noisy copies (Omeiza 2019)", {{"samples", "2"}}));
  using Guided = lm::GuidedGradCam;
  all.push_back(
      entry(Table("guided-grad-cam", Guided{}).option("upsample", "of the layer's map", &Guided::upsample),
            "guided backpropagation times Grad-CAM (Selvaraju 2017)"));
}

}  // namespace cli
