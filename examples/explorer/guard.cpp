// SPDX-License-Identifier: BSD-3-Clause
#include "guard.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace explorer {

namespace {

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

template <class T>
bool parse_all(std::string_view word, T& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() && !word.empty();
}

bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

bool host_allowed(std::string_view host, const std::vector<std::string>& names, int port) {
  const std::string ending = ":" + std::to_string(port);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return same_letters(host, name + ending) || (port == 80 && same_letters(host, name));
  });
}

bool origin_allowed(std::string_view origin, const std::vector<std::string>& names, int port) {
  if (origin.empty()) return true;
  constexpr std::string_view scheme = "http://";
  return origin.starts_with(scheme) && host_allowed(origin.substr(scheme.size()), names, port);
}

Query::Query(const std::multimap<std::string, std::string>& given,
             const std::vector<std::string_view>& known) {
  if (given.size() > 64) throw Refusal(400, "more than 64 parameters");
  for (const auto& [name, value] : given) {
    const bool fits = std::any_of(known.begin(), known.end(), [&, &key = name](std::string_view each) {
      return each.ends_with('*') ? key.starts_with(each.substr(0, each.size() - 1)) : key == each;
    });
    if (!fits || name.size() > 64 || std::any_of(name.begin(), name.end(), control)) {
      std::string all;
      for (const std::string_view each : known) all += (all.empty() ? "" : ", ") + std::string(each);
      throw Refusal(400, "a parameter is not known; expected " + all);
    }
    if (value.size() > 256 || std::any_of(value.begin(), value.end(), control)) {
      throw Refusal(400, "the parameter " + name + " is longer than 256 bytes or holds control characters");
    }
    if (!values_.emplace(name, value).second) throw Refusal(400, "the parameter " + name + " is given twice");
  }
}

const std::string& Query::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Refusal(400, "the parameter " + name + " is missing");
  return found->second;
}

std::string Query::text_or(const std::string& name, std::string other) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::move(other) : found->second;
}

std::int64_t Query::integer(const std::string& name, std::int64_t low, std::int64_t high) const {
  std::int64_t value = 0;
  if (!parse_all(text(name), value) || value < low || value > high) {
    throw Refusal(400, "the parameter " + name + " is not an integer from " + std::to_string(low) + " to " +
                           std::to_string(high));
  }
  return value;
}

double Query::number(const std::string& name, double low, double high) const {
  double value = 0.0;
  if (!parse_all(text(name), value) || !std::isfinite(value) || !(value > low) || value > high) {
    throw Refusal(400, "the parameter " + name + " is not a number above " + std::to_string(low) +
                           " and at most " + std::to_string(high));
  }
  return value;
}

std::vector<std::pair<std::string, std::string>> Query::settings() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, value] : values_) {
    if (name.starts_with("set.")) all.emplace_back(name.substr(4), value);
  }
  return all;
}

Asked parse_asked(std::string_view words, std::int64_t rows, std::int64_t columns) {
  const auto numbers = [&](std::string_view list) {
    std::vector<std::int64_t> all;
    while (true) {
      const std::size_t comma = std::min(list.find(','), list.size());
      std::int64_t value = 0;
      if (all.size() >= 4 || !parse_all(list.substr(0, comma), value)) return std::vector<std::int64_t>{};
      all.push_back(value);
      if (comma == list.size()) return all;
      list.remove_prefix(comma + 1);
    }
  };
  const std::string size = std::to_string(rows) + " rows and " + std::to_string(columns) + " columns";
  if (words.starts_with("pixel:")) {
    const auto at = numbers(words.substr(6));
    if (at.size() != 2) throw Refusal(400, "the target is not pixel:ROW,COLUMN");
    if (at[0] < 0 || at[0] >= rows || at[1] < 0 || at[1] >= columns) {
      throw Refusal(400, "the pixel is outside the output of " + size);
    }
    return {false, at[0], at[1], at[0] + 1, at[1] + 1};
  }
  if (words.starts_with("box:")) {
    const auto at = numbers(words.substr(4));
    if (at.size() != 4) throw Refusal(400, "the target is not box:ROW,COLUMN,END,END");
    if (at[0] < 0 || at[1] < 0 || at[2] <= at[0] || at[3] <= at[1] || at[2] > rows || at[3] > columns) {
      throw Refusal(400, "the region is empty or outside the output of " + size);
    }
    return {true, at[0], at[1], at[2], at[3]};
  }
  throw Refusal(400, "the target is neither pixel:ROW,COLUMN nor box:ROW,COLUMN,END,END");
}

std::string shown_name(std::string_view name) {
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string all;
  for (const char c : name.substr(0, 80)) all += control(c) ? '_' : c;
  return all.empty() ? "image" : all;
}

}  // namespace explorer
