// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/sample.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>

namespace lumen::data {

/// A photograph of the back of an eye with what several graders saw in it.
struct FundusSample {
  Sample sample;  ///< the image [3, H, W] (or [1, H, W] if it is gray); the label of the first grader
  std::vector<Tensor>
      graders;  ///< what each marked as vessel, bool [H, W], in the layout's order; undefined where one did not grade
  Tensor field;  ///< the field of view, bool [H, W]; true everywhere without masks

  /// Where at least `share` of the graders who graded this image saw a vessel, bool [H, W]; with 0.5 the majority, equal
  /// votes for it.
  /// @throws Error  the share is not in (0, 1]
  [[nodiscard]] Tensor agreed(double share = 0.5) const {
    require(share > 0.0 && share <= 1.0, [&] {
      return text("FundusSample: a share of ", share, " graders; expected more than 0, at most 1");
    });
    Tensor votes = at::zeros_like(field, at::kDouble);
    double voters = 0.0;
    for (const Tensor& grader : graders) {
      if (!grader.defined()) continue;
      votes += grader;
      voters += 1.0;
    }
    return votes.ge(share * voters - 1e-9);
  }
};

/// Files of one kind: those of a folder whose name, without its extension, is an image's key and one of these endings.
struct FundusFiles {
  std::string folder{};  ///< below the data set's; empty: the data set's own
  std::vector<std::string> endings{
      ""};  ///< what follows the key: "_manual1", ".ah"; the longest that fits counts
};

/// How a data set of fundus photographs is laid out.
struct FundusLayout {
  FundusFiles images{};
  std::vector<FundusFiles> graders{};              ///< the first has marked every image
  FundusFiles field{.folder = {}, .endings = {}};  ///< masks of the field of view; no endings: there are none
};

/// DRIVE (Staal, Abramoff, Niemeijer, Viergever and van Ginneken, TMI 2004): one of its two folders, training or test. Its
/// masks are GIF files, which are not read: convert them to PNG first, under the same names.
[[nodiscard]] inline FundusLayout drive_layout() {
  return {.images = {.folder = "images", .endings = {"_training", "_test"}},
          .graders = {{.folder = "1st_manual", .endings = {"_manual1"}},
                      {.folder = "2nd_manual", .endings = {"_manual2"}}},
          .field = {.folder = "mask", .endings = {"_training_mask", "_test_mask"}}};
}

/// STARE (Hoover, Kouznetsova and Goldbaum, TMI 2000): the images and the labels of Adam Hoover and Valentina Kouznetsova, each
/// unpacked (gzip) into a folder of its own. They are PPM files, which are not read: convert them to PNG first.
[[nodiscard]] inline FundusLayout stare_layout() {
  return {
      .images = {.folder = "stare-images"},
      .graders = {{.folder = "labels-ah", .endings = {".ah"}}, {.folder = "labels-vk", .endings = {".vk"}}}};
}

/// CHASE_DB1 (Fraz et al., TBME 2012): everything in one folder.
[[nodiscard]] inline FundusLayout chase_layout() {
  return {.graders = {{.endings = {"_1stHO"}}, {.endings = {"_2ndHO"}}}};
}

namespace detail {

/// The files of one kind by key; those that end like another kind, of the same folder, are not among them.
inline std::map<std::string, std::filesystem::path> fundus_files(const std::filesystem::path& root,
                                                                 const FundusFiles& kind,
                                                                 const std::vector<FundusFiles>& all,
                                                                 std::vector<std::string>& problems) {
  namespace fs = std::filesystem;
  std::map<std::string, fs::path> found;
  const fs::path inside = root / kind.folder;
  if (!fs::is_directory(inside)) {
    problems.push_back("there is no folder " + inside.string());
    return found;
  }
  const auto longest = [](const FundusFiles& files, const std::string& stem) -> std::int64_t {
    std::int64_t length = -1;
    for (const std::string& ending : files.endings)
      if (stem.size() > ending.size() && stem.ends_with(ending))
        length = std::max(length, static_cast<std::int64_t>(ending.size()));
    return length;
  };
  static const std::vector<std::string> pictures{".tif", ".tiff", ".png", ".jpg", ".jpeg",
                                                 ".ppm", ".pgm",  ".bmp", ".gif"};
  for (const auto& entry : fs::directory_iterator(inside)) {
    const fs::path& path = entry.path();
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (path.filename().string().front() == '.' || std::ranges::find(pictures, extension) == pictures.end())
      continue;
    const std::string stem = path.stem().string();
    const std::int64_t mine = longest(kind, stem);
    const bool others = std::ranges::any_of(all, [&](const FundusFiles& other) {
      return other.folder == kind.folder && longest(other, stem) > mine;
    });
    if (mine < 0 || others) continue;
    const auto [place, fresh] =
        found.emplace(stem.substr(0, stem.size() - static_cast<std::size_t>(mine)), path);
    if (!fresh)
      problems.push_back("two files of one image: " + place->second.string() + " and " + path.string());
  }
  return found;
}

}  // namespace detail

/// Reads a folder of fundus photographs in a layout such as `drive_layout()`. Files that fit no kind are passed over.
/// @return samples sorted by key, which is their name; labels and masks are true where a picture is more than half bright
/// @throws Error  one that lists everything that is wrong: folders or partners that are missing (the first grader marks
///         every image, a field of view is there for all or none; the others may leave images out), files that cannot be
///         read, sizes that differ; or there is no image
[[nodiscard]] inline std::vector<FundusSample> read_fundus(const std::filesystem::path& folder,
                                                           const FundusLayout& layout) {
  require(!layout.graders.empty(), "FundusLayout: there is no grader; give at least one");
  std::vector<std::string> problems;
  std::vector<FundusFiles> kinds{layout.images};
  kinds.insert(kinds.end(), layout.graders.begin(), layout.graders.end());
  if (!layout.field.endings.empty()) kinds.push_back(layout.field);
  std::vector<std::map<std::string, std::filesystem::path>> files;
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const bool may_miss = k >= 2 && k <= layout.graders.size();
    if (may_miss && !std::filesystem::is_directory(folder / kinds[k].folder)) {
      files.emplace_back();
      continue;
    }
    files.push_back(detail::fundus_files(folder, kinds[k], kinds, problems));
    for (const auto& [key, path] : files.back())
      if (!files.front().contains(key)) problems.push_back(path.string() + " belongs to no image");
  }
  std::vector<FundusSample> samples;
  for (const auto& [key, path] : files.front()) {
    const auto read = [&](std::size_t kind) -> Tensor {
      const auto place = files[kind].find(key);
      const bool may_miss = kind >= 2 && kind <= layout.graders.size();
      if (place == files[kind].end()) {
        if (!may_miss) problems.push_back(key + ": no file in " + (folder / kinds[kind].folder).string());
        return {};
      }
      try {
        return io::to_float(io::read(place->second));
      } catch (const Error& error) {
        problems.emplace_back(error.what());
        return {};
      }
    };
    const Tensor image = read(0);
    const auto mask = [&](std::size_t kind) -> Tensor {
      const Tensor picture = read(kind);
      if (!picture.defined() || !image.defined()) return {};
      if (picture.sizes().slice(1) != image.sizes().slice(1)) {
        problems.push_back(text(files[kind].at(key).string(), " is ", picture.size(1), " x ", picture.size(2),
                                ", the image ", image.size(1), " x ", image.size(2)));
        return {};
      }
      return picture.narrow(0, 0, std::min<std::int64_t>(picture.size(0), 3)).mean(0).gt(0.5);
    };
    FundusSample made{
        .sample = {.image = image, .label = {}, .skeleton = {}, .name = key}, .graders = {}, .field = {}};
    for (std::size_t g = 1; g <= layout.graders.size(); ++g) made.graders.push_back(mask(g));
    if (!layout.field.endings.empty()) made.field = mask(kinds.size() - 1);
    if (!image.defined() || !made.graders.front().defined()) continue;
    if (image.size(0) != 1 && image.size(0) != 3)
      problems.push_back(text(path.string(), " has ", image.size(0), " channels, expected 1 or 3"));
    made.sample.label = made.graders.front().to(at::kLong);
    if (!made.field.defined()) made.field = at::ones(image.sizes().slice(1), at::kBool);
    samples.push_back(std::move(made));
  }
  require(problems.empty(), [&] {
    constexpr std::size_t shown = 50;
    std::string list;
    for (std::size_t i = 0; i < std::min(problems.size(), shown); ++i) list += "\n  " + problems[i];
    if (problems.size() > shown) list += "\n  ...";
    return text(folder, " does not fit its layout:", list, "\nAdd or remove the files named here.");
  });
  require(!samples.empty(), [&] { return text("there is no image in ", folder / layout.images.folder); });
  return samples;
}

}  // namespace lumen::data
