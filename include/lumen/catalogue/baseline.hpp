// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/inpaint.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/catalogue/features.hpp>
#include <lumen/catalogue/parse.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::catalogue {

/// A baseline chosen at run time; a fixed one draws the same each time.
struct AnyBaseline {
  std::function<Tensor(const Tensor& sample, at::Generator& source)> draw{};
  bool random = false;
  std::string words{};  ///< as it is written
  Tensor set{};         ///< the rows that it draws from, if it is a set of them
  std::uint64_t seed = 0;

  Tensor operator()(const Tensor& sample, at::Generator& source) const { return draw(sample, source); }
};

/// The same where it is known to be fixed, which saves passes.
struct FixedBaseline {
  AnyBaseline baseline{};
  Tensor operator()(const Tensor& x) const {
    at::Generator unused;
    return baseline.draw(x, unused);
  }
};

template <class B>
[[nodiscard]] AnyBaseline fixed_baseline(B baseline) {
  return {.draw = [baseline](const Tensor& sample, at::Generator&) { return baseline(sample); }};
}

template <class B>
[[nodiscard]] AnyBaseline drawn_baseline(B baseline) {
  return {.draw = [baseline](const Tensor& sample, at::Generator& source) -> Tensor {
            return baseline(sample, source);
          },
          .random = true};
}

/// Baselines that a program knows by further words: files, folders. None for words that it does not know.
using MoreBaselines = std::function<std::optional<AnyBaseline>(const std::string& words)>;

namespace detail {

constexpr const char* baseline_forms =
    "zero, constant:0.5, mean, blur:4, noise:0.1, uniform:0,1, permuted, inpaint:slic:50 (or grid, "
    "felzenszwalb), a file, "
    "samples:FOLDER, or several such as blur:4+noise:0.1";

/// The numbers behind a name: exactly `count` of them, or none where that is allowed.
inline std::vector<double> baseline_numbers(const std::string& words, std::size_t count) {
  std::vector<double> values = words.empty() ? std::vector<double>{} : to_numbers(words);
  require(values.size() == count, [&] {
    return text("baseline: expected ", count, count == 1 ? " number" : " numbers", ", got '", words,
                "'; write ", baseline_forms);
  });
  return values;
}

/// Each feature painted over from what surrounds it.
inline AnyBaseline inpainted(const std::string& words) {
  const std::optional<perturb::Features> features = named_features(words);
  const std::string kind = words.substr(0, words.find(':'));
  require(features && (kind == "grid" || kind == "slic" || kind == "felzenszwalb"), [&] {
    return text("baseline inpaint:", words,
                ": expected inpaint:grid:SIDE, inpaint:slic:SEGMENTS or "
                "inpaint:felzenszwalb:SCALE");
  });
  return fixed_baseline(lumen::baseline::Inpaint{
      [each = *features](const Tensor& x) { return each.masks({x}, [] { return Tensor(); }).front(); }});
}

inline std::optional<AnyBaseline> named_baseline(const std::string& words) {
  namespace b = lumen::baseline;
  const std::size_t colon = words.find(':');
  const bool has_rest = colon != std::string::npos;
  const std::string name = words.substr(0, colon), rest = has_rest ? words.substr(colon + 1) : "";
  if (words == "zero") return fixed_baseline(b::Zero{});
  if (words == "mean") return fixed_baseline(b::ChannelMean{});
  if (words == "permuted") return drawn_baseline(b::Permuted{});
  if (name == "inpaint") return inpainted(rest);
  if (name == "constant") return fixed_baseline(b::Constant{.value = baseline_numbers(rest, 1)[0]});
  if (name == "blur") return fixed_baseline(b::Blur{.sigma = baseline_numbers(rest, 1)[0]});
  if (name == "noise") return drawn_baseline(b::GaussianNoise{.stdev = baseline_numbers(rest, 1)[0]});
  if (name == "uniform") {
    const std::vector<double> ends = baseline_numbers(rest, 2);
    return drawn_baseline(b::Uniform{.low = ends[0], .high = ends[1]});
  }
  return std::nullopt;
}

/// The parts of a row of baselines: a + counts where the name of one follows, so that files may have it in theirs.
inline std::vector<std::string> parts_of_row(const std::string& words) {
  constexpr std::array names{
      "zero", "mean", "constant:", "blur:", "noise:", "uniform:", "samples:", "permuted", "inpaint:"};
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t plus = words.find('+'); plus != std::string::npos; plus = words.find('+', plus + 1)) {
    const bool next = std::any_of(names.begin(), names.end(), [&](const char* name) {
      return words.compare(plus + 1, std::char_traits<char>::length(name), name) == 0;
    });
    if (!next) continue;
    parts.push_back(words.substr(from, plus - from));
    from = plus + 1;
  }
  parts.push_back(words.substr(from));
  return parts;
}

}  // namespace detail

/// zero, constant:V, mean, blur:SIGMA, noise:STDEV, uniform:LOW,HIGH, what `more` knows, and several in a row with +
/// between them: blur:4+noise:0.1.
/// @throws Error that lists these, for anything else
[[nodiscard]] inline AnyBaseline to_baseline(const std::string& words, const MoreBaselines& more = {}) {
  std::optional<AnyBaseline> all;
  for (const std::string& part : detail::parts_of_row(words)) {
    std::optional<AnyBaseline> next = detail::named_baseline(part);
    if (!next && more) next = more(part);
    require(next.has_value(), [&] {
      return text("baseline '", part, "' is neither a baseline nor a file; write ", detail::baseline_forms);
    });
    if (!all) {
      all = std::move(next);
      continue;
    }
    all = AnyBaseline{.draw = [first = all->draw, second = next->draw](
                                  const Tensor& sample,
                                  at::Generator& source) { return second(first(sample, source), source); },
                      .random = all->random || next->random};
  }
  all->words = words;
  return std::move(*all);
}

}  // namespace lumen::catalogue
