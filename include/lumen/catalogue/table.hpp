// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/catalogue/entry.hpp>
#include <lumen/catalogue/words.hpp>
#include <lumen/core/error.hpp>

namespace lumen::catalogue {

/// The values that an option may have. The methods check them; this says so beforehand, and tests compare the two.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above = false;  ///< `least` itself is not allowed

  [[nodiscard]] std::string words() const {
    const double infinity = std::numeric_limits<double>::infinity();
    std::string all;
    if (least > -infinity) all = (above ? "> " : ">= ") + written_number(least);
    if (most < infinity) all += (all.empty() ? "<= " : ", <= ") + written_number(most);
    return all;
  }
};

inline constexpr Range positive_count{.least = 1};
inline constexpr Range not_negative{.least = 0};

/// The options of an aggregate of type A: the one place that knows their names. Lists, parsing and errors come from it.
template <class A>
class Table {
 public:
  Table(std::string method, A defaults) : method_(std::move(method)), defaults_(std::move(defaults)) {}

  /// @param access  the member, or a function of the aggregate that returns a reference to it
  template <class Access>
  Table& option(std::string name, std::string what, Access access, Range range = {}) {
    using T = std::remove_cvref_t<std::invoke_result_t<Access, A&>>;
    infos_.push_back({std::move(name), type_words<T>(), written<T>(std::invoke(access, defaults_)),
                      std::move(what), range.words()});
    setters_.push_back([access](A& aggregate, const std::string& value) {
      std::invoke(access, aggregate) = parsed<T>(value);
    });
    return *this;
  }

  [[nodiscard]] const std::vector<OptionInfo>& infos() const { return infos_; }
  [[nodiscard]] const std::string& method() const { return method_; }

  /// @throws Error for a name that is not in the table, or a value that is none
  [[nodiscard]] A with(const Settings& settings) const {
    A aggregate = defaults_;
    for (const auto& [name, value] : settings) {
      std::size_t i = 0;
      while (i < infos_.size() && infos_[i].name != name) ++i;
      require(i < infos_.size(), [&] {
        return text(method_, " has no option '", name, "'; its options are: ", names_of(infos_));
      });
      try {
        setters_[i](aggregate, value);
      } catch (const Error& error) {
        throw Error(text(method_, ": ", name, "=", value, ": ", error.what(), "; expected ", infos_[i].type));
      }
    }
    return aggregate;
  }

 private:
  std::string method_;
  A defaults_;
  std::vector<OptionInfo> infos_;
  std::vector<std::function<void(A&, const std::string&)>> setters_;
};

}  // namespace lumen::catalogue
