// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Guided Grad-CAM: Selvaraju et al., ICCV 2017, arXiv:1610.02391, section 3.2.
///
///     a = G * upsampled(relu(L)),  G guided backpropagation, L Grad-CAM of the layer
///
/// Cost: two forward and two backward passes, one of these down to the layer only.
struct GuidedGradCam {
  trace::Layer layer{};
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  Upsample upsample = Upsample::Bilinear;  ///< as in the paper; Captum's default is nearest
  /// Gives an undefined tensor for inputs whose cells have not as many dimensions as the layer's, as Captum gives an empty one, instead of an
  /// Error.
  bool images_only = false;
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, C, H, W] (or [N, C, L], [N, C, D, H, W]), or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return a, of x's shape, signed, and `score`
  /// @throws Error  what GuidedBackprop and GradCam throw; an input without cells like the layer's
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    require(upsample != Upsample::None,
            "GuidedGradCam: the layer's map must come to the input's resolution; choose an upsampling");
    return engine::answer(target, [&](const Targets& targets) {
      const std::vector<Attribution<Tensor>> cams =
          GradCam{.layer = layer, .layout = layout, .positive_part = true, .run = run}(model, x, targets);
      std::vector<Attribution<X>> results = GuidedBackprop{.run = run}(model, x, targets);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        Tensors maps = parts_of(results[t].map);
        for (Tensor& map : maps) {
          const Tensor& cam = cams[t].map;
          const bool fits = map.defined() && map.dim() == cam.dim() && map.dim() >= 3;
          if (!map.defined() || (!fits && images_only)) {
            map = Tensor();
            continue;
          }
          require(fits, [&] {
            return text(
                "GuidedGradCam: an input is ", map.sizes(), " and the layer's map ", cam.sizes(),
                ", expected cells of as many dimensions in both, as [N, C, H, W]; images_only = true ",
                "leaves such inputs out");
          });
          map = map * upsampled(cam, detail::cells_of(map), upsample);
        }
        results[t].map = input_of<X>(maps);
        results[t].forward_passes += cams[t].forward_passes;
        results[t].backward_passes += cams[t].backward_passes;
      }
      return results;
    });
  }
};

}  // namespace lumen
