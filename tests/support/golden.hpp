// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/golden_model.hpp"

namespace lumen::testing::golden {

/// One expected output: the value found at `path` of what the method returns must agree within `tolerance`,
/// as a sum or as a maximum of absolute differences.
struct Expected {
  std::string path;
  Tensor value;  ///< float64
  double tolerance = 0.0;
  bool sum = false;
  bool float64 = false;  ///< the expected value is that of a float64 run

  /// The error in the case's own mode; infinite when the shapes differ.
  [[nodiscard]] double error(const Tensor& actual) const {
    if (!actual.defined() || actual.numel() != value.numel()) return std::numeric_limits<double>::infinity();
    const Tensor difference = (actual.detach().to(at::kDouble).reshape(value.sizes()) - value).abs();
    if (difference.numel() == 0) return 0.0;
    return (sum ? difference.sum() : difference.max()).item<double>();
  }
};

/// One case: a call of one of Captum's methods and what it must give.
struct Case {
  std::string id, tier, kind, method, wraps, model;
  Json ctor, inner_ctor, layer, params, target_json, lrp_rules;
  Value inputs, baselines, additional;
  std::vector<Expected> expected;
  Tensor model_output;  ///< float64
  bool seed_independent = false;
  std::string quirk;       ///< set when the value is a known defect of Captum
  std::string unreadable;  ///< why the case cannot be read: its method's test then fails

  /// "NoiseTunnel(Saliency)", "LayerGradCam".
  [[nodiscard]] std::string name() const { return wraps.empty() ? method : method + "(" + wraps + ")"; }
  /// The type that the expected values were computed in.
  [[nodiscard]] at::ScalarType type() const {
    for (const Expected& one : expected)
      if (one.float64) return at::kDouble;
    return at::kFloat;
  }
  [[nodiscard]] bool several_inputs() const { return inputs.is_list(); }
};

struct File {
  Json header, quadrature, visualization;
  std::map<std::string, Model> models;
  std::vector<Case> cases;
  std::map<std::string, std::string> unreadable;  ///< of models that cannot be read, why

  /// @throws std::runtime_error if there is none of this name, or it cannot be read
  [[nodiscard]] const Model& model(const std::string& id) const {
    if (const auto found = models.find(id); found != models.end()) return found->second;
    const auto why = unreadable.find(id);
    throw std::runtime_error("golden file: no model " + id +
                             (why == unreadable.end() ? std::string() : ": " + why->second));
  }
};

/// The inputs of a case as the positional arguments of its model, additional arguments behind.
inline List arguments(const Value& inputs, const Value& additional) {
  List list = inputs.is_list() ? inputs.list() : List{inputs};
  if (additional.is_list())
    list.insert(list.end(), additional.list().begin(), additional.list().end());
  else if (!additional.is_none())
    list.push_back(additional);
  return list;
}

/// The target of a case as one score per row, for all of Captum's forms: none, a column, a column per row, a
/// tuple of indices and slices, a tuple per row.
struct Selected {
  Json target;

  [[nodiscard]] Tensor operator()(const Tensor& output) const {
    const std::int64_t rows = output.dim() == 0 ? 1 : output.size(0);
    if (target.is_null()) return output.reshape({rows});
    if (target.is_number()) return pick(output, Json::array({target}));
    if (is_tensor(target)) {
      const Tensor index = tensor(target).reshape({-1});
      if (index.numel() == 1) return pick(output, Json::array({index.item<std::int64_t>()}));
      return output.gather(1, index.reshape({rows, 1})).squeeze(1);
    }
    if (target.contains("tuple")) return pick(output, target.at("tuple"));
    const Json& items = target.contains("list") ? target.at("list") : target;
    if (static_cast<std::int64_t>(items.size()) != rows)
      throw std::runtime_error("golden file: a list of targets must have one for each row");
    std::vector<Tensor> scores;
    for (std::int64_t row = 0; row < rows; ++row) {
      const Json& item = items.at(static_cast<std::size_t>(row));
      const Json& tuple = item.is_object() ? item.at("tuple") : item;
      scores.push_back(pick(output.narrow(0, row, 1), tuple.is_array() ? tuple : Json::array({tuple})));
    }
    return at::cat(scores);
  }

