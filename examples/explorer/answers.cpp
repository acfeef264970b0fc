// SPDX-License-Identifier: BSD-3-Clause
#include "answers.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <lumen/influence/recording.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/metric/overlap.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/logit.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/slice.hpp>
#include <lumen/target/transform.hpp>

#include "lumen/method.hpp"

namespace explorer {

namespace influence = lm::influence;
namespace target = lm::target;

namespace {

const std::string gradient = "gradient";

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class T>
lm::AnyTarget scored(T asked, const std::string& score, bool probabilities) {
  if (probabilities) {  // the network ends in a sigmoid or softmax
    if (score == "log-odds") return target::Logit<T>{std::move(asked)};
    if (score == "probability") return asked;
    throw Refusal(422, "the network gives probabilities, no logits; ask for the probability or its log-odds");
  }
  if (score == "probability") return target::Softmax<T>{std::move(asked)};
  if (score == "log-odds") return target::LogOdds<T>{std::move(asked)};
  return asked;
}

/// The probabilities of an output [1, K, H, W]: itself, its softmax, or the sigmoid of a lone channel.
Tensor probabilities(const lm::op::Output& output) {
  if (output.probabilities) return output.value;
  return output.value.size(1) == 1 ? output.value.sigmoid() : output.value.softmax(1);
}

/// Where the class is predicted: [H, W].
Tensor mask_of(const lm::op::Output& output, std::int64_t of_class) {
  if (output.value.size(1) == 1) return output.value[0][0].gt(output.probabilities ? 0.5 : 0.0);
  return output.value[0].argmax(0).eq(of_class);
}

double iou(const Tensor& a, const Tensor& b) {
  const double either = a.logical_or(b).sum().item<double>();
  return either == 0 ? 1.0 : a.logical_and(b).sum().item<double>() / either;
}

std::string key_of(const Network& network, const Image& image) { return network.id + '\n' + image.id; }
std::string key_of(const Network& network, const Image& image, const Question& question) {
  return key_of(network, image) + '\n' + std::to_string(question.of_class) + '\n' + question.score;
}

template <class List>
auto find(List& list, const std::string& key) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == key; });
  if (found != list.end()) list.splice(list.begin(), list, found);
  return found == list.end() ? list.end() : list.begin();
}

}  // namespace

const std::vector<Offered>& offered() {
  static const std::vector<Offered> all = [] {
    std::vector<Offered> list{{.id = gradient,
                               .name = "plain gradient",
                               .what = "the gradient of the score, confined to what it reaches"}};
    for (const lm::catalogue::Entry& entry : cli::methods()) {
      if (entry.both || entry.traits.layer == lm::catalogue::LayerUse::Required) continue;
      Offered one{.id = entry.name, .name = entry.name, .what = entry.what};
      for (const lm::catalogue::OptionInfo& option : entry.options) {
        Json json{{"name", option.name}, {"default", option.value}, {"help", option.what}};
        if (option.type.find('|') != std::string::npos) {
          std::string rest = option.type;
          for (std::size_t bar = rest.find('|');; bar = rest.find('|')) {
            json["choices"].push_back(rest.substr(0, bar));
            if (bar == std::string::npos) break;
            rest.erase(0, bar + 1);
          }
        }
        one.options.push_back(std::move(json));
      }
      list.push_back(std::move(one));
    }
    return list;
  }();
  return all;
}

namespace {

/// What recording an image takes for each of its pixels, measured with a small one; 0 if it cannot be recorded.
double bytes_of_pixel(const Network& network) {
  constexpr std::int64_t side = 64;
  try {
    const lm::MemoryMeter meter;
    const influence::Recording recording(
        network.model,
        at::zeros({1, network.channels, side, side}, at::TensorOptions(network.device).dtype(network.dtype)));
    return static_cast<double>(meter.peak()) / static_cast<double>(side * side);
  } catch (const std::exception&) {
    return 0.0;
  }
}

}  // namespace

void Answers::require_room(const Network& network, const Image& image) const {
  const auto at = static_cast<std::size_t>(&network - networks_.data());
  const std::int64_t rows = image.x.size(1), columns = image.x.size(2);
  const double needed = pixel_bytes_[at] * static_cast<double>(rows * columns);
  const auto room = static_cast<double>(2 * memory_);
  constexpr double mib = 1 << 20;
  if (needed > room) {
    throw Refusal(422, lm::text(network.name, " needs about ", std::ceil(needed / mib), " MiB for ",
                                image.name, ", ", rows, " x ", columns, " pixels, and may take ", room / mib,
                                "; cut out a part of the image, or start the explorer with --memory ",
                                std::ceil(needed / mib)));
  }
}

