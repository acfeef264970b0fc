// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ATen/core/ivalue.h>

#include <lumen/core/error.hpp>

/// One name for each thing that operators do: LibTorch has several for most.
namespace lumen::trace {

namespace detail {

using Names = std::unordered_map<std::string_view, std::string_view>;

/// Operators that compute a convolution, by how many dimensions it has; 0 where its weight tells.
inline const std::unordered_map<std::string_view, std::int64_t>& convolutions() {
  static const std::unordered_map<std::string_view, std::int64_t> names{{"_conv_depthwise2d", 2},
                                                                        {"_convolution", 0},
                                                                        {"_convolution_mode", 0},
                                                                        {"_mps_convolution", 0},
                                                                        {"_mps_convolution_transpose", 0},
                                                                        {"_nnpack_spatial_convolution", 2},
                                                                        {"_slow_conv2d_forward", 2},
                                                                        {"conv_depthwise3d", 3},
                                                                        {"convolution", 0},
                                                                        {"convolution_overrideable", 0},
                                                                        {"cudnn_convolution", 0},
                                                                        {"cudnn_convolution_transpose", 0},
                                                                        {"miopen_convolution", 0},
                                                                        {"miopen_convolution_transpose", 0},
                                                                        {"miopen_depthwise_convolution", 0},
                                                                        {"mkldnn_convolution", 0},
                                                                        {"slow_conv3d", 3},
                                                                        {"slow_conv3d_forward", 3},
                                                                        {"slow_conv_dilated2d", 2},
                                                                        {"slow_conv_dilated3d", 3},
                                                                        {"slow_conv_transpose2d", 2},
                                                                        {"slow_conv_transpose3d", 3},
                                                                        {"thnn_conv2d", 2}};
  return names;
}

/// Names of the same function, or of its kernels and the decompositions of exporters.
inline const Names& synonyms() {
  static const Names names{
      // functions with two names
      {"absolute", "abs"},
      {"arccos", "acos"},
      {"arccosh", "acosh"},
      {"arcsin", "asin"},
      {"arcsinh", "asinh"},
      {"arctan", "atan"},
      {"arctan2", "atan2"},
      {"arctanh", "atanh"},
      {"clip", "clamp"},
      {"concat", "cat"},
      {"concatenate", "cat"},
      {"divide", "div"},
      {"true_divide", "div"},
      {"fix", "trunc"},
      {"linalg_matmul", "matmul"},
      {"linalg_multi_dot", "chain_matmul"},
      {"moveaxis", "movedim"},
      {"multiply", "mul"},
      {"negative", "neg"},
      {"row_stack", "vstack"},
      {"special_digamma", "digamma"},
      {"special_erf", "erf"},
      {"special_erfc", "erfc"},
      {"special_erfinv", "erfinv"},
      {"special_exp2", "exp2"},
      {"special_expit", "sigmoid"},
      {"special_expm1", "expm1"},
      {"special_gammaln", "lgamma"},
      {"special_i0", "i0"},
      {"special_log1p", "log1p"},
      {"special_log_softmax", "log_softmax"},
      {"special_logit", "logit"},
      {"special_logsumexp", "logsumexp"},
      {"special_psi", "digamma"},
      {"special_round", "round"},
      {"special_sinc", "sinc"},
      {"special_softmax", "softmax"},
      {"special_xlogy", "xlogy"},
      {"subtract", "sub"},
      // softmax and attention
      {"_log_softmax", "log_softmax"},
      {"_safe_softmax", "softmax"},
      {"_softmax", "softmax"},
      {"_scaled_dot_product_attention", "scaled_dot_product_attention"},
      {"_scaled_dot_product_attention_forward", "scaled_dot_product_attention"},
      {"_scaled_dot_product_attention_math", "scaled_dot_product_attention"},
      {"_scaled_dot_product_attention_math_for_mps", "scaled_dot_product_attention"},
      {"_scaled_dot_product_cudnn_attention", "scaled_dot_product_attention"},
      {"_scaled_dot_product_efficient_attention", "scaled_dot_product_attention"},
      {"_scaled_dot_product_flash_attention", "scaled_dot_product_attention"},
      {"_scaled_dot_product_flash_attention_for_cpu", "scaled_dot_product_attention"},
      {"_scaled_dot_product_fused_attention_overrideable", "scaled_dot_product_attention"},
      // norms
      {"_batch_norm_impl_index", "batch_norm"},
      {"_batch_norm_no_update", "batch_norm"},
      {"_batch_norm_with_update", "batch_norm"},
      {"_batch_norm_with_update_functional", "batch_norm"},
      {"_native_batch_norm_legit", "batch_norm"},
      {"_native_batch_norm_legit_functional", "batch_norm"},
      {"_native_batch_norm_legit_no_training", "batch_norm"},
      {"cudnn_batch_norm", "batch_norm"},
      {"miopen_batch_norm", "batch_norm"},
      {"native_batch_norm", "batch_norm"},
      {"_fused_rms_norm", "rms_norm"},
      {"native_group_norm", "group_norm"},
      {"native_layer_norm", "layer_norm"},
      // pools
      {"_adaptive_avg_pool2d", "adaptive_avg_pool2d"},
      {"_adaptive_avg_pool3d", "adaptive_avg_pool3d"},
      {"max_pool1d_with_indices", "max_pool1d"},
      {"max_pool2d_with_indices", "max_pool2d"},
      {"max_pool3d_with_indices", "max_pool3d"},
      {"_mps_max_pool2d", "max_pool2d"},
      {"mkldnn_adaptive_avg_pool2d", "adaptive_avg_pool2d"},
      {"mkldnn_max_pool2d", "max_pool2d"},
      {"mkldnn_max_pool3d", "max_pool3d"},
      // activations and the rest
      {"_aminmax", "aminmax"},
      {"_grid_sampler_2d_cpu_fallback", "grid_sampler"},
      {"_index_put_impl", "index_put"},
      {"_lazy_clone", "clone"},
      {"_neg_view", "neg"},
      {"_prelu_kernel", "prelu"},
      {"_stack", "stack"},
      {"cudnn_affine_grid_generator", "affine_grid_generator"},
      {"cudnn_grid_sampler", "grid_sampler"},
      {"grid_sampler_2d", "grid_sampler"},
      {"grid_sampler_3d", "grid_sampler"},
      {"log_sigmoid_forward", "log_sigmoid"},
      {"mkldnn_linear", "linear"},
      {"native_channel_shuffle", "channel_shuffle"},
      {"native_dropout", "dropout"},
      {"rrelu_with_noise", "rrelu"},
      {"rrelu_with_noise_functional", "rrelu"},
      {"_unsafe_index", "index"},
      {"_unsafe_index_put", "index_put"},
      {"_unsafe_view", "view"},
      {"unsafe_chunk", "chunk"},
      {"unsafe_split", "split"},
      {"unsafe_split_with_sizes", "split_with_sizes"}};
  return names;
}

/// What functionalised programs call views: "permute_copy".
inline std::string without_copy(std::string name) {
  static constexpr std::string_view suffix = "_copy";
  if (name == "index_copy" || name == "_to_copy") return name;
  if (name.size() > suffix.size() && name.ends_with(suffix)) {
    name.resize(name.size() - suffix.size());
  }
  return name;
}

}  // namespace detail

/// The name under which an operator's kind is known: without the underscore of the in-place form, and one for all
/// names of a function ("multiply" is "mul", "_softmax" is "softmax", "native_layer_norm" is "layer_norm").
inline std::string kind_named(std::string name) {
  if (name.size() > 1 && name.back() == '_' && !name.ends_with("__")) name.pop_back();
  name = detail::without_copy(std::move(name));
  const auto found = detail::synonyms().find(name);
  return found == detail::synonyms().end() ? name : std::string(found->second);
}

}  // namespace lumen::trace
