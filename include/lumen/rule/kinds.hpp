// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <set>
#include <string>

/// The operators of convolutional networks by what they do to the values on the path; kinds as trace::kind_of.
namespace lumen::rule {

struct Kinds : std::set<std::string> {
  using set::set;
};

/// The values of several together.
[[nodiscard]] inline Kinds operator|(Kinds a, const Kinds& b) {
  a.insert(b.begin(), b.end());
  return a;
}

namespace kinds {

/// Values move, are repeated or left out, none changes: the operator's own gradient moves them back.
inline const Kinds moves{"alias",
                         "broadcast_to",
                         "cat",
                         "channel_shuffle",
                         "chunk",
                         "clone",
                         "concat",
                         "concatenate",
                         "constant_pad_nd",
                         "contiguous",
                         "copy",
                         "detach",
                         "diagonal",
                         "expand",
                         "expand_as",
                         "flatten",
                         "flip",
                         "gather",
                         "hstack",
                         "index",
                         "index_select",
                         "lift_fresh",
                         "movedim",
                         "narrow",
                         "native_channel_shuffle",
                         "pad",
                         "permute",
                         "pixel_shuffle",
                         "pixel_unshuffle",
                         "ravel",
                         "reflection_pad1d",
                         "reflection_pad2d",
                         "repeat",
                         "repeat_interleave",
                         "replication_pad1d",
                         "replication_pad2d",
                         "reshape",
                         "reshape_as",
                         "_reshape_alias",
                         "roll",
                         "rot90",
                         "select",
                         "slice",
                         "split",
                         "split_with_sizes",
                         "squeeze",
                         "stack",
                         "swapaxes",
                         "t",
                         "tensor_split",
                         "tile",
                         "to",
                         "_to_copy",
                         "transpose",
                         "type_as",
                         "unbind",
                         "unflatten",
                         "_unsafe_view",
                         "unsafe_chunk",
                         "unsafe_split",
                         "unsqueeze",
                         "upsample_nearest2d",
                         "vstack",
                         "view",
                         "view_as",
                         "numpy_T",
                         "mT",
                         "_upsample_nearest_exact2d"};

/// Identity in evaluation mode.
inline const Kinds dropouts{"alpha_dropout", "dropout", "feature_alpha_dropout", "feature_dropout"};

/// Sums of several values, with constant weights.
inline const Kinds sums{"add", "sub", "subtract", "rsub", "sum", "neg", "mean", "cumsum"};

/// Averages over windows, linear in their one tensor.
inline const Kinds averages{"adaptive_avg_pool1d",
                            "adaptive_avg_pool2d",
                            "adaptive_avg_pool3d",
                            "avg_pool1d",
                            "avg_pool2d",
                            "avg_pool3d",
                            "mean",
                            "upsample_bilinear2d",
                            "upsample_bicubic2d",
                            "_adaptive_avg_pool2d"};

/// Weighted sums: linear in the data with constant weights, bilinear when both depend on the input.
inline const Kinds weighted{
    "addmm",  "baddbmm", "bmm", "conv1d",           "conv2d",           "conv3d",          "einsum",
    "linear", "matmul",  "mm",  "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};

/// Scaling: linear with a constant factor, bilinear when both depend on the input.
inline const Kinds products{"mul", "multiply", "div", "divide", "true_divide"};

/// An affine map of each channel, in evaluation mode.
inline const Kinds norms_fixed{"batch_norm", "native_batch_norm", "cudnn_batch_norm",
                               "_native_batch_norm_legit_no_training"};

/// Their statistics depend on the data.
inline const Kinds norms_adaptive{"group_norm", "instance_norm", "layer_norm", "native_layer_norm"};

/// Rectifiers and their smooth relatives, elementwise.
inline const Kinds rectifiers{"celu",      "clamp",     "clamp_min",  "elu",       "gelu",
                              "hardswish", "hardtanh",  "leaky_relu", "mish",      "prelu",
                              "relu",      "relu6",     "rrelu",      "selu",      "silu",
                              "softplus",  "threshold", "hardshrink", "softshrink"};

/// Squashing functions, elementwise.
inline const Kinds squashers{"erf", "exp",        "expm1", "hardsigmoid", "log",     "log1p",  "log_sigmoid",
                             "pow", "reciprocal", "rsqrt", "sigmoid",     "sqrt",    "square", "tanh",
                             "abs", "clamp_max",  "sin",   "cos",         "softsign"};

/// The largest of a window or a row.
inline const Kinds maxima{"adaptive_max_pool2d",     "amax",      "max", "max_pool1d", "max_pool2d",
                          "max_pool2d_with_indices", "max_pool3d"};

/// Over a row.
inline const Kinds softmaxes{"log_softmax", "_log_softmax", "logsumexp", "softmax", "_softmax"};

}  // namespace kinds

}  // namespace lumen::rule
