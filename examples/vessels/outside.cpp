// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>

#include "job.hpp"

namespace lm = lumen;
namespace fs = std::filesystem;

namespace vessels {

namespace {

constexpr std::array endings{".tiff", ".tif", ".png", ".jpg", ".jpeg", ".bmp", ".npy"};

std::vector<fs::path> images_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string ending = lm::io::extension(entry.path());
    const bool image = std::ranges::any_of(endings, [&](const char* known) { return ending == known; });
    if (image && entry.path().filename().string().front() != '.') files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

Tensor gray(const Tensor& raw) {
  const Tensor image = lm::io::to_float(raw.dim() == 2 ? raw.unsqueeze(0) : raw);
  lm::require(image.dim() == 3, [&] { return lm::text("expected an image, got an array ", raw.sizes()); });
  return image.narrow(0, 0, image.size(0) >= 3 ? 3 : 1).mean(0, true);
}

}  // namespace

std::vector<lm::data::Sample> read_outside(const fs::path& folder) {
  const bool sorted = fs::is_directory(folder / "images");
  const std::vector<fs::path> files = images_in(sorted ? folder / "images" : folder);
  lm::require(!files.empty(), [&] { return lm::text("there is no image in ", folder); });
  std::vector<fs::path> labels;
  if (sorted && fs::is_directory(folder / "labels")) labels = images_in(folder / "labels");
  std::vector<lm::data::Sample> samples;
  for (const fs::path& file : files) {
    lm::data::Sample sample{.image = lm::io::naming(file, [&] { return gray(lm::io::read(file)); }),
                            .label = {},
                            .skeleton = {},
                            .name = file.stem().string()};
    const auto label =
        std::ranges::find(labels, file.stem(), [](const fs::path& path) { return path.stem(); });
    if (label != labels.end()) {
      const Tensor mask = lm::io::naming(*label, [&] { return gray(lm::io::read(*label)); });
      lm::require(mask.sizes() == sample.image.sizes(), [&] {
        return lm::text(*label, " is ", mask.sizes().slice(1), ", the image ", sample.image.sizes().slice(1));
      });
      sample.label = mask[0].ne(0).to(at::kLong);
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace vessels
