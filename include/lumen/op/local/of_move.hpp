// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/block.hpp>
#include <lumen/op/local/convolution.hpp>
#include <lumen/op/local/map.hpp>
#include <lumen/op/local/place.hpp>
#include <lumen/op/local/resample.hpp>
#include <lumen/trace/apply.hpp>

/// Operators that move values, as maps of patches.
namespace lumen::op::local::detail {

/// Each element of the result is one of the operand, whatever the values are.
inline const std::set<std::string> moves{"alias",
                                         "chunk",
                                         "channel_shuffle",
                                         "clone",
                                         "contiguous",
                                         "copy",
                                         "expand",
                                         "expand_as",
                                         "flip",
                                         "index_select",
                                         "lift_fresh",
                                         "narrow",
                                         "narrow_copy",
                                         "native_channel_shuffle",
                                         "pad",
                                         "_pad_circular",
                                         "_pad_enum",
                                         "reflection_pad2d",
                                         "repeat",
                                         "replication_pad2d",
                                         "reshape",
                                         "reshape_as",
                                         "_reshape_alias",
                                         "roll",
                                         "slice",
                                         "slice_copy",
                                         "split",
                                         "split_with_sizes",
                                         "tensor_split",
                                         "to",
                                         "_to_copy",
                                         "type_as",
                                         "unsafe_chunk",
                                         "unsafe_split",
                                         "unsafe_split_with_sizes",
                                         "_unsafe_view",
                                         "view",
                                         "view_as",
                                         "_conj"};

/// 1 where the result's place is the operand's, [result, operand].
inline Tensor selection(const Tensor& places, std::int64_t size, const Tensor& like) {
  return places.to(at::kLong).unsqueeze(1).eq(at::arange(size, at::kLong)).to(like.scalar_type());
}

inline LocalMapPtr place_of_part(const trace::Step& step, std::size_t operand, const Plane& from,
                                 const Plane& to) {
  const c10::IValue dim = step.argument("dim");
  const std::int64_t axis = dim.isInt() ? (dim.toInt() + 4) % 4 : 0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < operand; ++i) {
    if (step.operands[i].sizes.size() == 4) before += step.operands[i].sizes[static_cast<std::size_t>(axis)];
  }
  PlaceMap::Offset offset;
  (axis == 1 ? offset.channel : axis == 2 ? offset.row : offset.column) = before;
  return axis == 0 ? nullptr : LocalMapPtr(new PlaceMap(from, to, offset));
}

inline LocalMapPtr place_of_padding(const trace::Step& step, const Plane& from, const Plane& to) {
  std::vector<std::int64_t> pad = step.argument("pad").toIntVector();
  pad.resize(8, 0);
  if (pad[6] != 0 || pad[7] != 0) return nullptr;
  return LocalMapPtr(new PlaceMap(from, to, {.channel = pad[4], .row = pad[2], .column = pad[0]}));
}

inline LocalMapPtr move_of(const trace::Step& step, std::size_t operand, const Tensors& operands,
                           std::size_t which, const Plane& from, const Plane& to) {
  const std::string& kind = step.kind;
  if (kind == "cat" || kind == "concat" || kind == "concatenate")
    return place_of_part(step, operand, from, to);
  const c10::IValue mode = step.argument("mode");
  if (kind == "constant_pad_nd" || (kind == "pad" && mode.isString() && mode.toStringRef() == "constant")) {
    return place_of_padding(step, from, to);
  }
  if (kind == "pixel_shuffle" || kind == "pixel_unshuffle") {
    const bool finer = kind == "pixel_shuffle";
    return LocalMapPtr(
        new ShuffleMap(from, to, finer ? to.height / from.height : from.height / to.height, finer));
  }
  if (!moves.contains(kind) || operand != 0) return nullptr;
  // what it does to the places, and to the channels, told by moving their numbers
  const Tensor value = operands[0];
  const auto where = [&](const Tensor& numbers) {
    Tensors given = operands;
    given[0] = numbers.to(value.device(), at::kDouble).expand(value.sizes());
    return trace::apply(step, given)[which].to(at::kDouble).cpu().select(0, 0);
  };
  const Tensor row = where(at::arange(from.height).view({1, 1, -1, 1}));
  const Tensor column = where(at::arange(from.width).view({1, 1, 1, -1}));
  const Tensor channel = where(at::arange(from.channels).view({1, -1, 1, 1}));
  if (row.dim() != 3) return nullptr;
  const Tensor rows = row.select(0, 0).select(1, 0), columns = column.select(0, 0).select(0, 0);
  const Tensor channels = channel.select(1, 0).select(1, 0);
  if (!row.eq(rows.view({1, -1, 1})).all().item<bool>() ||
      !column.eq(columns.view({1, 1, -1})).all().item<bool>() ||
      !channel.eq(channels.view({-1, 1, 1})).all().item<bool>()) {
    return nullptr;
  }
  const auto consecutive = [](const Tensor& places) {
    return at::equal(places, places[0] + at::arange(places.size(0), places.options()));
  };
  const bool in_place = consecutive(rows) && consecutive(columns), together = consecutive(channels);
  if (in_place && together) {
    return LocalMapPtr(new PlaceMap(from, to,
                                    {.channel = -channels[0].item<std::int64_t>(),
                                     .row = -rows[0].item<std::int64_t>(),
                                     .column = -columns[0].item<std::int64_t>()}));
  }
  if (in_place && from.height == to.height && from.width == to.width) {
    const Tensor weight = selection(channels, from.channels, value).view({to.channels, from.channels, 1, 1});
    return LocalMapPtr(new ConvolutionMap(from, to, weight.to(value.device()), {}, 1, false));
  }
  if (!together || from.channels != to.channels) return nullptr;
  return LocalMapPtr(
      new ResampleMap(from, to, selection(rows, from.height, value), selection(columns, from.width, value)));
}

}  // namespace lumen::op::local::detail
