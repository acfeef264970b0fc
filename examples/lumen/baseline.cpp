// SPDX-License-Identifier: BSD-3-Clause
#include "baseline.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>

#include "input.hpp"

namespace cli {

namespace {

constexpr const char* forms =
    "zero, constant:0.5, mean, blur:4, noise:0.1, uniform:0,1, a file, samples:FOLDER, or several such as "
    "blur:4+noise:0.1";

template <class B>
AnyBaseline fixed(B baseline) {
  return {.draw = [baseline](const Tensor& sample, at::Generator&) { return baseline(sample); }};
}

template <class B>
AnyBaseline drawn(B baseline) {
  return {.draw = [baseline](const Tensor& sample, at::Generator& source) -> Tensor {
            return baseline(sample, source);
          },
          .random = true};
}

/// The numbers behind a name: exactly `count` of them, or none where that is allowed.
std::vector<double> numbers(const std::string& words, std::size_t count) {
  std::vector<double> values = words.empty() ? std::vector<double>{} : to_numbers(words);
  require(values.size() == count, [&] {
    return text("baseline: expected ", count, count == 1 ? " number" : " numbers", ", got '", words,
                "'; write ", forms);
  });
  return values;
}

AnyBaseline samples(const std::string& folder, const ReadInput& read) {
  std::vector<Tensor> rows;
  for (const auto& file : files_of({folder})) rows.push_back(read(file.string()));
  for (const Tensor& row : rows) {
    require(row.sizes() == rows.front().sizes(), [&] {
      return text("baseline samples:", folder, " holds inputs of shapes ", rows.front().sizes(), " and ",
                  row.sizes(), "; give --size for one shape");
    });
  }
  AnyBaseline made = drawn(lm::baseline::Samples{.values = at::cat(rows)});
  made.set = at::cat(rows);
  return made;
}

std::optional<AnyBaseline> named(const std::string& name, const std::string& rest, bool has_rest,
                                 const ReadInput& read) {
  namespace b = lm::baseline;
  if (!has_rest && name == "zero") return fixed(b::Zero{});
  if (!has_rest && name == "mean") return fixed(b::ChannelMean{});
  if (name == "constant") return fixed(b::Constant{.value = numbers(rest, 1)[0]});
  if (name == "blur") return fixed(b::Blur{.sigma = numbers(rest, 1)[0]});
  if (name == "noise") return drawn(b::GaussianNoise{.stdev = numbers(rest, 1)[0]});
  if (name == "uniform") {
    const std::vector<double> ends = numbers(rest, 2);
    return drawn(b::Uniform{.low = ends[0], .high = ends[1]});
  }
  if (name == "samples" && has_rest) return samples(rest, read);
  return std::nullopt;
}

AnyBaseline one(const std::string& words, const ReadInput& read) {
  const std::size_t colon = words.find(':');
  const bool has_rest = colon != std::string::npos;
  if (auto known = named(words.substr(0, colon), has_rest ? words.substr(colon + 1) : "", has_rest, read)) {
    return std::move(*known);
  }
  require(read && std::filesystem::exists(words),
          [&] { return text("baseline '", words, "' is neither a baseline nor a file; write ", forms); });
  return fixed(lm::baseline::Given{read(words)});
}

/// The parts of a row of baselines: a + counts where the name of one follows, so that files may have it in theirs.
std::vector<std::string> parts_of_row(const std::string& words) {
  constexpr std::array names{"zero", "mean", "constant:", "blur:", "noise:", "uniform:", "samples:"};
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

}  // namespace

AnyBaseline to_baseline(const std::string& words, const ReadInput& read) {
  std::optional<AnyBaseline> all;
  for (const std::string& part : parts_of_row(words)) {
    AnyBaseline next = one(part, read);
    if (!all) {
      all = std::move(next);
      continue;
    }
    all = AnyBaseline{.draw = [first = all->draw, second = next.draw](
                                  const Tensor& sample,
                                  at::Generator& source) { return second(first(sample, source), source); },
                      .random = all->random || next.random};
  }
  all->words = words;
  return std::move(*all);
}

AnyBaseline to_baseline(const std::string& words) { return to_baseline(words, nullptr); }

}  // namespace cli
