// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lumen/core/tensor.hpp>

namespace lumen::testing::golden {

using Json = nlohmann::json;

struct Value;
using List = std::vector<Value>;

/// A value of the golden file or of one of its models: nothing (JSON null), a number, a tensor, or a list of
/// values.
struct Value {
  std::variant<std::monostate, at::Scalar, Tensor, List> held;

  [[nodiscard]] bool is_none() const { return std::holds_alternative<std::monostate>(held); }
  [[nodiscard]] bool is_number() const { return std::holds_alternative<at::Scalar>(held); }
  [[nodiscard]] bool is_tensor() const { return std::holds_alternative<Tensor>(held); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(held); }
  [[nodiscard]] const at::Scalar& number() const { return std::get<at::Scalar>(held); }
  [[nodiscard]] const Tensor& tensor() const { return std::get<Tensor>(held); }
  [[nodiscard]] const List& list() const { return std::get<List>(held); }
};

/// A number of the file: JSON has no infinities, so `parse_file` turns Python's into strings.
inline double number(const Json& json) {
  if (json.is_boolean()) return json.get<bool>() ? 1.0 : 0.0;
  if (json.is_number()) return json.get<double>();
  if (json == "Infinity") return std::numeric_limits<double>::infinity();
  if (json == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (json == "NaN") return std::numeric_limits<double>::quiet_NaN();
  throw std::runtime_error("golden file: expected a number, found " + json.dump().substr(0, 80));
}

inline at::ScalarType scalar_type(const std::string& name) {
  static const std::map<std::string, at::ScalarType> types{
      {"float16", at::kHalf}, {"bfloat16", at::kBFloat16}, {"float32", at::kFloat}, {"float64", at::kDouble},
      {"uint8", at::kByte},   {"int8", at::kChar},         {"int16", at::kShort},   {"int32", at::kInt},
      {"int64", at::kLong},   {"bool", at::kBool}};
  if (const auto found = types.find(name); found != types.end()) return found->second;
  throw std::runtime_error("golden file: unknown dtype " + name);
}

/// Nested lists of numbers as a float64 tensor; the lists must be rectangular.
inline Tensor nested(const Json& json) {
  std::vector<std::int64_t> shape;
  for (const Json* level = &json; level->is_array(); level = &level->front()) {
    shape.push_back(static_cast<std::int64_t>(level->size()));
    if (level->empty()) break;
  }
  std::vector<double> flat;
  const std::function<void(const Json&, std::size_t)> walk = [&](const Json& at, std::size_t depth) {
    if (!at.is_array()) {
      if (depth != shape.size()) throw std::runtime_error("golden file: ragged nested list");
      flat.push_back(number(at));
      return;
    }
    if (depth >= shape.size() || static_cast<std::int64_t>(at.size()) != shape[depth])
      throw std::runtime_error("golden file: ragged nested list");
    for (const Json& item : at) walk(item, depth + 1);
  };
  walk(json, 0);
  return at::tensor(flat, at::kDouble).reshape(shape);
}

/// {dtype, shape, data}. Values pass through float64, which holds every float32 and every index of the file
/// exactly.
inline Tensor tensor(const Json& json) {
  const auto shape = json.at("shape").get<std::vector<std::int64_t>>();
  return nested(json.at("data")).reshape(shape).to(scalar_type(json.at("dtype").get<std::string>()));
}

inline bool is_tensor(const Json& json) {
  return json.is_object() && json.contains("dtype") && json.contains("shape");
}

/// A number, keeping integers integers.
inline at::Scalar scalar(const Json& json) {
  if (json.is_boolean()) return {json.get<bool>()};
  if (json.is_number_integer()) return {json.get<std::int64_t>()};
  return {number(json)};
}

/// Any argument of a case: null, number, tensor, {tuple: [..]}, {list: [..]}, or a plain list of these.
inline Value value(const Json& json) {
  if (json.is_null()) return {};
  if (is_tensor(json)) return {tensor(json)};
  const Json& items = json.contains("tuple")  ? json.at("tuple")
                      : json.contains("list") ? json.at("list")
                                              : json;
  if (items.is_array()) {
    List list;
    for (const Json& item : items) list.push_back(value(item));
    return {std::move(list)};
  }
  return {scalar(json)};
}

/// The same value with its floating point tensors cast; integers and booleans stay what they are.
inline Value cast(const Value& from, at::ScalarType type) {
  if (from.is_tensor())
    return {at::isFloatingType(from.tensor().scalar_type()) ? from.tensor().to(type) : from.tensor()};
  if (!from.is_list()) return from;
  List list;
  for (const Value& item : from.list()) list.push_back(cast(item, type));
  return {std::move(list)};
}

/// Follows an output path: "" is the whole, "[0]" the first element, "[row 2]" row 2 of a tensor.
inline Value at_path(const Value& from, std::string_view path) {
  if (path.empty()) return from;
  const std::size_t close = path.find(']');
  if (path.front() != '[' || close == std::string_view::npos)
    throw std::runtime_error("golden file: cannot follow the output path " + std::string(path));
  const std::string step(path.substr(1, close - 1));
  const std::string_view rest = path.substr(close + 1);
  if (step.starts_with("row ")) return at_path({from.tensor().select(0, std::stoll(step.substr(4)))}, rest);
  if (from.is_tensor()) return at_path({from.tensor().select(0, std::stoll(step))}, rest);
  return at_path(from.list().at(std::stoul(step)), rest);
}

/// Reads JSON as Python writes it: Infinity, -Infinity and NaN outside strings become the strings of that
/// name.
inline Json parse_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("golden file: cannot open " + path);
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  std::string out;
  out.reserve(text.size());
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    if (inside && text[i] == '\\') {
      out.append(text, i, 2);
      i += 2;
      continue;
    }
    if (text[i] == '"') inside = !inside;
    bool replaced = false;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (inside || text.compare(i, word.size(), word) != 0) continue;
      out.append("\"").append(word).append("\"");
      i += word.size();
      replaced = true;
      break;
    }
    if (!replaced) out.push_back(text[i++]);
  }
  return Json::parse(out);
}

}  // namespace lumen::testing::golden
