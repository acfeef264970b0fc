// SPDX-License-Identifier: BSD-3-Clause
#include "features.hpp"

#include <filesystem>

#include <lumen/io/read.hpp>

namespace cli {

std::optional<Tensor> mask_of(const std::string& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const lm::io::StoredValues stored = lm::io::read_stored(file);
  Tensor values = stored.values;
  require(at::isIntegralType(values.scalar_type(), true), [&] {
    return text(file, " holds ", values.scalar_type(),
                ", expected the labels of features: integers or true and false");
  });
  values = values.to(at::kLong);
  if (!stored.image) return values;
  const std::int64_t colours = values.size(0) - (stored.alpha ? 1 : 0);
  Tensor labels = values[0];
  for (std::int64_t channel = 1; channel < colours; ++channel) labels = labels * 65536 + values[channel];
  return labels;
}

}  // namespace cli
