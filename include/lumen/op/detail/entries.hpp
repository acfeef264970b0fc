// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>

#include <lumen/op/detail/arrange.hpp>
#include <lumen/op/detail/mixing.hpp>
#include <lumen/op/detail/sliding.hpp>

namespace lumen::op::detail {

using Entry = Geometry (*)(const Subject&);

/// The geometry of each operator by its bare name; convolutions are told by their arguments.
inline const std::map<std::string_view, Entry>& entries() {
  static const std::map<std::string_view, Entry> table = [] {
    std::map<std::string_view, Entry> all;
    const auto put = [&](Entry entry, std::string_view names) {
      while (!names.empty()) {
        const std::size_t end = std::min(names.find(' '), names.size());
        all[names.substr(0, end)] = entry;
        names.remove_prefix(std::min(end + 1, names.size()));
      }
    };
    put(pointwise,
        "abs absolute acos acosh add addcdiv addcmul alpha_dropout arccos arcsin arctan asin "
        "asinh atan atan2 arctan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil celu "
        "clamp clamp_max clamp_min clip copysign cos cosh deg2rad digamma div divide dropout elu "
        "eq erf erfc erfinv exp exp2 expm1 fix float_power floor floor_divide fmax fmin fmod frac "
        "ge gelu gt greater greater_equal hardshrink hardsigmoid hardswish hardtanh heaviside "
        "hypot isfinite isinf isnan le leaky_relu lerp less less_equal lgamma log log10 log1p "
        "log2 log_sigmoid log_sigmoid_forward logaddexp logaddexp2 logical_and logical_not "
        "logical_or logical_xor logit lt masked_fill maximum minimum mish mul multiply mvlgamma "
        "nan_to_num ne neg negative not_equal pow _prelu_kernel rad2deg reciprocal relu relu6 "
        "remainder round rrelu rsqrt rsub selu sgn sigmoid sign signbit silu sin sinc sinh "
        "softplus softshrink special_erf special_expit special_exp2 special_expm1 special_log1p "
        "special_ndtr sqrt square sub subtract tan tanh threshold true_divide trunc xlogy "
        "native_dropout feature_dropout feature_alpha_dropout");
    put(unread, "zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty");
    put(copied,
        "alias clone contiguous detach lift_fresh lift_fresh_copy to _to_copy type_as positive "
        "detach_copy");
    put(overwritten, "copy");
    put(where, "where");
    put(channelwise, "prelu");
    put(glu, "glu");
    put(batch_norm,
        "batch_norm native_batch_norm cudnn_batch_norm miopen_batch_norm _batch_norm_impl_index "
        "_native_batch_norm_legit _native_batch_norm_legit_no_training _batch_norm_no_update");
    put(pool,
        "max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices "
        "max_pool3d_with_indices mkldnn_max_pool2d mkldnn_max_pool3d avg_pool1d avg_pool2d "
        "avg_pool3d");
    put(adaptive_pool,
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d "
        "_adaptive_avg_pool3d mkldnn_adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d "
        "adaptive_max_pool3d");
    put(upsample,
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d "
        "_upsample_nearest_exact2d _upsample_nearest_exact3d upsample_linear1d "
        "upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa "
        "_upsample_bicubic2d_aa");
    put(reshaped,
        "flatten ravel reshape reshape_as _reshape_alias squeeze unflatten unsqueeze _unsafe_view "
        "view view_as view_copy unsqueeze_copy squeeze_copy");
    put(permute, "permute permute_copy");
    put(transpose, "swapaxes swapdims t mT numpy_T transpose transpose_copy t_copy");
    put(movedim, "movedim moveaxis");
    put(cat, "cat concat concatenate hstack vstack dstack");
    put(stack, "stack");
    put(select, "select select_copy");
    put(unbind, "unbind unbind_copy");
    put(split,
        "chunk unsafe_chunk split split_with_sizes unsafe_split unsafe_split_with_sizes "
        "tensor_split hsplit dsplit split_copy split_with_sizes_copy");
    put(narrow, "narrow narrow_copy slice slice_copy");
    put(index_select, "index_select");
    put(index, "index");
    put(unfold, "unfold");
    put(columns, "im2col col2im");
    put(unpool, "max_unpool2d max_unpool3d");
    put(flip, "flip fliplr flipud");
    put(roll, "roll");
    put(repeat, "repeat tile");
    put(repeat_interleave, "repeat_interleave");
    put(expand, "expand expand_as broadcast_to expand_copy");
    put(pad,
        "constant_pad_nd pad reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d "
        "replication_pad2d replication_pad3d _pad_circular");
    put(pixel_shuffle, "pixel_shuffle");
    put(pixel_unshuffle, "pixel_unshuffle");
    put(channel_shuffle, "channel_shuffle native_channel_shuffle");
    put(reduction,
        "all amax amin any argmax argmin count_nonzero frobenius_norm linalg_vector_norm "
        "logsumexp max mean median min nanmean nansum norm prod std sum var");
    put(over_rows, "log_softmax _log_softmax softmax _softmax softmin sort argsort topk");
    put(cumulative, "cumsum cumprod cummax cummin logcumsumexp");
    put(layer_norm, "layer_norm native_layer_norm rms_norm");
    put(group_norm, "group_norm native_group_norm");
    put(instance_norm, "instance_norm");
    put(linear, "linear mkldnn_linear");
    put(product, "addmm _addmm_activation baddbmm bmm linalg_matmul matmul mm");
    put(attention,
        "scaled_dot_product_attention _scaled_dot_product_attention "
        "_scaled_dot_product_attention_math _scaled_dot_product_flash_attention "
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention");
    put(einsum, "einsum");
    put(grid_sampler, "grid_sampler grid_sampler_2d grid_sampler_3d");
    return all;
  }();
  return table;
}

}  // namespace lumen::op::detail
