// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <lumen/op/detail/arrange.hpp>
#include <lumen/op/detail/mixing.hpp>
#include <lumen/op/detail/sliding.hpp>
#include <lumen/op/kinds.hpp>

namespace lumen::op::detail {

using Entry = Geometry (*)(const Subject&);

/// The geometry of each kind of operator, or by its own name where that matters; convolutions are told by their arguments.
inline const std::map<std::string, Entry, std::less<>>& entries() {
  static const std::map<std::string, Entry, std::less<>> table = [] {
    std::map<std::string, Entry, std::less<>> all;
    const auto put_all = [&](Entry entry, const Kinds& names) {
      for (const std::string& name : names) all[name] = entry;
    };
    const auto put = [&](Entry entry, std::string_view names) { put_all(entry, listed(names)); };
    put_all(pointwise, kinds::pointwise);
    put(pointwise,
        "bitwise_and bitwise_not bitwise_or bitwise_xor eq floor_divide ge gt greater greater_equal "
        "isfinite isinf isnan le less less_equal logical_and logical_not logical_or logical_xor lt ne "
        "not_equal _prelu_kernel signbit");
    put(unread, "zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty");
    put(copied, "alias clone contiguous detach lift_fresh to _to_copy type_as positive");
    put(overwritten, "copy");
    put(where, "where");
    put(channelwise, "prelu");
    put(glu, "glu");
    put(batch_norm, "batch_norm");
    put(pool, "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d");
    put(adaptive_pool,
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d "
        "adaptive_max_pool2d adaptive_max_pool3d");
    put(upsample,
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d "
        "_upsample_nearest_exact2d _upsample_nearest_exact3d upsample_linear1d "
        "upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa "
        "_upsample_bicubic2d_aa");
    put(reshaped, "flatten ravel reshape reshape_as _reshape_alias squeeze unflatten unsqueeze view view_as");
    put(permute, "permute");
    put(transpose, "swapaxes swapdims t mT numpy_T transpose");
    put(movedim, "movedim");
    put(cat, "cat hstack vstack dstack");
    put(stack, "stack");
    put(select, "select");
    put(unbind, "unbind");
    put(split, "chunk split split_with_sizes tensor_split hsplit dsplit");
    put(narrow, "narrow slice");
    put(index_select, "index_select");
    put(index, "index");
    put(unfold, "unfold");
    put(columns, "im2col col2im");
    put(unpool, "max_unpool2d max_unpool3d");
    put(flip, "flip fliplr flipud");
    put(roll, "roll");
    put(repeat, "repeat tile");
    put(repeat_interleave, "repeat_interleave");
    put(expand, "expand expand_as broadcast_to");
    put(pad,
        "constant_pad_nd pad reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d "
        "replication_pad2d replication_pad3d _pad_circular");
    put(pixel_shuffle, "pixel_shuffle");
    put(pixel_unshuffle, "pixel_unshuffle");
    put(channel_shuffle, "channel_shuffle");
    put(reduction,
        "all amax amin any argmax argmin count_nonzero frobenius_norm linalg_vector_norm "
        "logsumexp max mean median min nanmean nansum norm prod std sum var");
    put(over_rows, "log_softmax softmax softmin sort argsort topk");
    put(cumulative, "cumsum cumprod cummax cummin logcumsumexp");
    put(layer_norm, "layer_norm rms_norm");
    put(group_norm, "group_norm");
    put(instance_norm, "instance_norm");
    put(linear, "linear");
    put(product, "addmm _addmm_activation baddbmm bmm matmul mm");
    put(attention, "scaled_dot_product_attention");
    put(einsum, "einsum");
    put(grid_sampler, "grid_sampler");
    return all;
  }();
  return table;
}

/// The entry of a step; null if there is none.
inline Entry entry_of(const trace::Step& step) {
  if (!step.op.schema().name().starts_with("aten::")) return nullptr;
  auto found = entries().find(bare_name(step));
  if (found == entries().end()) found = entries().find(step.kind);
  return found == entries().end() ? nullptr : found->second;
}

}  // namespace lumen::op::detail
