// SPDX-License-Identifier: BSD-3-Clause
// What the features that methods take away look like: one picture of a vessel image divided in each way.
//   features [OUT.png [INDEX]]
#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <lumen/baseline/inpaint.hpp>
#include <lumen/data/synthetic.hpp>
#include <lumen/perturb/segment/branches.hpp>
#include <lumen/perturb/segment/connected.hpp>
#include <lumen/perturb/segment/felzenszwalb.hpp>
#include <lumen/perturb/segment/grid.hpp>
#include <lumen/perturb/segment/slic.hpp>
#include <lumen/view/panel.hpp>

namespace lm = lumen;
namespace perturb = lumen::perturb;
using lm::Tensor;

namespace {

/// The image under a colour for each label; `plain` is left as it is.
Tensor painted(const Tensor& image, const Tensor& labels, std::int64_t plain = -1) {
  Tensor shown = (lm::view::picture(image).to(at::kFloat) * 1.6).clamp(0, 255);
  for (std::int64_t label = 0; label <= labels.max().item<std::int64_t>(); ++label) {
    if (label == plain) continue;
    const double turn = 6.2831853 * std::fmod(static_cast<double>(label) * 0.618034, 1.0);
    Tensor colour = at::empty({3, 1, 1});
    for (std::int64_t c = 0; c < 3; ++c)
      colour[c].fill_(140 + 110 * std::cos(turn - 2.0943951 * static_cast<double>(c)));
    shown = at::where(labels.eq(label), shown * 0.55 + colour * 0.45, shown);
  }
  return shown.to(at::kByte).contiguous();
}

/// The image with the borders between labels drawn.
Tensor outlined(const Tensor& image, const Tensor& labels) {
  Tensor border = at::zeros_like(labels, at::kBool);
  for (const std::int64_t dim : {0, 1}) {
    const std::int64_t length = labels.size(dim) - 1;
    border.narrow(dim, 0, length)
        .logical_or_(labels.narrow(dim, 0, length).ne(labels.narrow(dim, 1, length)));
  }
  const Tensor shown = (lm::view::picture(image).to(at::kFloat) * 1.6).clamp(0, 255).to(at::kByte);
  return at::where(border, at::tensor({255, 214, 10}, at::kByte).reshape({3, 1, 1}), shown).contiguous();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string out = argc > 1 ? argv[1] : "features.png";
  const auto sample = lm::data::SyntheticVessels{.size = 192, .seed = 5}(argc > 2 ? std::stoull(argv[2]) : 3);
  const Tensor x = sample.image.unsqueeze(0);
  const perturb::GivenLabels vessels{sample.label};
  lm::view::Panel panel{.columns = 4};
  const auto add = [&](Tensor picture, const char* title, const Tensor& labels) {
    panel.cells.push_back({.picture = std::move(picture),
                           .title = title,
                           .caption = std::to_string(labels.max().item<std::int64_t>() + 1) + " features"});
  };
  const Tensor grid = perturb::Grid{.side = 24}(x)[0][0], slic = perturb::Slic{.segments = 60}(x)[0][0],
               trees = perturb::Felzenszwalb{.scale = 150}(x)[0][0],
               parts = perturb::Connected{vessels}(x)[0][0], branches = perturb::Branches{vessels}(x)[0][0];
  add(outlined(x, grid), "grid:24", grid);
  add(outlined(x, slic), "slic:60", slic);
  add(outlined(x, trees), "felzenszwalb:150", trees);
  add(painted(x, sample.label, 0), "a mask, or prediction", sample.label);
  add(painted(x, parts, parts[0][0].item<std::int64_t>()), "components", parts);
  add(painted(x, branches, 0), "skeleton", branches);
  // a little more than the vessels, whose light spreads beyond them
  const Tensor wide =
      at::max_pool2d(sample.label.to(at::kFloat).reshape({1, 1, 192, 192}), 5, 1, 2).to(at::kLong);
  const Tensor filled = at::where(wide.ne(0), lm::baseline::harmonic_filling(x, wide), x);
  panel.cells.push_back({.picture = lm::view::picture((filled * 1.6).clamp(0, 1)),
                         .title = "inpaint",
                         .caption = "the vessels painted over from what surrounds them"});
  panel.save(out);
  std::cout << out << '\n';
}
