// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>

#include "binding.hpp"

namespace cli {

namespace {

constexpr const char* except = "rectifiers that keep their own gradient: relu:3,relu:-1";

}  // namespace

void add_gradients(std::vector<Entry>& all) {
  all.push_back(entry(
      Table("saliency", lm::Saliency{})
          .option("absolute", "the gradient's magnitude; false keeps its sign", &lm::Saliency::absolute),
      "gradient (Simonyan 2014)"));
  all.push_back(
      entry(Table("input-x-gradient", lm::InputXGradient{}), "input times gradient (Shrikumar 2016)"));
  all.push_back(entry(
      Table("guided-backprop", lm::GuidedBackprop{}).option("except", except, &lm::GuidedBackprop::except),
      "gradient, positive at every rectifier (Springenberg 2015)"));
  all.push_back(entry(Table("deconvnet", lm::Deconvnet{}).option("except", except, &lm::Deconvnet::except),
                      "gradient that rectifiers rectify on its way back (Zeiler 2014)"));
}

}  // namespace cli