/// A map in a window of the image, and what else was said.
struct Answers::Row {
  influence::RowChunk chunk;  ///< one row
  double score = 0.0;
  double completeness_error = std::numeric_limits<double>::quiet_NaN();
  double seconds = 0.0;

  [[nodiscard]] std::size_t bytes() const { return chunk.values.nbytes() + 256; }
};

/// The count map on its way. A threshold that is a share of the image's maximum takes two rounds: all rows for their
/// maximum (meanwhile the largest so far stands in its place), then all rows again.
struct Answers::Counting {
  const Network* network = nullptr;
  Image image{};
  Question question{};
  bool probabilities = false;         ///< whether the network gives them
  std::vector<std::int32_t> order{};  ///< all pixels, row * W + column, from a coarse grid to the finest
  std::vector<bool> seen{};           ///< of this round, by row * W + column
  Tensor counts{};                    ///< float32 [H, W], NaN where not known
  std::shared_ptr<const influence::Recording> recording{};
  influence::Peaks peaks{};
  bool peaks_known = false;
  bool last_round = true;
  std::int64_t first = 0;  ///< all before it in `order` were seen
  std::int64_t done = 0;   ///< of this round
  std::int64_t rows = 0;   ///< of all rounds
  double spent = 0.0;
  std::string error{};
  std::chrono::steady_clock::time_point asked{};  ///< when somebody last wanted it

  [[nodiscard]] std::size_t bytes() const { return order.size() * 9; }
  [[nodiscard]] std::int64_t total() const { return static_cast<std::int64_t>(order.size()); }
  [[nodiscard]] bool finished() const { return !error.empty() || (last_round && done == total()); }
  [[nodiscard]] influence::Threshold threshold() const {
    return {.level = question.percent / 100,
            .of = question.global ? influence::Threshold::Of::Image : influence::Threshold::Of::Row};
  }

  /// The next pixels that were not seen, at most so many.
  std::vector<influence::Place> next(std::size_t most) {
    const auto known = [&](std::int32_t at) { return seen[static_cast<std::size_t>(at)]; };
    while (first < total() && known(order[static_cast<std::size_t>(first)])) ++first;
    std::vector<influence::Place> places;
    const auto columns = static_cast<std::int32_t>(counts.size(1));
    for (auto i = static_cast<std::size_t>(first); i < order.size() && places.size() < most; ++i) {
      if (!known(order[i])) places.push_back({order[i] / columns, order[i] % columns});
    }
    return places;
  }
  void take(const influence::RowChunk& chunk) {
    const auto [high, low] = influence::Windows(chunk).extremes();
    if (!peaks_known) peaks.include(high.max().item<double>(), low.min().item<double>());
    const influence::Windows rows_seen(chunk, influence::Channels::Sum, peaks);
    counts.view({-1}).index_copy_(0, chunk.index, influence::Count{threshold()}(rows_seen).to(at::kFloat));
    for (std::int64_t b = 0; b < chunk.size(); ++b) {
      seen[static_cast<std::size_t>(chunk.index.data_ptr<std::int64_t>()[b])] = true;
    }
    done += chunk.size();
    rows += chunk.size();
    if (done < total()) return;
    peaks_known = true;
    if (last_round) return;
    last_round = true;
    done = first = 0;
    seen.assign(seen.size(), false);
  }
};

Answers::Answers(std::vector<Network> networks, Worker& worker, std::size_t memory)
    : networks_(std::move(networks)), worker_(worker), memory_(memory) {
  for (const Network& network : networks_) pixel_bytes_.push_back(bytes_of_pixel(network));
}
Answers::~Answers() = default;

const Network& Answers::network(const std::string& id) const {
  const auto found =
      std::find_if(networks_.begin(), networks_.end(), [&](const Network& each) { return each.id == id; });
  if (found == networks_.end()) throw Refusal(404, "there is no such network");
  return *found;
}

