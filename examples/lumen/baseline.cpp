// SPDX-License-Identifier: BSD-3-Clause
#include "baseline.hpp"

#include <filesystem>
#include <optional>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>

namespace cli {

namespace {

AnyBaseline samples(const std::string& folder, Reader& reader) {
  Tensors rows;
  for (const auto& file : files_of({folder})) rows.push_back(reader.read_like(file, 0));
  for (const Tensor& row : rows) {
    require(row.sizes() == rows.front().sizes(), [&] {
      return text("baseline samples:", folder, " holds inputs of shapes ", rows.front().sizes(), " and ",
                  row.sizes(), "; give --size for one shape");
    });
  }
  AnyBaseline made = lm::catalogue::drawn_baseline(lm::baseline::Samples{.values = at::cat(rows)});
  made.set = at::cat(rows);
  return made;
}

}  // namespace

AnyBaseline baseline_of(const std::string& words, Reader& reader) {
  return lm::catalogue::to_baseline(words, [&](const std::string& part) -> std::optional<AnyBaseline> {
    constexpr std::string_view prefix = "samples:";
    if (part.starts_with(prefix)) return samples(part.substr(prefix.size()), reader);
    if (!std::filesystem::exists(part)) return std::nullopt;
    return lm::catalogue::fixed_baseline(lm::baseline::Given{reader.read_like(part, 0)});
  });
}

}  // namespace cli
