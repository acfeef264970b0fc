// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <algorithm>
#include <optional>

#include <lumen/core/error.hpp>
#include <lumen/data/random.hpp>
#include <lumen/data/split.hpp>
#include <lumen/data/synthetic.hpp>
#include <lumen/data/vessmap.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>
#include <lumen/perturb/fade.hpp>

namespace lm = lumen;

namespace studies::faded {

namespace {

/// The first of these folders below `data` that is there, and has `inside` in it.
std::optional<fs::path> folder(const fs::path& data, const std::vector<fs::path>& names,
                               const fs::path& inside = ".") {
  for (const fs::path& name : names)
    if (fs::is_directory(data / name / inside)) return data / name;
  return std::nullopt;
}

Series read_series(const fs::path& folder) {
  Series series{.words = "the original's, of " + folder.filename().string()};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string kind = lm::io::extension(entry.path());
    if (entry.is_regular_file() && (kind == ".tif" || kind == ".tiff" || kind == ".png"))
      files.push_back(entry.path());
  }
  lm::require(!files.empty(), [&] { return lm::text(folder, " holds no TIFF or PNG image"); });
  std::ranges::sort(files, {}, [](const fs::path& file) {
    return std::pair(file.stem() != "original", file.stem().string());
  });
  for (const fs::path& file : files) {
    const Tensor image = lm::io::to_float(lm::io::read(file)).narrow(0, 0, 1);
    lm::require(series.images.empty() || image.sizes() == series.images.front().second.sizes(),
                [&] { return lm::text(file, " has another size than the images before it"); });
    series.images.emplace_back(file.stem().string(), image);
  }
  series.row = series.images.front().second.size(1) / 2;
  series.column = series.images.front().second.size(2) / 2;
  return series;
}

/// Of the first sample whose centre lines come near its middle, at that place.
Series make_series(const Samples& samples) {
  for (const lm::data::Sample& sample : samples) {
    const Tensor points = sample.skeleton.nonzero();
    if (points.size(0) == 0) continue;
    const std::int64_t height = sample.label.size(0), width = sample.label.size(1);
    const Tensor far = (points - at::tensor({height / 2, width / 2}, at::kLong)).square().sum(1);
    const Tensor place = points[far.argmin()];
    Series series{.row = place[0].item<std::int64_t>(),
                  .column = place[1].item<std::int64_t>(),
                  .words = "made of the test image " + sample.name};
    for (const int percent : {0, 20, 40, 60, 80, 100})
      series.images.emplace_back(
          lm::text(percent, " % faded"),
          lm::perturb::Fade{}(sample.image, sample.label.eq(1), series.row, series.column, percent / 100.0));
    return series;
  }
  throw lm::Error("no test image has a vessel that could fade");
}

}  // namespace

Tensor Series::fading() const {
  return (images.back().second - images.front().second).abs().amax(0).gt(1.0 / 255);
}

World load(const Options& options) {
  World world;
  Samples all;
  std::optional<fs::path> series;
  if (options.data.empty()) {
    const std::uint64_t count = options.size > 0 ? options.size : options.quick ? 80 : 160;
    all = lm::data::SyntheticVessels{.size = 128, .seed = options.seed}.many(0, count);
    world.words = lm::text(all.size(), " synthetic images of 128 x 128 pixels");
  } else {
    const auto vessmap = folder(options.data, {".", "vessmap", "data/VessMap", "VessMAP"}, "images");
    lm::require(vessmap.has_value(), [&] {
      return lm::text(options.data, " holds no VessMAP: no folder images/ in it, in vessmap/ or in ",
                      "data/VessMap/; get it from ", original);
    });
    all = lm::data::read_vessmap(*vessmap);
    if (options.size > 0) all.resize(std::min<std::size_t>(all.size(), options.size));
    world.words = lm::text(all.size(), " images of VessMAP");
    series = folder(options.data, {"seed/augmented_vessels", "data/augmented_vessels", "augmented_vessels"});
  }
  const auto parts = lm::data::split(all.size(), 0.8, options.seed);
  world.training = lm::data::select(all, parts.train);
  world.testing = lm::data::select(all, parts.test);
  if (options.quick) world.testing.resize(std::min<std::size_t>(world.testing.size(), 8));
  world.series = series ? read_series(*series) : make_series(world.testing);
  lm::require(world.series.fading().any().item<bool>(), [&] {
    return lm::text("nothing fades: the images of the series (", world.series.words, ") are alike");
  });
  return world;
}

//! [augment]
Samples with_faded(const Samples& samples, std::uint64_t seed) {
  Samples all = samples;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    lm::data::Sample copy = samples[i];  // its label stays: the network is to bridge the gaps
    const Tensor vessel = copy.label.eq(1), points = copy.skeleton.nonzero();
    lm::data::Random random({seed, i});
    for (int gap = 0; gap < 16 && points.size(0) > 0; ++gap) {
      const Tensor place =
          points[static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(points.size(0))))];
      const lm::perturb::Fade fade{.reach = random.uniform(5.0, 15.0)};
      copy.image = fade(copy.image, vessel, place[0].item<std::int64_t>(), place[1].item<std::int64_t>(),
                        random.uniform(0.6, 1.0));
    }
    all.push_back(std::move(copy));
  }
  return all;
}
//! [augment]

}  // namespace studies::faded