const lm::op::Output& Answers::output(const Network& network, const Image& image, const Check& check) {
  const std::string key = key_of(network, image);
  if (find(outputs_, key) == outputs_.end()) {
    check();
    require_room(network, image);
    const auto model = [&](const lm::Tensors& parts) { return network.model(parts.front()); };
    const auto [value, finished] = lm::op::output_of(model, {input_of(image, network)});
    lm::require(value.defined() && value.dim() == 4 && value.size(0) == 1 &&
                    value.size(2) == image.x.size(1) && value.size(3) == image.x.size(2),
                [&] {
                  return lm::text(
                      network.name, " gave ", value.defined() ? lm::text(value.sizes()) : "nothing",
                      " for an image of ", image.x.sizes(),
                      "; the explorer shows networks whose output has the image's rows and columns");
                });
    lm::require(value.isfinite().all().item<bool>(), "the network's output holds NaN or infinite values");
    outputs_.emplace_front(key, lm::op::Output{value.to(at::kCPU, at::kFloat), finished});
    std::size_t held = 0;
    for (const auto& entry : outputs_) held += entry.second.value.nbytes();
    for (; outputs_.size() > 2 && held > memory_ / 8; outputs_.pop_back()) {
      held -= outputs_.back().second.value.nbytes();
    }
  }
  return outputs_.front().second;
}

Frame Answers::prediction(const Network& network, const Image& image, std::int64_t of_class,
                          const Image* original, const Check& check) {
  const auto start = std::chrono::steady_clock::now();
  const lm::op::Output out = output(network, image, check);
  const Tensor mask = mask_of(out, of_class);
  Frame frame;
  frame.array("probability", probabilities(out)[0][of_class]).array("mask", mask.to(at::kByte));
  frame.header["pixels"] = mask.sum().item<std::int64_t>();
  if (image.label.defined()) {
    const Tensor truth = out.value.size(1) == 1 ? image.label.ne(0) : image.label.eq(of_class);
    frame.header["iou"] = iou(mask, truth);
  }
  if (original != nullptr) {
    const Tensor before = mask_of(output(network, *original, check), of_class);
    frame.header["change"] = iou(mask, before);
  }
  frame.header["seconds"] = seconds_since(start);
  return frame;
}

std::shared_ptr<const influence::Recording> Answers::recording(const Network& network, const Image& image) {
  const std::string key = key_of(network, image);
  if (find(recordings_, key) == recordings_.end()) {
    require_room(network, image);
    const lm::MemoryMeter meter;
    auto made = std::make_shared<const influence::Recording>(network.model, input_of(image, network));
    const auto bytes = static_cast<std::size_t>(meter.peak());
    recordings_.emplace_front(key, Recorded{std::move(made), bytes});
    recordings_held_ += bytes;
    while (recordings_held_ > memory_ / 2 && recordings_.size() > 1) {
      recordings_held_ -= recordings_.back().second.bytes;
      recordings_.pop_back();
    }
  }
  return recordings_.front().second.recording;
}

Answers::Row Answers::row(const Network& network, const Image& image, const Question& question,
                          const Check& check) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t rows = image.x.size(1), columns = image.x.size(2);
  const Asked asked = parse_asked(question.target, rows, columns);
  const Tensor x = input_of(image, network);
  const bool finished = output(network, image, check).probabilities;
  lm::Run run{.progress = [&](std::string_view what, std::int64_t done, std::int64_t total) {
    check(what, done, total);
  }};
  Row result;
  if (question.method == gradient && !asked.region) {
    if (!question.settings.empty()) throw Refusal(400, "the plain gradient has no options");
    recording(network, image)
        ->rows(
            influence::Pixels{{{asked.row, asked.column}}},
            {scored(target::Class{question.of_class}, question.score, finished)},
            [&](const influence::RowChunk& chunk) { result.chunk = chunk; }, run);
    result.score = result.chunk.scores.item<double>();
  } else {
    const std::string name = question.method == gradient ? "saliency" : question.method;
    lm::catalogue::Choices choices{.settings = question.settings};
    if (question.method == gradient) choices.settings = {{"absolute", "false"}};
    const auto& all = offered();
    if (std::none_of(all.begin(), all.end(),
                     [&](const Offered& each) { return each.id == question.method; })) {
      throw Refusal(404, "there is no such method here");
    }
    require_room(network, image);
    const auto explain = cli::method_named(name).prepare(choices);
    Tensor region = at::zeros({rows, columns}, at::kBool);
    region.narrow(0, asked.row, asked.row_end - asked.row)
        .narrow(1, asked.column, asked.column_end - asked.column)
        .fill_(true);
    const lm::Targets targets{
        asked.region
            ? scored(target::Region{.channel = question.of_class, .mask = region.to(x.device())},
                     question.score, finished)
            : scored(target::Pixel{question.of_class, asked.row, asked.column}, question.score, finished)};
    const auto answer =
        explain([&](const lm::Tensors& parts) { return network.model(parts.front()); }, {x}, targets, run)
            .front();
    const Tensor map = answer.map.front();
    lm::require(map.dim() == 4 && map.size(2) == rows && map.size(3) == columns, [&] {
      return lm::text(question.method, " gave a map of ", map.sizes(), ", which is no picture of this image");
    });
    result.chunk = {
        .values = map.sum(1, true),
        .origins = at::zeros({1, 2}, at::kLong),
        .places = at::tensor({(asked.row + asked.row_end - 1) / 2, (asked.column + asked.column_end - 1) / 2},
                             at::kLong)
                      .unsqueeze(0),
        .index = at::zeros({1}, at::kLong),
        .scores = answer.score,
        .height = rows,
        .width = columns,
        .out_height = rows,
        .out_width = columns,
        .total = 1};
    result.score = answer.score.item<double>();
    if (answer.completeness_error.defined())
      result.completeness_error = answer.completeness_error.item<double>();
  }
  result.seconds = seconds_since(start);
  return result;
}

