// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <lumen/attribution/mask/detail/grow_regions.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/core/error.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/segment/felzenszwalb.hpp>

namespace lumen {

/// The mean of integrated gradients from a black and from a white image, so that neither colour is blind: XRAI's default.
struct BlackAndWhiteGradients {
  double black = 0.0, white = 1.0;  ///< in units of the input
  std::int64_t steps = 50;          ///< of each
  Run run{};

  /// @throws Error as IntegratedGradients
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const auto from = [&](double value) {
        return IntegratedGradients{
            .baseline = baseline::Constant{.value = value}, .steps = steps, .run = run}(model, x, targets);
      };
      std::vector<Attribution<X>> results = from(black);
      const std::vector<Attribution<X>> others = from(white);
      for (std::size_t t = 0; t < results.size(); ++t) {
        Tensors map = parts_of(results[t].map);
        const Tensors other = parts_of(others[t].map);
        for (std::size_t p = 0; p < map.size(); ++p) map[p] = (map[p] + other[p]) / 2;
        results[t].map = input_of<X>(map);
        results[t].completeness_error = Tensor();  // of neither difference of scores
        results[t].forward_passes += others[t].forward_passes;
        results[t].backward_passes += others[t].backward_passes;
      }
      return results;
    });
  }
};

/// XRAI: Kapishnikov, Bolukbasi, Viegas and Terry, "XRAI: Better Attributions Through Regions", ICCV 2019, arXiv:1906.02825,
/// algorithm 1.
///
/// Regions by the attribution of their pixels: of many segmentations of the image the segment is taken whose pixels that
/// were not taken before have the greatest mean; each of them gets this mean; and so on until nothing is left. Thresholds of
/// the map give whole regions. Cost: that of the method, and about a second for 512 x 512 pixels.
template <class A = BlackAndWhiteGradients>
struct Xrai {
  /// A division of an image [1, C, H, W]: int64 [1, 1, H, W] or [H, W].
  using Segmentation = std::function<Tensor(const Tensor&)>;

  A method{};  ///< what tells the pixels' attribution: any method with a map of the input's shape
  /// None: Felzenszwalb and Huttenlocher's at the paper's six scales, 50 to 1200.
  std::vector<Segmentation> segmentations{};
  std::int64_t dilation = 5;  ///< pixels by which every segment grows, at least 0
  std::int64_t least =
      50;  ///< a segment with fewer pixels left is passed over, at least 1; at most a 16th of the image

  /// @param model   F, as the method needs it
  /// @param x       floating point, [N, C, H, W], in a tuple beside held parts; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return for each pixel the mean attribution, summed over channels, of the region that it came in with; the same for
  ///         all channels. `score` and passes of the method
  /// @throws Error  what the method throws; not exactly one picture is explained; a segmentation of another size; an option
  ///                out of range
  template <Input X, class M, TargetOrTargets T>
    requires engine::Attributes<A, M, X, AnyTarget>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    require(dilation >= 0 && least >= 1, [&] {
      return text("Xrai: dilation ", dilation, " and least ", least, " must be at least 0 and 1 pixels");
    });
    return engine::answer(target, [&](const Targets& targets) {
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const std::size_t place = picture(parts);
      auto asked = engine::ask(method, model, x, targets);
      const std::vector<std::vector<std::vector<std::int64_t>>> segments = segments_of(parts[place].detach());
      std::vector<Attribution<X>> results;
      for (auto& each : asked) {
        const Tensors map = parts_of(each.map);
        require(map.size() == parts.size() && map[place].sizes() == parts[place].sizes(), [&] {
          return text("Xrai: the method's map is ", map.front().sizes(), ", expected the input's shape, ",
                      parts[place].sizes());
        });
        Tensors grown;
        for (std::size_t p = 0; p < parts.size(); ++p)
          grown.push_back(p == place ? regions(map[p], segments) : at::zeros_like(parts[p]));
        results.push_back({.map = input_of<X>(grown),
                           .score = each.score,
                           .forward_passes = each.forward_passes,
                           .backward_passes = each.backward_passes});
      }
      return results;
    });
  }

 private:
  static std::size_t picture(const Tensors& parts) {
    std::size_t found = 0, place = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!engine::explained(parts[i])) continue;
      place = i;
      ++found;
    }
    require(found == 1 && parts[place].dim() == 4, [&] {
      return text("Xrai takes one picture [N, C, H, W], here ", found, " inputs are explained, the last ",
                  parts[place].sizes(), "; let others ride along: lumen::held(tensor)");
    });
    return place;
  }

  [[nodiscard]] std::vector<std::vector<std::vector<std::int64_t>>> segments_of(const Tensor& image) const {
    std::vector<Segmentation> all = segmentations;
    if (all.empty()) {
      for (const double scale : {50.0, 100.0, 150.0, 250.0, 500.0, 1200.0})
        all.emplace_back(perturb::Felzenszwalb{.scale = scale, .sigma = 0.8, .smallest = 150});
    }
    std::vector<std::vector<std::vector<std::int64_t>>> of_sample;
    for (std::int64_t n = 0; n < image.size(0); ++n) {
      Tensors labels;
      for (const Segmentation& divide : all) {
        const Tensor label = divide(image.narrow(0, n, 1));
        const bool fits = label.defined() && at::isIntegralType(label.scalar_type(), true) &&
                          label.numel() == image.size(2) * image.size(3) && label.size(-1) == image.size(3);
        require(fits, [&] {
          return text("Xrai: a segmentation returned ",
                      label.defined() ? text(label.scalar_type(), ' ', label.sizes()) : "nothing",
                      ", expected integers [", image.size(2), ", ", image.size(3), "]");
        });
        labels.push_back(label.to(at::kCPU, at::kLong).reshape({image.size(2), image.size(3)}));
      }
      of_sample.push_back(detail::segments_of(labels, dilation));
    }
    return of_sample;
  }

  [[nodiscard]] Tensor regions(const Tensor& map,
                               const std::vector<std::vector<std::vector<std::int64_t>>>& segments) const {
    const std::int64_t pixels = map.size(2) * map.size(3);
    const Tensor flat = map.sum(1).to(at::kCPU, at::kDouble).reshape({map.size(0), pixels}).contiguous();
    const Tensor result = at::empty_like(flat);
    for (std::int64_t n = 0; n < map.size(0); ++n) {
      const double* from = flat[n].data_ptr<double>();
      const std::vector<double> values(from, from + pixels);
      const std::vector<double> grown =
          detail::grow_regions(values, segments[static_cast<std::size_t>(n)],
                               std::min(least, std::max<std::int64_t>(1, pixels / 16)));
      std::copy(grown.begin(), grown.end(), result[n].data_ptr<double>());
    }
    return result.reshape({map.size(0), 1, map.size(2), map.size(3)})
        .to(map.device(), map.scalar_type())
        .expand_as(map)
        .contiguous();
  }
};

}  // namespace lumen
