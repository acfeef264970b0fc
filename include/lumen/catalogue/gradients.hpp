// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/catalogue/bind.hpp>

namespace lumen::catalogue {

/// Methods of one backward pass.
inline void add_gradients(std::vector<Entry>& all) {
  constexpr const char* except = "rectifiers that keep their own gradient: relu:3,relu:-1";
  all.push_back(
      entry(Table("saliency", Saliency{})
                .option("absolute", "the gradient's magnitude; false keeps its sign", &Saliency::absolute),
            "gradient", "Simonyan, Vedaldi and Zisserman, ICLR workshop 2014, arXiv:1312.6034"));
  all.push_back(entry(Table("input-x-gradient", InputXGradient{}), "input times gradient",
                      "Shrikumar, Greenside, Shcherbina and Kundaje, 2016, arXiv:1605.01713"));
  all.push_back(
      entry(Table("guided-backprop", GuidedBackprop{}).option("except", except, &GuidedBackprop::except),
            "gradient, positive at every rectifier",
            "Springenberg, Dosovitskiy, Brox and Riedmiller, ICLR workshop 2015, arXiv:1412.6806"));
  all.push_back(entry(Table("deconvnet", Deconvnet{}).option("except", except, &Deconvnet::except),
                      "gradient that rectifiers rectify on its way back",
                      "Zeiler and Fergus, ECCV 2014, arXiv:1311.2901"));
}

}  // namespace lumen::catalogue