std::optional<influence::Peaks> Answers::peaks(const Network& network, const Image& image,
                                               const Question& question) const {
  for (const auto& [key, counting] : counts_) {
    if (counting->peaks_known && key.starts_with(key_of(network, image, question) + '\n'))
      return counting->peaks;
  }
  return std::nullopt;
}

Frame Answers::influence(const Network& network, const Image& image, const Question& question,
                         const Check& check) {
  (void)parse_asked(question.target, image.x.size(1), image.x.size(2));
  std::string key = key_of(network, image, question) + '\n' + question.method + '\n' + question.target;
  for (const auto& [name, value] : question.settings) key += '\n' + name + '=' + value;
  const bool cached = find(rows_, key) != rows_.end();
  if (!cached) {
    auto made = std::make_shared<Row>(row(network, image, question, check));
    rows_held_ += made->bytes();
    rows_.emplace_front(key, std::move(made));
    while (rows_held_ > memory_ / 4 && rows_.size() > 1) {
      rows_held_ -= rows_.back().second->bytes();
      rows_.pop_back();
    }
  }
  const std::shared_ptr<Row> answer = rows_.front().second;

  std::optional<influence::Peaks> peaks;
  if (question.global) {
    if (question.method != gradient) {
      throw Refusal(422, "the image's maximum is known for the plain gradient only; choose the pixel's own");
    }
    peaks = this->peaks(network, image, question);
  }
  const influence::Windows rows(answer->chunk, influence::Channels::Sum, peaks);
  const influence::Threshold threshold{
      .level = question.percent / 100,
      .of = question.global ? influence::Threshold::Of::Image : influence::Threshold::Of::Row};
  const auto number = [&](const auto& statistic) { return Tensor(statistic(rows)).item<double>(); };

  Frame frame;
  frame.array("values", rows.values()[0]);
  Json& header = frame.header;
  header["origin"] = {rows.top().item<std::int64_t>(), rows.left().item<std::int64_t>()};
  header["value"] = answer->score;
  header["max"] = number(influence::Highest{});
  header["min"] = number(influence::Lowest{});
  header["completenessError"] = answer->completeness_error;
  header["seconds"] = answer->seconds;
  header["cached"] = cached;
  Json& numbers = header["numbers"];
  numbers["positive"] = number(influence::PositiveMass{});
  numbers["negative"] = number(influence::NegativeMass{});
  numbers["radius"] = number(influence::EnergyRadius{.percent = 90.0});
  numbers["inside"] =
      number(influence::MassInside{.mask = mask_of(output(network, image, check), question.of_class)});
  if (!question.global || peaks) {
    const double most =
        std::max(std::abs(header["max"].get<double>()), std::abs(header["min"].get<double>()));
    numbers["threshold"] = question.global ? threshold.at(*peaks) : threshold.level * most;
    numbers["pixels"] = number(influence::Count{threshold});
    numbers["area"] = number(influence::BoxArea{threshold});
    numbers["fulfilment"] = number(influence::Fulfilment{threshold});
    const Tensor box = influence::BoundingBox{threshold}(rows).to(at::kLong).flatten();
    if (numbers["pixels"].get<double>() > 0) {
      const auto* ends = box.data_ptr<std::int64_t>();
      header["box"] = {ends[0], ends[2], ends[1], ends[3]};
    }
  }
  return frame;
}

