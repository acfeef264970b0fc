// SPDX-License-Identifier: BSD-3-Clause
// Every name under which an operator can run belongs to its kind, and every operator of LibTorch that has a derivative
// is in a kind, is made of others that are, or is on the list of those that are refused by name.
#include <lumen/rule/kinds.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include <lumen/rule/parts.hpp>
#include <lumen/trace/layer.hpp>
#include <lumen/trace/observe.hpp>

#include "support/nets.hpp"

namespace kinds = lumen::rule::kinds;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::rule::Kinds;
using lumen::rule::listed;

namespace {

/// The kind of the one operator that `run` runs.
template <class F>
std::string kind(const F& run) {
  return lumen::trace::observe(run).at(0).kind;
}

Kinds known() {
  return kinds::moves | kinds::placements | kinds::scatters | kinds::dropouts | kinds::sums |
         kinds::gatherings | kinds::averages | kinds::sampling | kinds::weighted | kinds::products |
         kinds::multilinear | kinds::norms_fixed | kinds::norms_adaptive | kinds::rectifiers |
         kinds::squashers | kinds::binaries | kinds::steps | kinds::maxima | kinds::extrema | kinds::ranks |
         kinds::softmaxes | kinds::composed | kinds::others;
}

/// Whether it gives a tensor, from one.
bool of_tensors(const c10::FunctionSchema& schema) {
  const auto tensor = [](const c10::Argument& argument) {
    return argument.type()->isSubtypeOf(*c10::TensorType::get()) ||
           argument.type()->isSubtypeOf(*c10::ListType::ofTensors());
  };
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), tensor) &&
         std::any_of(schema.returns().begin(), schema.returns().end(), tensor);
}

