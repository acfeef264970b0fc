// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lumen/engine/method.hpp>

namespace explorer {

namespace lm = lumen;
using lm::Tensor;

/// A segmentation network: [1, C, H, W] -> [1, K, H, W].
struct Network {
  std::string id{}, name{};
  lm::AnyModel model{};
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  std::int64_t channels = 1;
  std::vector<std::string> classes{};  ///< one for each channel of the output
};

/// An image, as the networks get it but for their number of channels.
struct Image {
  std::string id{}, name{};
  Tensor x{};        ///< float32 [C, H, W]
  Tensor label{};    ///< uint8 [H, W], each pixel's class; undefined if there is none
  std::string of{};  ///< of an edited one: the image that it was made from
  bool uploaded = false;
};

/// The image as this network takes it: [1, channels, H, W], gray repeated or colours averaged.
[[nodiscard]] Tensor input_of(const Image& image, const Network& network);

/// The images that the page may show: those of the folders that were named, and what was uploaded or painted, which is
/// forgotten, the oldest first, beyond a budget of bytes. For several threads.
class Images {
 public:
  static constexpr std::int64_t most_pixels = std::int64_t{1} << 24;

  explicit Images(std::size_t budget) : budget_(budget) {}

  /// The images of a folder: its files, or those of its subfolder images/ with labels/ beside it. Read when asked for.
  /// Links that lead out of the folder are left out; gives how many.
  /// @throws Error if there is no image
  std::size_t add_folder(const std::filesystem::path& folder);

  struct Listed {
    std::string id, name;
    bool labelled;
  };
  /// Those of the folders, then what was uploaded and is still kept.
  [[nodiscard]] std::vector<Listed> list() const;

  /// @throws Refusal 404 if there is none of this name, 422 if its file cannot be read
  [[nodiscard]] Image get(const std::string& id);

  /// @throws Refusal 415 if the bytes are no image that can be read, 413 if it is too large
  Image upload(const std::string& name, std::span<const std::uint8_t> bytes);
  /// The painted version of an image: float32 npy of its shape. @throws Refusal 404, 415, 422
  Image edit(const std::string& of, std::span<const std::uint8_t> bytes);

 private:
  struct File {
    std::string id, name;
    std::filesystem::path image, label, root;  ///< root: the folder that was named
  };
  Image keep(Image image);
  /// An id that no image of a folder has, which may be called "upload-1" too. With the mutex held.
  std::string new_id(const std::string& kind);

  mutable std::mutex mutex_;
  std::size_t budget_, held_ = 0;
  std::uint64_t made_ = 0;
  std::vector<File> files_;
  std::list<Image> kept_;  ///< read, uploaded and painted; the latest used first
};

}  // namespace explorer
