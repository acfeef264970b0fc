// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/cam.hpp>
#include <lumen/attribution/cam/eigen_cam.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/smooth_grad_cam_plus_plus.hpp>
#include <lumen/catalogue/cam_options.hpp>

namespace lumen::catalogue {

namespace detail {

template <class A>
Entry cam(const char* name, const char* what, const char* paper) {
  return entry(with_cam_options(Table(name, A{})), what, paper);
}

}  // namespace detail

/// Class activation maps of one pass.
inline void add_cams(std::vector<Entry>& all) {
  using detail::cam;
  all.push_back(entry(with_cam_options(Table("cam", Cam{})), "pooled channels by the class's weights",
                      "Zhou, Khosla, Lapedriza, Oliva and Torralba, CVPR 2016, arXiv:1512.04150",
                      {.layer = LayerUse::None}));
  all.push_back(entry(with_cam_options(Table("grad-cam", GradCam{}))
                          .option("sum-channels", "false keeps the channels apart",
                                  [](GradCam& method) -> bool& { return method.cam.sum_channels; }),
                      "channels of a layer by their mean gradient",
                      "Selvaraju et al., ICCV 2017, arXiv:1610.02391"));
  all.push_back(cam<GradCamPlusPlus>("grad-cam-plus-plus", "by positive gradients",
                                     "Chattopadhay et al., WACV 2018, arXiv:1710.11063"));
  all.push_back(cam<XGradCam>("x-grad-cam", "by their share of activation x gradient",
                              "Fu et al., BMVC 2020, arXiv:2008.02312"));
  all.push_back(cam<HiResCam>("hi-res-cam", "activation x gradient, cell by cell",
                              "Draelos and Carin, 2020, arXiv:2011.08891"));
  all.push_back(cam<LayerCam>("layer-cam", "activation x positive gradient",
                              "Jiang, Zhang, Hou, Cheng and Wei, IEEE TIP 2021, 10.1109/TIP.2021.3089943"));
  all.push_back(cam<EigenGradCam>("eigen-grad-cam", "first component of activation x gradient",
                                  "Gildenblat, pytorch-grad-cam, 2021"));
  all.push_back(entry(with_cam_options(Table("eigen-cam", EigenCam{})), "first component of a layer",
                      "Muhammad and Yeasin, IJCNN 2020, arXiv:2008.00299", {.gradients = false}));
  using Smooth = SmoothGradCamPlusPlus;
  all.push_back(entry(with_cam_options(Table("smooth-grad-cam-plus-plus", Smooth{}))
                          .option("samples", "noisy copies", &Smooth::samples, positive_count)
                          .option("stdev", "standard deviation of the noise", &Smooth::stdev, not_negative)
                          .option("scale", "what it is measured in", &Smooth::scale),
                      "Grad-CAM++ of gradients of noisy copies",
                      "Omeiza, Speakman, Cintas and Weldemariam, 2019, arXiv:1908.01224",
                      {.quick = {{"samples", "2"}}}));
  using Guided = GuidedGradCam;
  all.push_back(entry(
      with_layout(
          Table("guided-grad-cam", Guided{}).option("upsample", "of the layer's map", &Guided::upsample)),
      "guided backpropagation times Grad-CAM", "Selvaraju et al., ICCV 2017, arXiv:1610.02391"));
}

}  // namespace lumen::catalogue
