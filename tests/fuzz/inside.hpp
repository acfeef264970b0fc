// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <lumen/io/stored_tensor.hpp>

namespace lumen::testing {

/// Aborts unless every tensor has a name of its own and every one of its elements lies inside `file`. Slow
/// and plain, so that it shares no mistake with the readers.
inline void check_inside(const std::vector<io::StoredTensor>& tensors, std::span<const std::uint8_t> file) {
  std::set<std::string> names;
  for (const io::StoredTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second || tensor.type == nullptr) std::abort();
    const std::uint8_t* const begin = tensor.storage.data();
    if (!tensor.storage.empty() &&
        (begin < file.data() || begin + tensor.storage.size() > file.data() + file.size()))
      std::abort();
    if (tensor.shape.size() != tensor.stride.size() || tensor.shape.size() > 64) std::abort();
    long double first = static_cast<long double>(tensor.offset), last = first, count = 1;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      if (tensor.shape[i] < 0) std::abort();
      count *= static_cast<long double>(tensor.shape[i]);
      last += static_cast<long double>(tensor.shape[i] - 1) * static_cast<long double>(tensor.stride[i]);
    }
    if (count > 9.2e18L) std::abort();
    const auto width = static_cast<long double>(tensor.type->bytes);
    if (first < 0 || last < first - (count == 0 ? 1e30L : 0)) std::abort();
    if (count > 0 && (last + 1) * width > static_cast<long double>(tensor.storage.size())) std::abort();
  }
}

}  // namespace lumen::testing
