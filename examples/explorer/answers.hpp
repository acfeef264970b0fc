// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lumen/influence/recording.hpp>
#include <lumen/influence/threshold.hpp>
#include <lumen/op/probabilities.hpp>

#include "frame.hpp"
#include "guard.hpp"
#include "worker.hpp"
#include "world.hpp"

namespace explorer {

/// What a pixel is asked: the score of a class, in one of these forms.
inline const std::vector<std::string> scores{"probability", "log-odds", "logit"};

/// A method that the page offers.
struct Offered {
  std::string id{}, name{}, what{};
  Json options = Json::array();  ///< name, default, choices, help of each
};
/// All of the catalogue that answer for a pixel or region of any image, without a layer being named; the plain gradient
/// first. Built once.
[[nodiscard]] const std::vector<Offered>& offered();

/// What makes a question, beside the image and the network.
struct Question {
  std::int64_t of_class = 0;
  std::string score{};
  std::string method{};
  std::vector<std::pair<std::string, std::string>> settings{};
  std::string target{};  ///< as `parse_asked` reads it
  double percent = 10.0;
  bool global = false;  ///< the threshold is a share of the image's maximum, not of the row's own
};

/// Answers about images and networks. Used on the computing thread only.
class Answers {
 public:
  /// @param memory  bytes of answers and of what is kept to answer faster; a pass may take twice as many
  Answers(std::vector<Network> networks, Worker& worker, std::size_t memory);
  ~Answers();

  [[nodiscard]] const std::vector<Network>& networks() const { return networks_; }
  /// @throws Refusal 404
  [[nodiscard]] const Network& network(const std::string& id) const;

  Frame prediction(const Network& network, const Image& image, std::int64_t of_class, const Image* original,
                   const Check& check);
  Frame influence(const Network& network, const Image& image, const Question& question, const Check& check);
  /// How many pixels move each pixel, as far as it is known; asks for the rest in the background.
  Frame count(const Network& network, const Image& image, const Question& question, const Check& check);

 private:
  struct Row;
  struct Counting;

  /// @throws Refusal 422 if a pass would take more than the budget
  void require_room(const Network& network, const Image& image) const;
  const lm::op::Output& output(const Network& network, const Image& image, const Check& check);
  Row row(const Network& network, const Image& image, const Question& question, const Check& check);
  bool count_some(Counting& counting);
  std::shared_ptr<const lm::influence::Recording> recording(const Network& network, const Image& image);
  [[nodiscard]] std::optional<lm::influence::Peaks> peaks(const Network& network, const Image& image,
                                                          const Question& question) const;

  std::vector<Network> networks_;
  Worker& worker_;
  std::size_t memory_;
  std::vector<double> pixel_bytes_{};  ///< of each network
  std::list<std::pair<std::string, lm::op::Output>> outputs_;
  std::list<std::pair<std::string, std::shared_ptr<Row>>> rows_;
  struct Recorded {
    std::shared_ptr<const lm::influence::Recording> recording;
    std::size_t bytes;
  };
  std::list<std::pair<std::string, Recorded>> recordings_;
  std::size_t recordings_held_ = 0;
  std::list<std::pair<std::string, std::shared_ptr<Counting>>> counts_;
  std::size_t rows_held_ = 0;
};

}  // namespace explorer
