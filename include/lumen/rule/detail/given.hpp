// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/trace/operation.hpp>

namespace lumen::rule::detail {

/// The arguments of an operator by their names in its schema.
class Given {
 public:
  explicit Given(const trace::Call& call) : call_(call) {}

  [[nodiscard]] const c10::OperatorHandle& op() const { return call_.op; }
  [[nodiscard]] const std::vector<c10::IValue>& all() const { return call_.arguments; }

  /// None if the operator has no such one.
  [[nodiscard]] c10::IValue operator[](std::string_view name) const {
    const auto& declared = call_.op.schema().arguments();
    for (std::size_t i = 0; i < declared.size(); ++i) {
      if (declared[i].name() == name) return call_.arguments[i];
    }
    return {};
  }

  /// Undefined if there is none.
  [[nodiscard]] Tensor tensor(std::string_view name) const {
    const c10::IValue value = (*this)[name];
    return value.isTensor() ? value.toTensor() : Tensor();
  }
  [[nodiscard]] Tensor tensor(std::size_t position) const { return call_.arguments.at(position).toTensor(); }
  [[nodiscard]] double number(std::string_view name, double otherwise) const {
    const c10::IValue value = (*this)[name];
    return value.isScalar() ? value.toScalar().toDouble() : otherwise;
  }
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    const c10::IValue value = (*this)[name];
    return value.isInt() ? value.toInt() : otherwise;
  }
  [[nodiscard]] bool flag(std::string_view name) const {
    const c10::IValue value = (*this)[name];
    return value.isBool() && value.toBool();
  }

  /// The dimensions named by `dim`, or all of a tensor of this rank.
  [[nodiscard]] std::vector<std::int64_t> dims(std::int64_t rank) const {
    const c10::IValue dim = (*this)["dim"];
    std::vector<std::int64_t> result;
    if (dim.isInt()) result = {dim.toInt()};
    if (dim.isIntList()) result = dim.toIntVector();
    if (result.empty()) {
      result.resize(static_cast<std::size_t>(rank));
      std::iota(result.begin(), result.end(), std::int64_t{0});
    }
    return result;
  }

 private:
  const trace::Call& call_;
};

/// An operator written with others, of the same results; those that nobody can use may be left out at the end.
using Decomposition = std::function<std::vector<c10::IValue>(const Given&)>;
using Decompositions = std::map<std::string, Decomposition>;

}  // namespace lumen::rule::detail
