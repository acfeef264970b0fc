// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::script {

/// Which tensor of a TorchScript model's output is the model's answer: nothing for a model that returns one
/// tensor; positions in tuples and lists, field names of named tuples and keys of dictionaries otherwise, from the
/// outside in. `{"out"}` for torchvision's segmentation models, `{"logits"}` for a scripted GoogLeNet.
using Output = std::vector<std::variant<std::int64_t, std::string>>;

namespace detail {

/// The names of a named tuple's fields; none for another value.
inline std::vector<std::string> field_names(const c10::IValue& value) {
  std::vector<std::string> names;
  if (value.isTuple()) {
    const auto& schema = value.toTupleRef().type<c10::TupleType>()->schema();
    if (schema) {
      for (const c10::Argument& field : schema->arguments()) names.push_back(field.name());
    }
  }
  return names;
}

/// For messages: "a dictionary {'out': tensor [1, 21, 64, 64]}".
inline std::string described(const c10::IValue& value) {
  constexpr std::size_t most = 12;
  if (value.isTensor())
    return value.toTensor().defined() ? text("tensor ", value.toTensor().sizes()) : "no tensor";
  std::vector<std::string> parts;
  if (value.isTuple()) {
    const std::vector<std::string> names = field_names(value);
    const auto& elements = value.toTupleRef().elements();
    for (std::size_t i = 0; i < elements.size() && i <= most; ++i) {
      parts.push_back(text(i < names.size() ? names[i] : std::to_string(i), ": ", described(elements[i])));
    }
  } else if (value.isList()) {
    const auto list = value.toListRef();
    for (std::size_t i = 0; i < list.size() && i <= most; ++i)
      parts.push_back(text(i, ": ", described(list[i])));
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (parts.size() > most) break;
      const std::string key =
          entry.key().isString() ? "'" + entry.key().toStringRef() + "'" : entry.key().tagKind();
      parts.push_back(key + ": " + described(entry.value()));
    }
  } else {
    return value.isNone() ? "None" : value.tagKind();
  }
  std::string all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    all += (i == 0 ? "" : ", ") + (i < most ? parts[i] : "...");
    if (i == most) break;
  }
  return value.isTuple()  ? "a tuple (" + all + ")"
         : value.isList() ? "a list [" + all + "]"
                          : "a dictionary {" + all + "}";
}

/// One step inwards. @throws Error that lists what there is, if there is no such part
inline c10::IValue part_of(const c10::IValue& value, const std::variant<std::int64_t, std::string>& step) {
  const auto missing = [&](const std::string& what) {
    return Error(text("the TorchScript model's output has no ", what, ": it is ", described(value)));
  };
  if (const auto* index = std::get_if<std::int64_t>(&step)) {
    if (!value.isTuple() && !value.isList()) throw missing(text("element ", *index));
    const std::vector<c10::IValue> elements =
        value.isTuple() ? std::vector<c10::IValue>(value.toTupleRef().elements().begin(),
                                                   value.toTupleRef().elements().end())
                        : value.toListRef().vec();
    if (*index < 0 || *index >= static_cast<std::int64_t>(elements.size()))
      throw missing(text("element ", *index));
    return elements[static_cast<std::size_t>(*index)];
  }
  const std::string& key = std::get<std::string>(step);
  const std::vector<std::string> names = field_names(value);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == key) return value.toTupleRef().elements()[i];
  }
  if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (entry.key().isString() && entry.key().toStringRef() == key) return entry.value();
    }
  }
  throw missing("'" + key + "'");
}

/// The tensor that `output` names. @throws Error that lists what there is, if it names none
inline Tensor chosen(c10::IValue value, const Output& output) {
  for (const auto& step : output) value = part_of(value, step);
  require(value.isTensor() && value.toTensor().defined(), [&] {
    return text("the TorchScript model returns ", described(value), ", not a tensor",
                output.empty() ? "" : " there",
                "; name the part to explain, for instance {.output = {0}} or ", "{.output = {\"out\"}}");
  });
  return value.toTensor();
}

}  // namespace detail

}  // namespace lumen::script
