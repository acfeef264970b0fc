// SPDX-License-Identifier: BSD-3-Clause
#include "summary.hpp"

#include <algorithm>
#include <cmath>

#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/map/components.hpp>
#include <lumen/map/threshold.hpp>
#include <lumen/map/view.hpp>
#include <lumen/metric/concentration.hpp>
#include <lumen/metric/sparsity.hpp>
#include <lumen/view/number.hpp>

namespace cli {

namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json shape(const Tensor& tensor) { return tensor.sizes().vec(); }

/// What the network says of the input: its classes, or the pixels of each class.
Json prediction_of(const Answer& answer) {
  const Tensor output = answer.output.to(at::kCPU, at::kDouble);
  Json json{{"shape", shape(output)}};
  if (output.dim() == 2 && output.size(1) > 1) {
    const Tensor scores = output[0];
    const Tensor probabilities = answer.probabilities ? scores : at::softmax(scores, 0);
    const auto order = std::get<1>(scores.topk(std::min<std::int64_t>(5, scores.size(0))));
    for (std::int64_t i = 0; i < order.size(0); ++i) {
      const auto k = order[i].item<std::int64_t>();
      json["classes"].push_back({{"class", k},
                                 {"score", number(scores[k].item<double>())},
                                 {"softmax", number(probabilities[k].item<double>())}});
    }
  } else if (output.dim() == 4) {
    const double above = answer.probabilities ? 0.5 : 0.0;
    const Tensor labels = output.size(1) == 1 ? output[0][0].gt(above).to(at::kLong) : output[0].argmax(0);
    if (output.size(1) == 1) json["threshold"] = above;
    const Tensor counts = labels.flatten().bincount({}, std::max<std::int64_t>(2, output.size(1)));
    for (std::int64_t k = 0; k < counts.size(0); ++k)
      json["pixels"].push_back(counts[k].item<std::int64_t>());
  } else if (output.numel() == 1) {
    json["score"] = number(output.item<double>());
  }
  return json;
}

Json regions_of(const Tensor& plane, const RegionOptions& options) {
  const auto map = lm::map::view<double>(plane);
  const lm::map::Array<bool> top = lm::map::top_fraction(map, options.share);
  const Tensor mask = lm::map::tensor(top).logical_and(plane > 0).contiguous();
  const lm::map::Components found = lm::map::components(lm::map::view<bool>(mask));
  const Tensor labels = lm::map::tensor(found.labels).to(at::kLong).flatten();
  const Tensor masses = labels.bincount(plane.flatten(), static_cast<std::int64_t>(found.count()) + 1);
  const double positive = plane.clamp_min(0).sum().item<double>();
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < found.count(); ++i) {
    order.emplace_back(masses[static_cast<std::int64_t>(i) + 1].item<double>(), i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  Json json = Json::array();
  for (const auto& [mass, i] : order) {
    if (static_cast<std::int64_t>(json.size()) == options.most) break;
    const lm::map::Component& region = found.components[i];
    json.push_back({{"rows", {region.box.row_begin, region.box.row_end}},
                    {"columns", {region.box.column_begin, region.box.column_end}},
                    {"pixels", region.pixels},
                    {"share", number(mass / positive)}});
  }
  return json;
}

/// The values of largest magnitude of a map that is no picture.
Json largest_of(const Tensor& map, const RegionOptions& options) {
  const Tensor flat = map.flatten();
  const Tensor order = std::get<1>(flat.abs().topk(std::min(options.most, flat.size(0))));
  Json json = Json::array();
  for (std::int64_t i = 0; i < order.size(0); ++i) {
    auto rest = order[i].item<std::int64_t>();
    const double value = flat[rest].item<double>();
    std::vector<std::int64_t> index(static_cast<std::size_t>(map.dim()));
    for (std::size_t d = index.size(); d-- > 0; rest /= map.size(static_cast<std::int64_t>(d))) {
      index[d] = rest % map.size(static_cast<std::int64_t>(d));
    }
    json.push_back({{"index", index}, {"value", number(value)}});
  }
  return json;
}

/// The channels' sum. A value that all of them share (a feature's, RISE's) is the pixel's own: it counts once.
Tensor of_channels(const Tensor& map, std::int64_t dimension) {
  const Tensor first = map.narrow(dimension, 0, 1);
  return map.eq(first).all().item<bool>() ? first : map.sum(dimension, true);
}

}  // namespace

Tensor plane_of(const Answer& answer, std::size_t part) {
  Tensor map = answer.map.map[part].detach().to(at::kCPU, at::kDouble);
  if (map.dim() != 4) return {};
  map = of_channels(map, 1);
  const Tensor picture = part < answer.sample.pictures.size() ? answer.sample.pictures[part] : Tensor();
  if (picture.defined() && picture.dim() == 3 &&
      (picture.size(1) != map.size(2) || picture.size(2) != map.size(3))) {
    map = lm::upsampled(map, picture.size(1), picture.size(2), lm::Upsample::Bilinear);
  }
  return map[0][0].contiguous();
}

Tensor line_of(const Tensor& map) {
  if (map.dim() != 2 && map.dim() != 3) return {};
  const Tensor line = map.detach().to(at::kCPU, at::kDouble)[0];
  return (line.dim() == 2 ? of_channels(line, 0).squeeze(0) : line).contiguous();
}

namespace {

Json statistics_of(const Tensor& map) {
  return {{"shape", shape(map)},
          {"sum", number(map.sum().item<double>())},
          {"positive", number(map.clamp_min(0).sum().item<double>())},
          {"negative", number(map.clamp_max(0).sum().item<double>())},
          {"min", number(map.min().item<double>())},
          {"max", number(map.max().item<double>())}};
}

/// Of one map: its statistics, and where its largest values are.
Json described(const Answer& answer, std::size_t part, const RegionOptions& regions) {
  const Tensor map = answer.map.map[part].detach().to(at::kCPU, at::kDouble).contiguous();
  Json json{{"map", statistics_of(map)}, {"metrics", nullptr}};
  if (!at::isfinite(map).all().item<bool>()) return json;
  const Tensor plane = plane_of(answer, part);
  const auto view = lm::map::view<double>(plane.defined() ? plane : map);
  json["metrics"] = {{"gini", lm::metric::Gini{}(view)},
                     {"hoyer", lm::metric::Hoyer{}(view)},
                     {"entropy", lm::metric::Entropy{.normalised = true}(view)},
                     {"effective_area", lm::metric::EffectiveArea{}(view)}};
  if (plane.defined()) {
    json["regions"] = regions_of(plane, regions);
  } else {
    json["largest"] = largest_of(map, regions);
  }
  return json;
}

/// The numbers that the network was given.
Json range_of(const Tensor& x) {
  const Tensor values = x.detach().to(at::kCPU, at::kDouble);
  return {number(values.min().item<double>()), number(values.max().item<double>())};
}

void add_files(Json& json, const char* one, const char* several, const std::vector<std::string>& files) {
  if (files.size() == 1) json[one] = files.front();
  if (files.size() > 1) json[several] = files;
}

}  // namespace

Json summary_of(const Answer& answer, const RegionOptions& regions) {
  const Map& result = answer.map;
  const Tensors& x = answer.sample.parts;
  Json json{{"input", answer.sample.name}};
  Json shapes = Json::array(), ranges = Json::array();
  for (const Tensor& part : x) shapes.push_back(shape(part)), ranges.push_back(range_of(part));
  json["input_shape"] = x.size() == 1 ? shapes[0] : shapes;
  json["input_range"] = x.size() == 1 ? ranges[0] : ranges;
  json["prediction"] = prediction_of(answer);
  json["target"] = answer.target;
  json["score"] = number(result.score.item<double>());
  json["completeness_error"] = nullptr;
  json["relative_completeness_error"] = nullptr;
  if (result.completeness_error.defined()) {
    const double error = result.completeness_error.item<double>();
    json["completeness_error"] = number(error);
    json["relative_completeness_error"] = number(std::abs(error / result.score.item<double>()));
  }
  json["standard_error"] = nullptr;
  if (!result.standard_error.empty() && result.standard_error.front().defined()) {
    Tensors errors;
    for (const Tensor& part : result.standard_error)
      errors.push_back(part.to(at::kCPU, at::kDouble).flatten());
    json["standard_error"] = number(at::cat(errors).square().mean().sqrt().item<double>());
  }
  json["forward_passes"] = result.forward_passes;
  json["backward_passes"] = result.backward_passes;
  json["seconds"] = answer.seconds;
  if (!answer.note.empty()) json["note"] = answer.note;
  if (result.map.size() == 1) {
    json.update(described(answer, 0, regions));
  } else {
    json["maps"] = Json::array();
    for (std::size_t i = 0; i < result.map.size(); ++i) json["maps"].push_back(described(answer, i, regions));
  }
  add_files(json, "map_file", "map_files", answer.map_files);
  add_files(json, "picture_file", "picture_files", answer.picture_files);
  add_files(json, "panel_file", "panel_files", answer.panel_files);
  return json;
}

std::string lines_of(const Json& json) {
  const auto real = [](const Json& value) {
    return value.is_null() ? std::string("-") : lm::view::number(value.get<double>(), 4);
  };
  std::string out = json["input"].get<std::string>() + "  " + json["input_shape"].dump() + "\n";
  const auto range = [&](const Json& ends) { return real(ends[0]) + " ... " + real(ends[1]); };
  const Json& given = json["input_range"];
  out += "  given         values from ";
  if (given[0].is_array()) {
    for (std::size_t i = 0; i < given.size(); ++i) out += (i > 0 ? ", " : "") + range(given[i]);
  } else {
    out += range(given);
  }
  const Json& prediction = json["prediction"];
  out += "\n  prediction    ";
  if (prediction.contains("classes")) {
    for (const Json& each : prediction["classes"]) {
      out += text("class ", each["class"], " ", real(each["score"]), " (", real(each["softmax"]), ")  ");
    }
  } else if (prediction.contains("pixels")) {
    out += "pixels of each class " + prediction["pixels"].dump();
  } else {
    out += prediction.contains("score") ? real(prediction["score"]) : prediction["shape"].dump();
  }
  out += text("\n  target        ", json["target"].get<std::string>(), "\n  score         ",
              real(json["score"]));
  if (!json["completeness_error"].is_null()) {
    out += text("\n  completeness  error ", real(json["completeness_error"]), ", ",
                real(json["relative_completeness_error"]), " of the score");
  }
  if (!json["standard_error"].is_null()) out += "\n  standard error " + real(json["standard_error"]);
  out += text("\n  cost          ", json["forward_passes"], " forward, ", json["backward_passes"],
              " backward, ", lm::view::number(json["seconds"].get<double>()), " s");
  if (json.contains("note")) out += "\n  note          " + json["note"].get<std::string>();
  const auto add = [&](const Json& one) {
    const Json& map = one["map"];
    out += text("\n  map           ", map["shape"].dump(), "  ", range({map["min"], map["max"]}), ", sum ",
                real(map["sum"]));
    if (!one["metrics"].is_null()) {
      out += text("\n  sparsity      Gini ", real(one["metrics"]["gini"]), ", 90 % of it in ",
                  real(one["metrics"]["effective_area"]), " of the values");
    }
    if (one.contains("regions")) {
      for (const Json& region : one["regions"]) {
        out += text("\n  region        rows ", region["rows"][0], "-", region["rows"][1], ", columns ",
                    region["columns"][0], "-", region["columns"][1], ": ", real(region["share"]),
                    " of what speaks for it");
      }
    }
  };
  if (json.contains("maps")) {
    for (const Json& one : json["maps"]) add(one);
  } else {
    add(json);
  }
  for (const char* file : {"map_file", "picture_file", "panel_file"}) {
    if (json.contains(file)) out += "\n  written       " + json[file].get<std::string>();
    if (json.contains(std::string(file) + "s"))
      for (const Json& each : json[std::string(file) + "s"])
        out += "\n  written       " + each.get<std::string>();
  }
  return out + "\n";
}

}  // namespace cli