namespace {

/// All pixels, those of a coarse grid first, each grid finer than the one before.
std::vector<std::int32_t> coarse_to_fine(std::int64_t rows, std::int64_t columns) {
  std::vector<std::int32_t> places;
  places.reserve(static_cast<std::size_t>(rows * columns));
  for (std::int64_t step = 8; step >= 1; step /= 2) {
    for (std::int64_t r = 0; r < rows; r += step) {
      for (std::int64_t c = 0; c < columns; c += step) {
        if (step == 8 || r % (2 * step) != 0 || c % (2 * step) != 0) {
          places.push_back(static_cast<std::int32_t>(r * columns + c));
        }
      }
    }
  }
  return places;
}

struct Enough {};

/// Bytes of rows that are counted before the next look at who asks: a question waits for no more than some rows.
constexpr std::int64_t between_looks = std::int64_t{32} << 20;

constexpr std::chrono::seconds forgotten{5};  // nobody asked for it meanwhile

}  // namespace

bool Answers::count_some(Counting& counting) {
  const auto start = std::chrono::steady_clock::now();
  if (start - counting.asked > forgotten) {
    counting.recording.reset();
    return false;
  }
  try {
    if (!counting.recording) counting.recording = recording(*counting.network, counting.image);
    counting.recording->rows(
        influence::Pixels{counting.next(512)},
        {scored(target::Class{counting.question.of_class}, counting.question.score, counting.probabilities)},
        [&](const influence::RowChunk& chunk) {
          counting.take(chunk);
          if (worker_.busy()) throw Enough{};
        },
        {.memory = between_looks});
  } catch (const Enough&) {
  } catch (const std::exception& error) {
    counting.error = error.what();
  }
  counting.spent += seconds_since(start);
  if (counting.finished()) counting.recording.reset();
  return !counting.finished();
}

Frame Answers::count(const Network& network, const Image& image, const Question& question,
                     const Check& check) {
  check();
  const std::string key = key_of(network, image, question) + '\n' + std::to_string(question.percent) +
                          (question.global ? "g" : "o");
  if (find(counts_, key) == counts_.end()) {
    const auto& [out, finished] = output(network, image, check);
    auto fresh = std::make_shared<Counting>();
    fresh->network = &network;
    fresh->image = image;
    fresh->question = question;
    fresh->probabilities = finished;
    fresh->order = coarse_to_fine(out.size(2), out.size(3));
    fresh->seen.assign(fresh->order.size(), false);
    fresh->counts = at::full({out.size(2), out.size(3)}, std::numeric_limits<float>::quiet_NaN());
    if (const auto known = peaks(network, image, question)) {
      fresh->peaks = *known;
      fresh->peaks_known = true;
    }
    fresh->last_round = !question.global || fresh->peaks_known;
    counts_.emplace_front(key, std::move(fresh));
    std::size_t held = 0;
    for (const auto& entry : counts_) held += entry.second->bytes();
    for (; counts_.size() > 1 && held > memory_ / 8; counts_.pop_back()) {
      held -= counts_.back().second->bytes();
    }
  }
  const std::shared_ptr<Counting> counting = counts_.front().second;
  if (!counting->error.empty()) throw lm::Error(counting->error);
  counting->asked = std::chrono::steady_clock::now();
  if (!counting->finished()) worker_.background(key, [this, counting] { return count_some(*counting); });
  Frame frame;
  frame.array("count", counting->counts);
  const std::int64_t rounds = question.global && !counting->last_round ? 2 : 1;
  const std::int64_t total = counting->total() * rounds;
  frame.header["done"] = counting->done;
  frame.header["total"] = total;
  frame.header["exact"] = counting->last_round;
  frame.header["finished"] = counting->finished();
  frame.header["secondsLeft"] = counting->rows == 0 ? 0.0
                                                    : counting->spent / static_cast<double>(counting->rows) *
                                                          static_cast<double>(total - counting->done);
  if (counting->peaks_known) frame.header["maximum"] = counting->peaks.magnitude();
  return frame;
}

}  // namespace explorer
