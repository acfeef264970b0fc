// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/parse_npy.hpp>
#include <lumen/io/raster_tensor.hpp>

namespace lumen::io {

/// The array of a .npy file that lies in memory, on the CPU and contiguous, whatever order the file has.
/// bool, int8 to int64, uint8, float16 to float64 keep their type; uint16 becomes int32 and uint32 becomes
/// int64.
/// @throws Error for anything that is not an npy array of these types, whole and nothing more
[[nodiscard]] inline Tensor decode_npy(std::span<const std::uint8_t> file) {
  const NpyHeader header = parse_npy(file);
  if (header.fortran || header.swapped || header.sample == Sample::Bool)
    return elements_to_tensor(npy_elements(file, header).data(), header.sample, header.shape);
  return elements_to_tensor(file.data() + header.offset, header.sample, header.shape);
}

/// The array of a .npy file; see `decode_npy`.
/// @throws Error naming the path: missing, a folder, empty, truncated, damaged, above 2 GiB, unsupported type
[[nodiscard]] inline Tensor read_npy(const std::filesystem::path& path) {
  return naming(path, [&] { return decode_npy(read_file(path)); });
}

/// What a .npy file of this type and shape begins with: format 1.0, C order, this machine's byte order.
/// @throws Error for more than 32 axes
[[nodiscard]] inline std::vector<std::uint8_t> npy_head(Sample sample, at::IntArrayRef shape) {
  require(shape.size() <= 32, "an npy array has at most 32 axes; reshape the tensor");
  static constexpr std::string_view codes[] = {"b1", "u1", "u2", "u4", "i1", "i2",
                                               "i4", "i8", "f2", "f4", "f8"};
  const char order = bytes_of(sample) == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  std::string head = text("{'descr': '", order, codes[static_cast<std::size_t>(sample)],
                          "', 'fortran_order': False, 'shape': (");
  for (const std::int64_t side : shape) head += text(side, shape.size() == 1 ? "," : ", ");
  if (shape.size() > 1) head.resize(head.size() - 2);
  head += "), }";
  head.resize((10 + head.size() + 1 + 63) / 64 * 64 - 10, ' ');
  head.back() = '\n';
  std::vector<std::uint8_t> out = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  out.push_back(static_cast<std::uint8_t>(head.size() & 0xFFu));
  out.push_back(static_cast<std::uint8_t>(head.size() >> 8));
  out.insert(out.end(), head.begin(), head.end());
  return out;
}

/// The tensor as a .npy file in memory: format 1.0, C order, this machine's byte order. Any shape, any
/// device; bool, uint8, int8 to int64, float16 to float64.
/// @throws Error for other types, an undefined tensor, or more than 32 axes
[[nodiscard]] inline std::vector<std::uint8_t> encode_npy(const Tensor& tensor) {
  require(tensor.defined(), "cannot write an undefined tensor as npy");
  const Sample sample = sample_of(tensor);
  std::vector<std::uint8_t> out = npy_head(sample, tensor.sizes());
  const Tensor whole = tensor.detach().to(at::kCPU).contiguous();
  const std::size_t size = static_cast<std::size_t>(whole.numel()) * bytes_of(sample);
  const auto* from = static_cast<const std::uint8_t*>(whole.data_ptr());
  out.insert(out.end(), from, from + size);
  return out;
}

/// Writes the tensor as a .npy file, which numpy.load reads; see `encode_npy`.
/// @throws Error naming the path
inline void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  naming(path, [&] { write_file(path, encode_npy(tensor)); });
}

}  // namespace lumen::io