 private:
  /// out[:, *indices], whatever a slice leaves summed, as one number a row.
  static Tensor pick(const Tensor& output, const Json& indices) {
    Tensor left = output;
    std::int64_t dim = 1;
    for (const Json& index : indices) {
      if (index.is_object() && index.contains("slice")) {
        const Json& range = index.at("slice");
        const auto bound = [&](std::size_t i, std::int64_t otherwise) {
          return range.at(i).is_null() ? otherwise : range.at(i).get<std::int64_t>();
        };
        left = left.slice(dim, bound(0, 0), bound(1, left.size(dim)), bound(2, 1));
        ++dim;
      } else {
        left = left.select(dim, index.get<std::int64_t>());
      }
    }
    return left.reshape({output.size(0), -1}).sum(1);
  }
};

inline std::string text_or_empty(const Json& json, const char* key) {
  return json.contains(key) && json.at(key).is_string() ? json.at(key).get<std::string>() : std::string();
}

/// What a case says of itself: enough to know whose it is.
inline Case name_of_case(const Json& json) {
  Case one;
  one.id = json.at("id").get<std::string>();
  one.tier = json.at("tier").get<std::string>();
  one.kind = json.at("kind").get<std::string>();
  one.method = json.at("method").get<std::string>();
  one.wraps = text_or_empty(json, "wraps");
  one.model = json.at("model").get<std::string>();
  return one;
}

inline void read_case(const Json& json, Case& one) {
  const auto field = [&](const char* key) { return json.value(key, Json()); };
  one.ctor = field("ctor");
  one.inner_ctor = field("inner_ctor");
  one.layer = field("layer");
  one.params = field("params");
  one.target_json = field("target");
  one.lrp_rules = field("lrp_rules");
  one.inputs = value(json.at("inputs"));
  one.baselines = value(field("baselines"));
  one.additional = value(field("additional_forward_args"));
  one.seed_independent = json.at("seed_independent") == true;
  if (const Json quirk = field("captum_quirk"); !quirk.is_null()) one.quirk = quirk.dump();
  if (const Json output = field("model_output"); !output.is_null()) one.model_output = nested(output);
  for (const auto& [path, item] : json.at("expected").items()) {
    Expected expected{path, nested(item.at("value")), number(item.at("tolerance"))};
    const auto mode = item.at("tolerance_mode").get<std::string>();
    if (mode != "sum" && mode != "max")
      throw std::runtime_error("golden file: unknown tolerance mode " + mode);
    expected.sum = mode == "sum";
    expected.float64 = item.value("dtype", std::string()) == "float64";
    one.expected.push_back(std::move(expected));
  }
  if (one.expected.empty()) throw std::runtime_error("golden file: case " + one.id + " expects nothing");
}

inline void read_or_say(const Json& json, Case& one) {
  try {
    read_case(json, one);
  } catch (const std::exception& problem) {
    one.unreadable = problem.what();
  }
}

inline File read(const std::filesystem::path& path) {
  const Json json = parse_file(path.string());
  File file{json.at("header"), json.at("quadrature"), json.at("visualization_normalize"), {}, {}, {}};
  // what cannot be read makes those fail that need it, and no others
  for (const auto& [id, model] : json.at("models").items()) {
    try {
      file.models.emplace(id, read_model(id, model));
    } catch (const std::exception& problem) {
      file.unreadable.emplace(id, problem.what());
    }
  }
  for (const Json& each : json.at("cases")) {
    read_or_say(each, file.cases.emplace_back(name_of_case(each)));
  }
  return file;
}

}  // namespace lumen::testing::golden