/// What no method of rules knows. An operator that one of them should know does not belong here.
bool refused(const std::string& name) {
  for (const char* const part : {"_backward", "_foreach", "sparse", "_nested", "quantize", "fake_quant",
                                 "_jvp", "mkldnn", "cudnn", "miopen", "_philox"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  static const Kinds names = listed(
      "__ilshift__ __irshift__ __lshift__ __rshift__ _amp_update_scale _cholesky_solve_helper _chunk_cat "
      "_coalesce _coalesced _compute_linear_combination _convert_indices_from_coo_to_csr "
      "_convert_indices_from_csr_to_coo _convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu "
      "_copy_from _copy_from_and_resize _cslt_compress _dirichlet_grad _dyn_quant_matmul_4bit "
      "_dyn_quant_pack_4bit_weight _efficient_attention_forward _fill_mem_eff_dropout_mask "
      "_flash_attention_forward _flash_attention_forward_no_dropout_inplace "
      "_flash_scaled_dot_product_attention _foobar _functional_assert_async _functional_assert_scalar "
      "_functional_sym_constrain_range _functional_sym_constrain_range_for_size _fused_adagrad _fused_adam "
      "_fused_adamw _fused_dropout _fused_moving_avg_obs_fq_helper "
      "_fused_moving_avg_obs_fq_helper_functional _fused_sgd _fw_primal _grouped_mm _histogramdd_bin_edges "
      "_histogramdd_from_bin_cts _histogramdd_from_bin_tensors _indices _int_mm _is_all_true _is_any_true "
      "_jagged_to_padded_dense_forward _linalg_eigvals _lstm_mps _make_dual _masked_scale "
      "_mixed_dtypes_linear _native_decoder_only_multi_head_attention _native_multi_head_attention "
      "_new_zeros_with_same_feature_meta _padded_dense_to_jagged_forward _pin_memory _reshape "
      "_resize_output _sample_dirichlet _scaled_grouped_mm _scaled_grouped_mm_v2 _scaled_mm _scaled_mm_v2 "
      "_spdiags _spsolve _standard_gamma _standard_gamma_grad _symeig_helper "
      "_test_autograd_multiple_dispatch _test_autograd_multiple_dispatch_view _test_functorch_fallback "
      "_test_optional_filled_intlist _test_optional_floatlist _test_optional_intlist "
      "_test_parallel_materialize _test_warn_in_autograd _to_dense _torch_cuda_cu_linker_symbol_op "
      "_transform_bias_rescale_qkv _transformer_decoder_only_layer_fwd _transformer_encoder_layer_fwd "
      "_triton_multi_head_attention _triton_scaled_dot_attention _unique _unique2 _values "
      "_weight_int4pack_mm _weight_int4pack_mm_for_cpu _weight_int4pack_mm_with_scales_and_zeros "
      "_weight_int8pack_mm all any argmax argmin argsort batch_norm_elemt batch_norm_gather_stats "
      "batch_norm_gather_stats_with_counts batch_norm_stats batch_norm_update_stats bernoulli bincount "
      "binomial bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor "
      "bucketize cauchy ccol_indices col_indices count_nonzero crow_indices embedding_renorm empty_like eq "
      "exponential floor_divide frexp full_like gcd ge geometric geqrf gt hash_tensor histc histogram hspmm "
      "indices int_repr isin isinf isnan isneginf isposinf lcm le linalg__powsum linalg_ldl_factor_ex "
      "linalg_ldl_solve linspace log_normal logical_and logical_not logical_or logical_xor logspace lt "
      "multinomial native_norm ne new_empty new_empty_strided new_full new_ones new_zeros nextafter nonzero "
      "nonzero_static normal normal_functional ones_like poisson q_per_channel_scales "
      "q_per_channel_zero_points rand_like randint_like randn_like random range resize resize_as "
      "row_indices searchsorted set signbit slice_inverse special_airy_ai special_bessel_j0 "
      "special_bessel_j1 special_bessel_y0 special_bessel_y1 special_chebyshev_polynomial_t "
      "special_chebyshev_polynomial_u special_chebyshev_polynomial_v special_chebyshev_polynomial_w "
      "special_hermite_polynomial_h special_hermite_polynomial_he special_laguerre_polynomial_l "
      "special_legendre_polynomial_p special_modified_bessel_i0 special_modified_bessel_i1 "
      "special_modified_bessel_k0 special_modified_bessel_k1 special_scaled_modified_bessel_k0 "
      "special_scaled_modified_bessel_k1 special_shifted_chebyshev_polynomial_t "
      "special_shifted_chebyshev_polynomial_u special_shifted_chebyshev_polynomial_v "
      "special_shifted_chebyshev_polynomial_w special_spherical_bessel_j0 special_zeta symeig "
      "to_padded_tensor uniform unique_consecutive unique_dim unique_dim_consecutive values zeros_like ");
  return names.contains(name);
}

}  // namespace

DOCTEST_TEST_CASE(
    "each differentiable operator of this LibTorch is in a kind, made of others, or listed as refused") {
  const Kinds all = known();
  std::set<std::string> forgotten;
  std::int64_t seen = 0;
  for (const c10::OperatorName& each : c10::Dispatcher::singleton().getAllOpNames()) {
    const auto op = c10::Dispatcher::singleton().findOp(each);
    if (!op || !op->hasSchema() || !each.name.starts_with("aten::")) continue;
    if (!op->hasKernelForDispatchKey(c10::DispatchKey::Autograd) || !of_tensors(op->schema())) continue;
    if (each.overload_name.ends_with("out")) continue;
    const std::string name = each.name.substr(6), kind = lumen::trace::kind_named(name);
    if (lumen::trace::detail::convolutions().contains(name)) continue;
    ++seen;
    if (!all.contains(kind) && !refused(kind)) forgotten.insert(kind);
  }
  std::string names;
  for (const std::string& each : forgotten) names += each + ' ';
  DOCTEST_CAPTURE(names);
  DOCTEST_CHECK(forgotten.empty());
  DOCTEST_CHECK(seen > 500);
}

DOCTEST_TEST_CASE("every way to run a convolution is of its kind") {
  const Tensor x2 = nets::random({1, 2, 5, 5}, 1), w2 = nets::random({3, 2, 3, 3}, 2),
               w1 = nets::random({3, 2, 3}, 3), x1 = nets::random({1, 2, 5}, 7);
  const Tensor x3 = nets::random({1, 2, 4, 4, 4}, 4), w3 = nets::random({3, 2, 3, 3, 3}, 5);
  const Tensor t2 = nets::random({2, 3, 3, 3}, 6);
  DOCTEST_CHECK(kind([&] { return at::conv2d(x2, w2); }) == "conv2d");
  DOCTEST_CHECK(kind([&] { return at::conv2d(x2, w2, {}, 1, "same"); }) == "conv2d");
  DOCTEST_CHECK(kind([&] { return at::_convolution_mode(x2, w2, {}, 1, "valid", 1, 1); }) == "conv2d");
  DOCTEST_CHECK(kind([&] { return at::_convolution_mode(x1, w1, {}, 1, "same", 1, 1); }) == "conv1d");
  DOCTEST_CHECK(kind([&] { return at::convolution(x2, w2, {}, {1}, {0}, {1}, false, {0}, 1); }) == "conv2d");
  DOCTEST_CHECK(kind([&] { return at::convolution(x2, t2, {}, {1}, {0}, {1}, true, {0}, 1); }) ==
                "conv_transpose2d");
  DOCTEST_CHECK(kind([&] { return at::convolution(x3, w3, {}, {1}, {0}, {1}, false, {0}, 1); }) == "conv3d");
  DOCTEST_CHECK(kind([&] { return at::thnn_conv2d(x2, w2, {3, 3}, {}, {1, 1}, {0, 0}); }) == "conv2d");
  DOCTEST_CHECK(kind([&] { return at::slow_conv_dilated2d(x2, w2, {3, 3}, {}, {1, 1}, {0, 0}, {1, 1}); }) ==
                "conv2d");
  DOCTEST_CHECK(kind([&] { return at::slow_conv3d(x3, w3, {3, 3, 3}, {}, {1, 1, 1}, {0, 0, 0}); }) ==
                "conv3d");
  DOCTEST_CHECK(kind([&] {
                  return at::slow_conv_transpose2d(x2, t2, {3, 3}, {}, {1, 1}, {0, 0}, {0, 0}, {1, 1});
                }) == "conv_transpose2d");
}

DOCTEST_TEST_CASE("norms, pools, softmax and functions of several names are of one kind") {
  const Tensor x = nets::random({2, 4, 6}, 1), image = nets::random({2, 4, 6, 6}, 2),
               c = at::ones({4}, at::kDouble);
  const Tensor one = x.narrow(1, 0, 1), first = at::tensor({0}, at::kLong);
  DOCTEST_CHECK(kind([&] { return at::_softmax(x, 1, false); }) == "softmax");
  DOCTEST_CHECK(kind([&] { return at::special_log_softmax(x, 1); }) == "log_softmax");
  DOCTEST_CHECK(kind([&] { return at::native_layer_norm(x, {6}, {}, {}, 1e-5); }) == "layer_norm");
  DOCTEST_CHECK(kind([&] { return at::native_group_norm(x, {}, {}, 2, 4, 6, 2, 1e-5); }) == "group_norm");
  DOCTEST_CHECK(kind([&] { return at::native_batch_norm(x, c, c, c, c, false, 0.1, 1e-5); }) == "batch_norm");
  DOCTEST_CHECK(kind([&] { return at::max_pool2d_with_indices(image, 2); }) == "max_pool2d");
  DOCTEST_CHECK(kind([&] { return at::_adaptive_avg_pool2d(image, {2, 2}); }) == "adaptive_avg_pool2d");
  DOCTEST_CHECK(kind([&] { return at::true_divide(x, x); }) == "div");
  DOCTEST_CHECK(kind([&] { return at::permute_copy(x, {0, 2, 1}); }) == "permute");
  DOCTEST_CHECK(kind([&] { return at::index_copy(x, 1, first, one); }) == "index_copy");
  DOCTEST_CHECK(kind([&] { return x.clone().multiply_(2.0); }) == "clone");
  DOCTEST_CHECK(kind([&] { return at::_to_copy(x, x.options().dtype(at::kFloat)); }) == "_to_copy");
  DOCTEST_CHECK(lumen::layer::nth("true_divide", 0).name == "div");
  DOCTEST_CHECK(lumen::layer::nth("relu_", 0).name == "relu");
}
