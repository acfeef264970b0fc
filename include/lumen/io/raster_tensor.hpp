// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/raster.hpp>

namespace lumen::io {

/// The element type of the tensor that samples become. LibTorch 1.13 has no unsigned 16- and 32-bit tensors:
/// uint16 becomes int32 and uint32 becomes int64, with the same values.
[[nodiscard]] constexpr at::ScalarType scalar_type_of(Sample sample) {
  constexpr at::ScalarType types[] = {at::kBool, at::kByte, at::kInt,  at::kLong,  at::kChar,  at::kShort,
                                      at::kInt,  at::kLong, at::kHalf, at::kFloat, at::kDouble};
  return types[static_cast<std::size_t>(sample)];
}

/// A tensor of its own from elements in C order and this machine's byte order.
/// @param bytes  exactly the elements of `shape`
[[nodiscard]] inline Tensor elements_to_tensor(const std::uint8_t* bytes, Sample sample,
                                               at::IntArrayRef shape) {
  Tensor out = at::empty(shape, scalar_type_of(sample));
  const auto count = static_cast<std::size_t>(out.numel());
  const auto widen = [&](auto narrow, auto* to) {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(&narrow, bytes + i * sizeof(narrow), sizeof(narrow));
      to[i] = narrow;
    }
  };
  if (count == 0) return out;
  if (sample == Sample::U16) {
    widen(std::uint16_t{}, out.data_ptr<std::int32_t>());
  } else if (sample == Sample::U32) {
    widen(std::uint32_t{}, out.data_ptr<std::int64_t>());
  } else {
    std::memcpy(out.data_ptr(), bytes, count * bytes_of(sample));
  }
  return out;
}

/// [C, H, W] with the same values; see `scalar_type_of` for its type.
[[nodiscard]] inline Tensor to_tensor(const Raster& image) {
  return elements_to_tensor(image.bytes.data(), image.sample, {image.channels, image.height, image.width});
}

/// The sample of a tensor's own element type.
/// @throws Error for a type that files do not hold (bfloat16, complex, quantised)
[[nodiscard]] inline Sample sample_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBool:
      return Sample::Bool;
    case at::kByte:
      return Sample::U8;
    case at::kChar:
      return Sample::I8;
    case at::kShort:
      return Sample::I16;
    case at::kInt:
      return Sample::I32;
    case at::kLong:
      return Sample::I64;
    case at::kHalf:
      return Sample::F16;
    case at::kFloat:
      return Sample::F32;
    case at::kDouble:
      return Sample::F64;
    default:
      throw Error(text("cannot write a tensor of type ", tensor.scalar_type(),
                       "; convert it first, for example with tensor.to(at::kFloat)"));
  }
}

/// [C, H, W] or [H, W] (one channel), on any device, as a raster. `store` U16 or U32 stores an integer tensor
/// as these, when all its values fit; without it the samples are the tensor's own.
/// @throws Error for another number of axes, an empty or undefined tensor, values that do not fit
[[nodiscard]] inline Raster to_raster(const Tensor& image, std::optional<Sample> store = std::nullopt) {
  require(image.defined(), "cannot write an undefined tensor");
  require(image.dim() == 2 || image.dim() == 3, [&] {
    return text("an image is [C, H, W] or [H, W], but the tensor is ", image.sizes(),
                image.dim() == 4 ? "; pick one sample, x[0]" : "");
  });
  const Sample sample = store.value_or(sample_of(image));
  Raster out{.channels = image.dim() == 3 ? image.size(0) : 1,
             .height = image.size(-2),
             .width = image.size(-1),
             .sample = sample};
  out.bytes.resize(raster_bytes(out.channels, out.height, out.width, sample, "the tensor"));
  Tensor whole = image.detach().to(at::kCPU).contiguous();
  if (sample == sample_of(image)) {
    std::memcpy(out.bytes.data(), whole.data_ptr(), out.bytes.size());
    return out;
  }
  require((sample == Sample::U16 || sample == Sample::U32) && !image.is_floating_point(), [&] {
    return text("a tensor of type ", image.scalar_type(), " is not stored as ", name_of(sample),
                "; convert the tensor first");
  });
  whole = whole.to(at::kLong);
  const std::int64_t top = sample == Sample::U16 ? 65535 : 4294967295;
  const std::size_t size = bytes_of(sample);
  const auto* from = whole.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < out.bytes.size() / size; ++i) {
    require(from[i] >= 0 && from[i] <= top, [&] {
      return text("the image is stored as ", name_of(sample), ", but it holds ", from[i], "; clamp it to 0..",
                  top);
    });
    const auto value = static_cast<std::uint32_t>(from[i]);
    const auto half = static_cast<std::uint16_t>(from[i] & 0xFFFF);
    std::memcpy(out.bytes.data() + i * size, size == 2 ? static_cast<const void*>(&half) : &value, size);
  }
  return out;
}

}  // namespace lumen::io
