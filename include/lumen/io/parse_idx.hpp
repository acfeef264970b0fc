// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lumen/core/error.hpp>

namespace lumen::io {

/// An array of bytes out of an IDX file, the format of MNIST: a view into the file.
struct IdxBytes {
  std::vector<std::int64_t> shape{};
  std::span<const std::uint8_t> elements{};
};

/// Reads an IDX file of unsigned bytes that lies in memory: two zeros, the type 0x08, the number of axes, the
/// sides as big-endian 32-bit numbers, then the elements in C order, which must fill the rest exactly.
/// Format: LeCun, Cortes and Burges, yann.lecun.com/exdb/mnist.
/// @throws Error when anything is not so
[[nodiscard]] inline IdxBytes parse_idx(std::span<const std::uint8_t> file) {
  require(file.size() >= 4 && file[0] == 0 && file[1] == 0,
          "not an IDX file (it does not start with two zeros); is it MNIST's?");
  require(file[2] == 0x08, [&] {
    return text("an IDX file of type ", int{file[2]}, " is not supported; expected 8, unsigned bytes");
  });
  const std::size_t axes = file[3];
  require(axes >= 1 && axes <= 4,
          [&] { return text("an IDX file of ", axes, " axes is not supported; expected 1 to 4"); });
  require(file.size() >= 4 + 4 * axes, "truncated IDX file: its header is cut off; copy it again");
  IdxBytes found{.elements = file.subspan(4 + 4 * axes)};
  std::size_t count = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    std::uint32_t side = 0;
    for (std::size_t i = 0; i < 4; ++i) side = (side << 8) | file[4 + 4 * axis + i];
    require(side >= 1 && side <= found.elements.size() / count, [&] {
      return text("truncated or damaged IDX file: it announces ", side, " along axis ", axis, ", and ",
                  found.elements.size(), " bytes follow its header; copy or download it again");
    });
    count *= side;
    found.shape.push_back(side);
  }
  require(count == found.elements.size(), [&] {
    return text("damaged IDX file: ", count, " elements are announced and ", found.elements.size(),
                " follow; copy or download it again");
  });
  return found;
}

}  // namespace lumen::io
