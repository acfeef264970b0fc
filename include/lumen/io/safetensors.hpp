// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/state_dict.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io {

namespace safetensors_detail {

/// The name as a JSON string.
inline std::string json(std::string_view name) {
  static constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\', out += c;
    } else if (byte < 0x20) {
      out += "\\u00", out += hex[byte >> 4], out += hex[byte & 15u];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace safetensors_detail

/// The tensors, of any type that the format has, as a safetensors file in memory, which
/// safetensors.torch.load_file reads. Strides and shared storages are not kept.
/// @throws Error for two tensors of one name, the name __metadata__, an undefined tensor, or a type that the
///         format lacks
[[nodiscard]] inline std::vector<std::uint8_t> encode_safetensors(const StateDict& state) {
  static_assert(std::endian::native == std::endian::little, "elements are written as they lie in memory");
  std::vector<std::string_view> names;
  for (const auto& [name, tensor] : state) {
    require(tensor.defined() && name != "__metadata__", [&] {
      return text("cannot write the tensor '", name, "': it is undefined or has a reserved name");
    });
    names.push_back(name);
  }
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  require(twice == names.end(), [&] { return text("cannot write two tensors named '", *twice, "'"); });

  std::vector<const ElementType*> types;
  for (const auto& [name, tensor] : state) {
    const std::string_view spelled = c10::toString(tensor.scalar_type());
    types.push_back(find_element(&ElementType::libtorch, spelled));
    require(types.back() != nullptr && !types.back()->safetensors.empty(), [&] {
      return text("cannot write the tensor '", name, "' of type ", spelled,
                  " as safetensors; convert it first");
    });
  }
  // Wide elements first, so that all of them are aligned.
  std::vector<std::size_t> order(state.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return types[i]->bytes; });
  std::vector<std::size_t> begins(state.size());
  std::size_t total = 0;
  for (const std::size_t i : order)
    begins[i] =
        std::exchange(total, total + static_cast<std::size_t>(state[i].tensor.numel()) * types[i]->bytes);

  std::string header = "{";
  for (std::size_t i = 0; i < state.size(); ++i) {
    const auto& [name, tensor] = state[i];
    header += text(i > 0 ? "," : "", safetensors_detail::json(name), ":{\"dtype\":\"", types[i]->safetensors,
                   "\",\"shape\":[");
    for (std::int64_t axis = 0; axis < tensor.dim(); ++axis)
      header += text(axis > 0 ? "," : "", tensor.size(axis));
    header += text("],\"data_offsets\":[", begins[i], ",",
                   begins[i] + static_cast<std::size_t>(tensor.numel()) * types[i]->bytes, "]}");
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  require(header.size() <= max_safetensors_header,
          "the names are too long for a safetensors header of 100 MB");

  std::vector<std::uint8_t> out;
  out.reserve(8 + header.size() + total);
  for (unsigned shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<std::uint8_t>((std::uint64_t{header.size()} >> shift) & 0xFFu));
  out.insert(out.end(), header.begin(), header.end());
  for (const std::size_t i : order) {
    const Tensor part = state[i].tensor.detach().resolve_conj().resolve_neg().to(at::kCPU).contiguous();
    const auto* from = static_cast<const std::uint8_t*>(part.data_ptr());
    out.insert(out.end(), from, from + part.nbytes());
  }
  return out;
}

/// Writes the tensors as a safetensors file; see `encode_safetensors`.
/// @throws Error naming the path
inline void write_safetensors(const std::filesystem::path& path, const StateDict& state) {
  naming(path, [&] { write_file(path, encode_safetensors(state)); });
}

}  // namespace lumen::io
