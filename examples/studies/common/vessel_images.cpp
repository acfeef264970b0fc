// SPDX-License-Identifier: BSD-3-Clause
#include "common/vessel_images.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/data/split.hpp>
#include <lumen/data/synthetic.hpp>
#include <lumen/data/vessmap.hpp>

namespace lm = lumen;

namespace studies {

lm::data::Sample middle(const lm::data::Sample& sample, std::int64_t side) {
  const auto part = [&](const Tensor& whole) {
    if (!whole.defined()) return whole;
    const std::int64_t rows = std::min(side, whole.size(-2)), columns = std::min(side, whole.size(-1));
    return whole.narrow(-2, (whole.size(-2) - rows) / 2, rows)
        .narrow(-1, (whole.size(-1) - columns) / 2, columns)
        .contiguous();
  };
  return {.image = part(sample.image),
          .label = part(sample.label),
          .skeleton = part(sample.skeleton),
          .name = sample.name,
          .weight = part(sample.weight)};
}

VesselImages vessel_images(const Options& options, std::size_t train, std::size_t validation,
                           std::size_t test, std::int64_t side) {
  VesselImages out{.drawn = options.data.empty()};
  const Samples all = out.drawn ? lm::data::SyntheticVessels{.size = side, .seed = options.seed}.many(
                                      0, train + validation + test)
                                : lm::data::read_vessmap(options.data);
  lm::require(all.size() > train + validation, [&] {
    return lm::text(options.data, " holds ", all.size(), " images; ", train, " are to train and ", validation,
                    " to validate, and some must be left to test: give a smaller --size");
  });
  std::vector<std::size_t> order =
      lm::data::shuffled(all.size(), lm::data::Random({options.seed, all.size()}));
  const auto take = [&](std::size_t first, std::size_t count) {
    std::vector<std::size_t> some(
        order.begin() + static_cast<std::ptrdiff_t>(first),
        order.begin() + static_cast<std::ptrdiff_t>(std::min(first + count, order.size())));
    std::ranges::sort(some);
    Samples parts;
    for (const std::size_t i : some) parts.push_back(middle(all[i], side));
    return parts;
  };
  out.train = take(0, train);
  out.validation = take(train, validation);
  out.test = take(train + validation, test);
  const std::string size = lm::text(side, " x ", side, " pixels"),
                    folder = options.data.filename().empty() ? options.data.parent_path().filename().string()
                                                             : options.data.filename().string();
  out.words = out.drawn ? "images of vessels that the study drew, " + size
                        : "microscope images from " + folder + ", the middle " + size + " of each";
  return out;
}

}  // namespace studies
