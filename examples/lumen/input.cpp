// SPDX-License-Identifier: BSD-3-Clause
#include "input.hpp"

#include <algorithm>
#include <array>

#include <lumen/io/file.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>

namespace cli {

namespace fs = std::filesystem;

namespace {

bool is_input(const fs::path& path) {
  constexpr std::array known{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy"};
  const std::string dotted = lm::io::extension(path);
  return std::any_of(known.begin(), known.end(), [&](const char* each) { return dotted == each; });
}

/// [C, H, W] with as many channels as wanted.
Tensor with_channels(Tensor image, std::int64_t wanted) {
  if (image.size(0) == 2 || image.size(0) == 4) image = image.narrow(0, 0, image.size(0) - 1);
  if (wanted == 0 || wanted == image.size(0)) return image;
  if (wanted == 3 && image.size(0) == 1) return image.expand({3, image.size(1), image.size(2)}).contiguous();
  require(wanted == 1 && image.size(0) == 3,
          [&] { return text("an image of ", image.size(0), " channels cannot be made one of ", wanted); });
  const Tensor luma = at::tensor({0.299, 0.587, 0.114}, at::kDouble).to(image.scalar_type());
  return (image * luma.reshape({3, 1, 1})).sum(0, true);
}

Tensor resized(const Tensor& x, const std::vector<std::int64_t>& size) {
  if (size.empty()) return x;
  std::int64_t height = size.front(), width = size.back();
  if (size.size() == 1) {
    const std::int64_t shorter = std::min(x.size(2), x.size(3));
    height = x.size(2) * size.front() / shorter;
    width = x.size(3) * size.front() / shorter;
  }
  if (height == x.size(2) && width == x.size(3)) return x;
  return at::_upsample_bilinear2d_aa(x, {height, width}, false);
}

Tensor cropped(const Tensor& x, const std::vector<std::int64_t>& crop) {
  if (crop.empty()) return x;
  const std::int64_t height = crop.front(), width = crop.back();
  require(height <= x.size(2) && width <= x.size(3), [&] {
    return text("--crop ", height, " x ", width, " is larger than the image, ", x.size(2), " x ", x.size(3),
                "; give a larger --size");
  });
  return x.narrow(2, (x.size(2) - height) / 2, height).narrow(3, (x.size(3) - width) / 2, width).contiguous();
}

Tensor per_channel(const std::vector<double>& values, const Tensor& x, const char* option) {
  const auto count = static_cast<std::int64_t>(values.size());
  require(x.dim() >= 2 && (count == 1 || count == x.size(1)), [&] {
    return text(option, " has ", count, " values, the input is ", x.sizes(), "; give one, or one a channel");
  });
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = count;
  return at::tensor(values, at::kDouble).to(at::kFloat).reshape(shape);
}

Sample prepared(Tensor x, const Preprocessing& how) {
  Sample sample;
  const bool spatial = x.dim() == 4;
  require(spatial || (how.size.empty() && how.crop.empty()),
          [&] { return text("--size and --crop are for images, this input is ", x.sizes()); });
  if (spatial) {
    x = cropped(resized(x, how.size), how.crop);
    if (x.size(1) == 1 || x.size(1) == 3) sample.picture = x[0].clone();
  }
  if (!how.mean.empty()) x = x - per_channel(how.mean, x, "--mean");
  if (!how.std.empty()) x = x / per_channel(how.std, x, "--std");
  sample.x = x;
  return sample;
}

}  // namespace

std::vector<fs::path> files_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      require(fs::exists(path), [&] { return text("there is no file ", path); });
      files.emplace_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file() && is_input(entry.path())) inside.push_back(entry.path());
    }
    require(!inside.empty(), [&] { return text("the folder ", path, " holds no image and no npy array"); });
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::vector<Sample> read_samples(const fs::path& path, const Preprocessing& how) {
  return lm::io::naming(path, [&] {
    Tensor values = lm::io::read(path);
    const bool image = lm::io::extension(path) != ".npy";
    if (image) values = with_channels(values, how.channels);
    const bool scaled = image || values.scalar_type() == at::kByte;
    values = scaled ? lm::io::to_float(values) : values.to(at::kFloat);
    require(values.dim() >= 1 && values.numel() > 0, "the array is a single number or empty");
    if (image || values.dim() == 1 || values.dim() == 3) values = values.unsqueeze(0);
    std::vector<Sample> samples;
    for (std::int64_t row = 0; row < values.size(0); ++row) {
      Sample sample = prepared(values.narrow(0, row, 1), how);
      const std::string number = values.size(0) > 1 ? std::to_string(row) : "";
      sample.name = path.string() + (number.empty() ? "" : "#" + number);
      sample.stem = path.stem().string() + (number.empty() ? "" : "-" + number);
      samples.push_back(std::move(sample));
    }
    return samples;
  });
}

}  // namespace cli
