// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <lumen/core/error.hpp>
#include <lumen/io/read.hpp>

#include "guard.hpp"

namespace explorer {

namespace fs = std::filesystem;

namespace {

/// [C, H, W], float32; integers become 0 ... 1, alpha is left out.
Tensor plane_of(const lm::io::StoredValues& stored) {
  Tensor values = stored.values;
  if (values.dim() == 4 && values.size(0) == 1) values = values[0];
  if (values.dim() == 2) values = values.unsqueeze(0);
  lm::require(values.dim() == 3 && values.numel() > 0,
              [&] { return lm::text("it has shape ", values.sizes(), ", expected [H, W] or [C, H, W]"); });
  lm::require(values.size(1) * values.size(2) <= Images::most_pixels, [&] {
    return lm::text("it has ", values.size(1), " x ", values.size(2), " pixels, which is too many");
  });
  if (stored.alpha) values = values.narrow(0, 0, values.size(0) - 1);
  const double most = stored.sample == lm::io::Sample::U8    ? 255.0
                      : stored.sample == lm::io::Sample::U16 ? 65535.0
                                                             : 1.0;
  const Tensor result = (values.to(at::kFloat) / most).contiguous();
  lm::require(result.isfinite().all().item<bool>(), "it holds NaN or infinite values");
  return result;
}

/// Each pixel's class: 0 and 1 of a mask of 0 and 255, else the numbers themselves.
Tensor label_of(const fs::path& path) {
  Tensor values = lm::io::read(path);
  if (values.dim() == 3) values = values[0];
  lm::require(values.dim() == 2 && values.numel() > 0, [&] {
    return lm::text("its label has shape ", values.sizes(), ", expected [H, W] or [1, H, W]");
  });
  const Tensor exact = values.to(at::kDouble);
  lm::require(exact.eq(exact.floor()).logical_and(exact.ge(0)).logical_and(exact.le(255)).all().item<bool>(),
              "its label holds numbers other than 0, 1, 2 ... 255, which are the classes");
  const bool mask = values.max().item<std::int64_t>() == 255 &&
                    values.ne(0).logical_and(values.ne(255)).sum().item<std::int64_t>() == 0;
  return (mask ? values.ne(0) : values).to(at::kByte).contiguous();
}

bool is_image(const fs::path& path) {
  static constexpr std::array endings{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return path.filename().string().front() != '.' &&
         std::find(endings.begin(), endings.end(), ending) != endings.end();
}

/// Whether the file that `path` leads to lies below `root`, which is canonical.
bool below(const fs::path& path, const fs::path& root) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return false;
  const auto [end, rest] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  return end == root.end() && rest != real.end();
}

/// The images of a folder, sorted; `outside` counts those that are links out of `root`.
std::vector<fs::path> images_in(const fs::path& folder, const fs::path& root, std::size_t& outside) {
  std::vector<fs::path> all;
  if (!fs::is_directory(folder)) return all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::error_code error;
    if (!entry.is_regular_file(error) || !is_image(entry.path())) continue;
    if (below(entry.path(), root)) {
      all.push_back(entry.path());
    } else {
      ++outside;
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

Tensor input_of(const Image& image, const Network& network) {
  Tensor x = image.x;
  if (x.size(0) != network.channels) {
    if (x.size(0) == 1) {
      x = x.expand({network.channels, -1, -1});
    } else if (network.channels == 1) {
      x = x.mean(0, true);
    } else {
      throw Refusal(422, lm::text(network.name, " takes ", network.channels, " channels and ", image.name,
                                  " has ", x.size(0)));
    }
  }
  return x.unsqueeze(0).to(network.device, network.dtype).contiguous();
}

std::size_t Images::add_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  lm::require(!error, [&] { return lm::text(folder.string(), ": there is no such folder"); });
  const bool layout = fs::is_directory(root / "images");
  std::size_t outside = 0;
  const std::vector<fs::path> images = images_in(layout ? root / "images" : root, root, outside);
  lm::require(!images.empty(), [&] {
    return lm::text(
        folder.string(), ": no images (png, jpg, bmp, tif, npy) in this folder",
        outside == 0 ? "" : ", only links out of it; name the folder that the images are in instead");
  });
  std::vector<fs::path> labels;
  if (layout) labels = images_in(root / "labels", root, outside);
  for (const fs::path& path : images) {
    const std::string stem = path.stem().string();
    std::string id = stem;
    const auto taken = [&] {
      return std::any_of(files_.begin(), files_.end(), [&](const File& file) { return file.id == id; });
    };
    for (int number = 2; taken(); ++number) id = stem + "~" + std::to_string(number);
    const auto label =
        std::find_if(labels.begin(), labels.end(), [&](const fs::path& each) { return each.stem() == stem; });
    files_.push_back({id, path.filename().string(), path, label == labels.end() ? fs::path() : *label, root});
  }
  return outside;
}

std::vector<Images::Listed> Images::list() const {
  std::vector<Listed> all;
  for (const File& file : files_) all.push_back({file.id, file.name, !file.label.empty()});
  const std::lock_guard lock(mutex_);
  std::vector<Listed> uploaded;
  for (const Image& image : kept_) {
    if (image.uploaded) uploaded.push_back({image.id, image.name, false});
  }
  std::sort(uploaded.begin(), uploaded.end(), [](const Listed& a, const Listed& b) {
    return std::pair(a.id.size(), a.id) < std::pair(b.id.size(), b.id);
  });
  all.insert(all.end(), uploaded.begin(), uploaded.end());
  return all;
}

Image Images::get(const std::string& id) {
  File wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(kept_.begin(), kept_.end(), [&](const Image& each) { return each.id == id; });
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return kept_.front();
    }
    const auto file =
        std::find_if(files_.begin(), files_.end(), [&](const File& each) { return each.id == id; });
    if (file == files_.end()) {
      throw Refusal(404,
                    "there is no such image, or it was uploaded or painted too long ago; choose it again");
    }
    wanted = *file;
  }
  for (const fs::path& path : {wanted.image, wanted.label}) {
    if (!path.empty() && !below(path, wanted.root)) {
      throw Refusal(404, wanted.name + ": its file is gone, or leads out of its folder now");
    }
  }
  try {
    Image image{.id = wanted.id, .name = wanted.name, .x = plane_of(lm::io::read_stored(wanted.image))};
    if (!wanted.label.empty()) {
      image.label = label_of(wanted.label);
      lm::require(image.label.sizes() == image.x.sizes().slice(1), "its label has another size");
    }
    return keep(std::move(image));
  } catch (const lm::Error& error) {
    throw Refusal(422, wanted.name + ": " + error.what());
  }
}

Image Images::upload(const std::string& name, std::span<const std::uint8_t> bytes) {
  try {
    Image image{.name = shown_name(name), .x = plane_of(lm::io::decode_stored(bytes))};
    {
      const std::lock_guard lock(mutex_);
      image.id = new_id("upload-");
      image.uploaded = true;
    }
    return keep(std::move(image));
  } catch (const lm::Error& error) {
    throw Refusal(415, std::string("this is no image that can be shown: ") + error.what());
  }
}

Image Images::edit(const std::string& of, std::span<const std::uint8_t> bytes) {
  const Image original = get(of);
  try {
    Image image{.name = original.name,
                .x = plane_of(lm::io::decode_stored(bytes)),
                .label = original.label,
                .of = of};
    if (image.x.sizes() != original.x.sizes()) {
      throw Refusal(422, lm::text("the painted image has shape ", image.x.sizes(),
                                  ", expected that of the original, ", original.x.sizes()));
    }
    {
      const std::lock_guard lock(mutex_);
      image.id = new_id("edit-");
    }
    return keep(std::move(image));
  } catch (const lm::Error& error) {
    throw Refusal(415, std::string("this is no painted image: ") + error.what());
  }
}

std::string Images::new_id(const std::string& kind) {
  std::string id;
  const auto taken = [&](const File& file) { return file.id == id; };
  do id = kind + std::to_string(++made_);
  while (std::any_of(files_.begin(), files_.end(), taken));
  return id;
}

Image Images::keep(Image image) {
  const auto size = [](const Image& each) {
    return each.x.nbytes() + (each.label.defined() ? each.label.nbytes() : 0);
  };
  const std::lock_guard lock(mutex_);
  held_ += size(image);
  kept_.push_front(std::move(image));
  while (held_ > budget_ && kept_.size() > 1) {
    held_ -= size(kept_.back());
    kept_.pop_back();
  }
  return kept_.front();
}

}  // namespace explorer
