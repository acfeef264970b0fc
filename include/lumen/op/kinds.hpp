// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

/// The operators of networks by what they do to the values on the path; kinds as trace::kind_of, so that every name of
/// a function is one ("true_divide" is "div", "native_layer_norm" is "layer_norm").
namespace lumen::op {

struct Kinds : std::set<std::string> {
  using set::set;
};

/// The values of several together.
[[nodiscard]] inline Kinds operator|(Kinds a, const Kinds& b) {
  a.insert(b.begin(), b.end());
  return a;
}

/// Those of a list, between blanks.
[[nodiscard]] inline Kinds listed(std::string_view names) {
  Kinds result;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    result.emplace(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return result;
}

namespace kinds {

/// Values move, are repeated or left out, none changes: the operator's own gradient moves them back.
inline const Kinds moves = listed(
    "_pack_padded_sequence _pad_packed_sequence _reshape _reshape_alias _to_copy _unsafe_masked_index "
    "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d alias as_strided "
    "block_diag broadcast_tensors broadcast_to cat channel_shuffle chunk clone column_stack constant_pad_nd "
    "contiguous copy detach diag diag_embed diagflat diagonal dstack expand expand_as flatten flip gather "
    "hstack im2col index index_select lift lift_fresh mT masked_select max_unpool2d max_unpool3d movedim "
    "narrow numpy_T pad permute pixel_shuffle pixel_unshuffle positive ravel reflection_pad1d "
    "reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d "
    "replication_pad3d reshape reshape_as resolve_conj resolve_neg roll rot90 select slice split "
    "split_with_sizes squeeze stack swapaxes swapdims t take take_along_dim tensor_split tile to transpose "
    "tril triu type_as unbind unflatten unfold unsqueeze upsample_nearest1d upsample_nearest2d "
    "upsample_nearest3d view view_as vstack");

/// Values take the places of others: moves, if the places are the same for all inputs.
inline const Kinds placements = listed(
    "as_strided_scatter diagonal_scatter fill fill_diagonal index_copy index_fill masked_fill masked_scatter "
    "select_scatter slice_scatter where zero");

/// As placements, unless they are told to add or to combine.
inline const Kinds scatters = listed("index_put put scatter");

/// Identity in evaluation mode, or if nothing is dropped.
inline const Kinds dropouts = listed("alpha_dropout dropout feature_alpha_dropout feature_dropout");

/// Sums of several values, with constant weights.
inline const Kinds sums = listed("add cumsum mean nansum neg rsub sub sum trace");

/// Sums whose places are given: linear in all that they add.
inline const Kinds gatherings = listed("_unsafe_masked_index_put_accumulate col2im index_add scatter_add");

/// Averages over windows, linear in their one tensor.
inline const Kinds averages = listed(
    "_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d mean upsample_bicubic2d "
    "upsample_bilinear2d upsample_linear1d upsample_trilinear3d");

/// Interpolation at given places: linear in the values, not in the places.
inline const Kinds sampling = listed("affine_grid_generator grid_sampler");

/// Weighted sums: linear in the data with constant weights, bilinear when both depend on the input.
inline const Kinds weighted = listed(
    "addmm baddbmm bmm conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d einsum linear "
    "matmul mm");

/// Scaling: linear with a constant factor, bilinear when both depend on the input.
inline const Kinds products = listed("div mul");

/// Linear in each of several values: sums of products without weights' channels.
inline const Kinds multilinear = listed(
    "_trilinear bilinear chain_matmul conv_tbc cross dot ger inner kron linalg_cross linalg_vecdot mv outer "
    "tensordot vdot");

/// An affine map of each channel, in evaluation mode.
inline const Kinds norms_fixed = listed("batch_norm");

/// Their statistics depend on the data.
inline const Kinds norms_adaptive = listed("group_norm instance_norm layer_norm rms_norm");

/// Rectifiers and their smooth relatives, elementwise.
inline const Kinds rectifiers = listed(
    "celu clamp clamp_min elu gelu hardshrink hardswish hardtanh leaky_relu mish prelu relu relu6 rrelu selu "
    "silu softplus softshrink threshold");

/// Squashing and other functions of one value, elementwise.
inline const Kinds squashers = listed(
    "abs acos acosh asin asinh atan atanh clamp_max cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 "
    "hardsigmoid i0 lgamma log log10 log1p log2 log_sigmoid logit mvlgamma nan_to_num polygamma rad2deg "
    "reciprocal rsqrt sigmoid sin sinc sinh softsign special_entr special_erfcx special_i0e special_i1 "
    "special_i1e special_log_ndtr special_ndtr special_ndtri sqrt square tan tanh");

/// Functions of two values, elementwise; of one where the other is constant.
inline const Kinds binaries =
    listed("atan2 copysign float_power fmod hypot logaddexp logaddexp2 pow remainder special_xlog1py xlogy");

/// Flat but for jumps, elementwise.
inline const Kinds steps = listed("ceil floor frac heaviside round sgn sign trunc");

/// Place by place, of one value or of several that are broadcast.
inline const Kinds pointwise =
    rectifiers | squashers | binaries | steps | dropouts | products |
    listed("add addcdiv addcmul fmax fmin lerp masked_fill maximum minimum neg rsub sub where");

/// The largest or smallest of a window or a row.
inline const Kinds maxima = listed(
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d amax amin cummax cummin "
    "fractional_max_pool2d "
    "fractional_max_pool3d max max_pool1d max_pool2d max_pool3d min");

/// The larger or smaller of two values, or of a row.
inline const Kinds extrema = listed("fmax fmin max maximum min minimum");

/// The values that come at given places when a row is put in order.
inline const Kinds ranks = listed("kthvalue median nanmedian sort topk");

/// Over a row.
inline const Kinds softmaxes = listed("log_softmax logsumexp softmax");

/// What is several of the above one after another; `rule::parts` knows how, where a method has no rule of its own.
inline const Kinds composed = listed(
    "_add_relu _addmm_activation _cdist_forward _euclidean_dist _pdist_forward _thnn_fused_gru_cell "
    "_thnn_fused_lstm_cell addbmm addcdiv addcmul addmv addr aminmax binary_cross_entropy "
    "binary_cross_entropy_with_logits cdist cosine_similarity "
    "cudnn_convolution_relu dist frobenius_norm glu gru gru_cell huber_loss hypot l1_loss ldexp lerp "
    "linalg_norm "
    "linalg_vector_norm logaddexp logaddexp2 lstm lstm_cell mkldnn_rnn_layer mse_loss norm pairwise_distance "
    "pdist prod "
    "rms_norm rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell scaled_dot_product_attention smooth_l1_loss "
    "soft_margin_loss std std_mean var "
    "var_mean");

/// What has a derivative and rectifies nothing; no rule but that is known.
inline const Kinds others = listed(
    "_conj _conj_physical _ctc_loss _embedding_bag _embedding_bag_forward_only _fft_c2c _fft_c2r _fft_r2c "
    "_linalg_det _linalg_eigh _linalg_slogdet _linalg_solve_ex _linalg_svd _logcumsumexp _masked_softmax "
    "_segment_reduce _weight_norm_interface angle "
    "cholesky cholesky_inverse cholesky_solve complex conj conj_physical cumprod det embedding "
    "fft_fft fft_fft2 fft_fftn fft_fftshift fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ifftshift fft_ihfft "
    "fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn "
    "i1 igamma igammac imag index_reduce inverse istft kl_div linalg_cholesky_ex "
    "linalg_det linalg_eig linalg_eigh linalg_householder_product linalg_inv linalg_inv_ex linalg_lstsq "
    "linalg_lu linalg_lu_factor_ex linalg_lu_solve linalg_matrix_exp linalg_pinv linalg_qr linalg_slogdet "
    "linalg_solve linalg_solve_triangular linalg_svd logcumsumexp logdet lu_solve lu_unpack "
    "matrix_exp mode multi_margin_loss multilabel_margin_loss_forward nll_loss nll_loss2d nll_loss2d_forward "
    "nll_loss_forward norm_except_dim ormqr polar real renorm scatter_reduce segment_reduce slogdet "
    "stft triangular_solve view_as_complex view_as_real");

}  // namespace kinds

}  // namespace lumen::op
