// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/progress.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/sample.hpp>
#include <lumen/train/history.hpp>

/// What the parts of the program hand to one another.
namespace vessels {

using lumen::Tensor;

/// What suits the data, and two processor cores: a minute, or six.
struct Suits {
  std::int64_t epochs;
  double seconds;
};
inline constexpr Suits synthetic_training{.epochs = 24, .seconds = 120};
inline constexpr Suits folder_training{.epochs = 60, .seconds = 330};

/// What the command line asks for; 0 and empty mean "what suits the data".
struct Options {
  std::filesystem::path data{};
  std::filesystem::path out = "vessels-report";
  std::filesystem::path checkpoint{};
  std::filesystem::path
      explain{};  ///< a folder of images outside the training set, explained in place of test images
  std::string net = "unet";
  std::int64_t epochs = 0;
  double seconds = 0;
  std::int64_t images = 3;
  std::int64_t steps = 32;
  std::string methods{};  ///< of the list, with commas between them, or "all"; empty: the usual ones
  int threads = 0;
  /// Rows of every so manieth pixel of one image's output are computed; 0: of about 4000 pixels; below 0: none.
  std::int64_t influence = 0;
  bool retrain = false;
  std::uint64_t seed = 0;
};

struct Influence;

/// One method's answer to one question about one image.
struct Answer {
  std::string method{};
  std::string target{};  ///< "region" or "pixel"
  Tensor map{};          ///< [H, W]
  bool has_sign = true;  ///< whether values below zero speak against the score
  std::int64_t forward_passes = 0, backward_passes = 0;
  double seconds = 0;  ///< of the run that answered all targets, divided among them
  double score = 0;    ///< what is explained, log-odds
  double completeness_error = std::numeric_limits<double>::quiet_NaN();  ///< log-odds
  double relative_error = std::numeric_limits<double>::quiet_NaN();  ///< of the difference to be explained
  double gini = 0, mass_inside = 0, top_iou = 0;
};

/// A method that was asked.
struct Method {
  std::string title{}, what{}, paper{};
  bool has_sign = true;
};

/// An image, what the network says of it, and why.
struct Story {
  lumen::data::Sample sample{};
  Tensor probability{};              ///< [H, W], of vessel
  Tensor predicted{};                ///< [H, W], bool
  double iou = 0, dice = 0;          ///< NaN without a label
  std::int64_t row = 0, column = 0;  ///< the pixel asked about
  bool on_skeleton = false;          ///< whether that pixel is on a centre line
  std::vector<Method> methods{};
  std::vector<Answer> answers{};
  std::vector<std::pair<std::string, std::string>> refused{};  ///< methods that have no answer, and why
  std::filesystem::path
      page{};  ///< that answers for the pixels of its centre lines, from the report's folder
};

/// A network in evaluation mode: [1, 1, H, W] -> logits [1, 2, H, W].
using Network = std::function<Tensor(const Tensor&)>;

/// Everything that the report tells.
struct Result {
  Options options{};
  std::string data_words{};                     ///< what the images are
  std::vector<lumen::data::Sample> examples{};  ///< some training images
  std::size_t training_images = 0, test_images = 0;
  std::vector<std::string> test_names{};
  std::vector<double> test_ious{}, test_dices{};
  double test_iou = 0, test_dice = 0;
  lumen::train::History history{};
  std::int64_t parameters = 0;
  std::string recipe{};  ///< how the network was trained
  std::string layout{};  ///< of its maps in memory, and why
  std::filesystem::path checkpoint{};
  bool reused = false;  ///< nothing was left to train
  std::vector<Story> stories{};
  std::shared_ptr<const Influence> influence{};           ///< of the first story's image
  std::vector<std::pair<std::string, double>> seconds{};  ///< by stage
};

/// Everything: loads the images, trains or resumes, measures, explains, writes the results, prints where they
/// are.
void work(const Options& options);

/// Asks every method why the network sees the vessels of `sample`, and why one pixel of their centre line.
[[nodiscard]] Story explain(const Network& net, const lumen::data::Sample& sample, const Tensor& other_images,
                            const Options& options, const lumen::Progress& progress);

/// The images of a folder, with labels where there are some: FOLDER/images and FOLDER/labels with equal stems, or images
/// in FOLDER itself. Colours become gray.
/// @throws Error for a folder without images, an image that cannot be read, or a label of another size
[[nodiscard]] std::vector<lumen::data::Sample> read_outside(const std::filesystem::path& folder);

/// Writes report.html, summary.json and maps/*.npy into the output folder.
void write_results(const Result& result);

}  // namespace vessels
