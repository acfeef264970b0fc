// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/in_quotes.hpp>

namespace lumen::io {

/// One type of element that files of weights hold, by its names.
struct ElementType {
  std::string_view torch;        ///< in Python: torch.float32
  std::string_view libtorch;     ///< in C++, as c10::toString spells it; .pth files call it FloatStorage
  std::string_view safetensors;  ///< empty where that format has none
  std::size_t bytes;             ///< of one element
  std::size_t number;            ///< bytes of one number in it: half of a complex element
};

/// Every type that the readers know. Whether LibTorch has it is another question: 1.13 ends at bool.
inline constexpr std::array<ElementType, 22> element_types{{
    {"float64", "Double", "F64", 8, 8},
    {"float32", "Float", "F32", 4, 4},
    {"float16", "Half", "F16", 2, 2},
    {"bfloat16", "BFloat16", "BF16", 2, 2},
    {"int64", "Long", "I64", 8, 8},
    {"int32", "Int", "I32", 4, 4},
    {"int16", "Short", "I16", 2, 2},
    {"int8", "Char", "I8", 1, 1},
    {"uint8", "Byte", "U8", 1, 1},
    {"complex128", "ComplexDouble", "", 16, 8},
    {"complex64", "ComplexFloat", "C64", 8, 4},
    {"complex32", "ComplexHalf", "", 4, 2},
    {"bool", "Bool", "BOOL", 1, 1},
    {"uint16", "UInt16", "U16", 2, 2},
    {"uint32", "UInt32", "U32", 4, 4},
    {"uint64", "UInt64", "U64", 8, 8},
    {"float8_e4m3fn", "Float8_e4m3fn", "F8_E4M3", 1, 1},
    {"float8_e5m2", "Float8_e5m2", "F8_E5M2", 1, 1},
    {"float8_e4m3fnuz", "Float8_e4m3fnuz", "F8_E4M3FNUZ", 1, 1},
    {"float8_e5m2fnuz", "Float8_e5m2fnuz", "F8_E5M2FNUZ", 1, 1},
    {"float8_e8m0fnu", "Float8_e8m0fnu", "F8_E8M0", 1, 1},
    {"float4_e2m1fn_x2", "Float4_e2m1fn_x2", "", 1, 1},
}};

/// The type that has this name among the names `of`; nullptr when there is none.
[[nodiscard]] constexpr const ElementType* find_element(std::string_view ElementType::* of,
                                                        std::string_view name) {
  for (const ElementType& type : element_types)
    if (!name.empty() && type.*of == name) return &type;
  return nullptr;
}

/// One tensor as a file of weights describes it, checked: every element lies inside `storage`. Knows nothing
/// of LibTorch, so that the readers can be built and fuzzed without it.
struct StoredTensor {
  std::string name;
  const ElementType* type = nullptr;
  std::span<const std::uint8_t> storage{};  ///< in the file's memory; several tensors may share it
  std::int64_t offset = 0;                  ///< of the first element, in elements
  std::vector<std::int64_t> shape{}, stride{};
  bool swapped = false;  ///< the numbers are in the other byte order than this machine's
};

/// Axes that a tensor may have at most, LibTorch's own limit.
inline constexpr std::size_t max_axes = 64;

/// What is wrong with the places of a tensor's elements in a storage of `room` elements; empty when nothing
/// is. Allocates nothing and cannot overflow.
[[nodiscard]] inline std::string_view misplaced(std::int64_t offset, std::span<const std::int64_t> shape,
                                                std::span<const std::int64_t> stride, std::uint64_t room) {
  constexpr std::int64_t most = std::int64_t{1} << 48;  // bytes: more than any machine addresses
  if (shape.size() != stride.size()) return "its shape and strides differ in length";
  if (shape.size() > max_axes) return "it has over 64 axes";
  if (offset < 0 || static_cast<std::uint64_t>(offset) > room) return "its offset lies outside the storage";
  std::int64_t count = 1;
  std::uint64_t last = static_cast<std::uint64_t>(offset);
  bool empty = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0) return "a side is negative";
    if (stride[i] < 0) return "a stride is negative";
    empty = empty || shape[i] == 0;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t side = shape[i] == 0 ? 1 : shape[i];
    if (side > most / count) return "it has too many elements";
    count *= side;
    if (stride[i] > most) return "a stride is too large";
    if (side > 1 && stride[i] > most / (side - 1)) return "its elements reach beyond the storage";
    last += static_cast<std::uint64_t>((side - 1) * stride[i]);
    if (!empty && last >= room) return "its elements reach beyond the storage";
  }
  if (!empty && last >= room) return "its elements reach beyond the storage";
  return {};
}

/// Whether every byte is 0 or 1: C++ gives no meaning to another bool.
[[nodiscard]] inline bool are_booleans(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte <= 1; });
}

/// @throws Error when two tensors have one name
inline void refuse_twins(const std::vector<StoredTensor>& tensors) {
  std::vector<std::string_view> names;
  for (const StoredTensor& tensor : tensors) names.push_back(tensor.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  require(twice == names.end(), [&] { return text("the file holds two tensors named ", in_quotes(*twice)); });
}

}  // namespace lumen::io
