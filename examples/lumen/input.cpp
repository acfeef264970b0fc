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

/// Channels of an image without its opacity.
std::int64_t colours_of(const Raw& raw) { return raw.stored.values.size(0) - (raw.stored.alpha ? 1 : 0); }

bool fits(const Raw& raw, std::int64_t wanted) {
  const std::int64_t colours = colours_of(raw);
  return wanted == colours || wanted == raw.stored.values.size(0) || (wanted == 3 && colours == 1) ||
         (wanted == 1 && colours == 3);
}

/// [C, H, W], float64, with as many channels as wanted.
Tensor with_channels(const Raw& raw, const Tensor& image, std::int64_t wanted) {
  const std::int64_t all = image.size(0), colours = colours_of(raw);
  if (wanted == all) return image;
  const Tensor coloured = image.narrow(0, 0, colours);
  if (wanted == 0 || wanted == colours) return coloured;
  if (wanted == 3 && colours == 1) return coloured.expand({3, image.size(1), image.size(2)}).contiguous();
  require(wanted == 1 && colours == 3, [&] {
    return text("an image of ", all, " channels", raw.stored.alpha ? " (the last is opacity)" : "",
                " cannot be made one of ", wanted, "; write one with the channels that the network takes");
  });
  return (coloured * at::tensor({0.299, 0.587, 0.114}, at::kDouble).reshape({3, 1, 1})).sum(0, true);
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
  return at::tensor(values, at::kDouble).reshape(shape);
}

Part prepared(Tensor x, const Preprocessing& how) {
  Part part;
  const bool spatial = x.dim() == 4;
  require(spatial || (how.size.empty() && how.crop.empty()),
          [&] { return text("--size and --crop are for images, this input is ", x.sizes()); });
  if (spatial) {
    x = cropped(resized(x, how.size), how.crop);
    if (x.size(1) == 1 || x.size(1) == 3) part.picture = x[0].clone();
    if (x.size(1) > 3) part.picture = x[0].narrow(0, 0, 3).clone();
  } else if (x.dim() <= 3) {
    part.picture = x[0].clone();
  }
  if (!how.mean.empty()) x = x - per_channel(how.mean, x, "--mean");
  if (!how.std.empty()) x = x / per_channel(how.std, x, "--std");
  part.x = x;
  return part;
}

/// The largest value of an unsigned type.
double white_of(lm::io::Sample sample) {
  return sample == lm::io::Sample::U8 ? 255.0 : sample == lm::io::Sample::U16 ? 65535.0 : 4294967295.0;
}

/// The numbers of an option; what is wrong with them is said of the option.
template <class Parse>
auto numbers_of(const char* option, const std::string& words, const Parse& parse) {
  try {
    return words.empty() ? decltype(parse(words)){} : parse(words);
  } catch (const Error& wrong) {
    throw Error(text(option, ' ', words, ": ", wrong.what()));
  }
}

}  // namespace

Preprocessing preprocessing_of(const PrepareOptions& options) {
  const auto sides = [](const std::string& words, const char* option) {
    const auto values = numbers_of(option, words, to_integers);
    const bool fits = values.size() <= 2 && (values.empty() || std::min(values.front(), values.back()) >= 1);
    require(fits, [&] { return text(option, ' ', words, ": expected S or H,W, at least 1 each"); });
    return values;
  };
  Preprocessing how{.size = sides(options.size, "--size"), .crop = sides(options.crop, "--crop")};
  how.mean = numbers_of("--mean", options.mean, to_numbers);
  how.std = numbers_of("--std", options.std, to_numbers);
  for (const double value : how.std) require(value > 0, "--std: expected numbers above 0");
  return how;
}

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

bool Raw::is_scaled() const {
  using lm::io::Sample;
  return stored.sample == Sample::U8 || stored.sample == Sample::U16 || stored.sample == Sample::U32;
}

bool Raw::may_be_integers() const {
  return !stored.image && !at::isFloatingType(stored.values.scalar_type());
}

Raw read_raw(const fs::path& path) {
  Raw raw{path, lm::io::read_stored(path)};
  require(raw.stored.values.dim() >= 1 && raw.stored.values.numel() > 0,
          [&] { return text(path.string(), ": the array is a single number or empty"); });
  return raw;
}

std::vector<Reading> readings_of(const Raw& raw, const Preprocessing& how, std::size_t part,
                                 bool several_parts) {
  std::vector<Reading> all;
  const auto add = [&](const Reading& reading) {
    if (std::find(all.begin(), all.end(), reading) == all.end()) all.push_back(reading);
  };
  if (raw.stored.image) {
    if (how.channels > 0) return {{.channels = how.channels}};
    for (const std::int64_t channels :
         {colours_of(raw), raw.stored.values.size(0), std::int64_t{3}, std::int64_t{1}})
      if (fits(raw, channels)) add({.channels = channels});
    return all;
  }
  const std::int64_t axes = raw.stored.values.dim();
  std::vector<bool> batch{axes != 1 && axes != 3, axes == 1 || axes == 3};
  if (how.batch) batch = {*how.batch};
  if (part < how.shape.size()) batch = {true};
  std::vector<bool> integers{false};
  if (raw.may_be_integers())
    integers = several_parts && !raw.is_scaled() ? std::vector{true, false} : std::vector{false, true};
  for (const bool whole : integers)
    for (const bool rows : batch) add({.batch = rows, .integers = whole});
  if (axes == 2 && !how.batch && part >= how.shape.size()) add({.gray = true});
  return all;
}

std::vector<Part> read_parts(const Raw& raw, const Reading& reading, const Preprocessing& how,
                             std::size_t part) {
  return lm::io::naming(raw.path, [&] {
    Tensor values = raw.stored.values;
    if (reading.integers) {
      if (values.scalar_type() != at::kBool) values = values.to(at::kLong);
    } else {
      values = values.to(at::kDouble);
      if (raw.is_scaled()) values = values / white_of(raw.stored.sample);
    }
    if (raw.stored.image) values = with_channels(raw, values, reading.channels);
    if (part < how.shape.size() && !raw.stored.image) {
      const auto& shape = how.shape[part];
      std::int64_t count = 1;
      for (const std::int64_t side : shape) count *= side;
      require(count == values.numel(), [&] {
        return text("the array is ", values.sizes(), " and cannot be given the --shape ",
                    at::IntArrayRef(shape));
      });
      values = values.reshape(shape);
    }
    if (reading.gray) values = values.unsqueeze(0);
    if (raw.stored.image || !reading.batch) values = values.unsqueeze(0);
    std::vector<Part> parts;
    for (std::int64_t row = 0; row < values.size(0); ++row) {
      const Tensor x = values.narrow(0, row, 1);
      parts.push_back(reading.integers ? Part{.x = x} : prepared(x, how));
    }
    return parts;
  });
}

}  // namespace cli
