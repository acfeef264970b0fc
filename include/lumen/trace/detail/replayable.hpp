// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <ATen/core/enum_tag.h>

#include <lumen/trace/step.hpp>

/// Which operators a replay may repeat.
namespace lumen::trace::detail {

/// Asks for what a tensor is, not for its values.
inline bool reads_metadata(std::string_view kind) {
  static constexpr std::array names{"size",
                                    "sym_size",
                                    "stride",
                                    "sym_stride",
                                    "numel",
                                    "sym_numel",
                                    "dim",
                                    "ndimension",
                                    "storage_offset",
                                    "sym_storage_offset",
                                    "is_floating_point",
                                    "is_complex",
                                    "device",
                                    "dtype",
                                    "layout",
                                    "is_contiguous",
                                    "get_device",
                                    "is_same_size",
                                    "len",
                                    "is_leaf",
                                    "is_cuda",
                                    "is_signed",
                                    "is_neg",
                                    "is_conj",
                                    "is_set_to",
                                    "result_type",
                                    "can_cast",
                                    "is_inference",
                                    "retains_grad",
                                    "output_nr",
                                    "_version",
                                    "is_sparse",
                                    "is_quantized",
                                    "is_mkldnn",
                                    "requires_grad",
                                    "is_nonoverlapping_and_dense"};
  return std::find(names.begin(), names.end(), kind) != names.end();
}

/// Makes a tensor whose sizes depend on values that it is given.
inline bool has_dynamic_sizes(const Step& step) {
  const std::string_view kind = step.kind;
  if (kind == "where") return step.operands.size() == 1;
  if (kind == "repeat_interleave") {
    const std::int64_t repeats = step.position("repeats");
    return std::any_of(step.operands.begin(), step.operands.end(),
                       [&](const Operand& each) { return each.argument == repeats; });
  }
  if (kind == "index") {
    return std::any_of(step.operands.begin() + 1, step.operands.end(), [](const Operand& each) {
      return each.dtype == at::kBool || each.dtype == at::kByte;
    });
  }
  return step.op.hasTag(at::Tag::dynamic_output_shape) || kind == "nonzero" || kind == "nonzero_numpy" ||
         kind == "argwhere" || kind == "masked_select" || kind == "unique" || kind == "_unique" ||
         kind == "_unique2" || kind == "unique_consecutive" || kind == "unique_dim" || kind == "bincount" ||
         kind == "combinations";
}

/// Draws random numbers as it was called; dropout outside training does not.
inline bool is_random(const Step& step) {
  const auto& declared = step.op.schema().arguments();
  bool draws = step.op.hasTag(at::Tag::nondeterministic_seeded);
  for (std::size_t i = 0; i < declared.size() && i < step.arguments.size(); ++i) {
    const std::string_view name = declared[i].name();
    const c10::IValue& value = step.arguments[i];
    if (name == "generator") draws = true;
    if ((name == "train" || name == "training") && value.isBool()) {
      if (!value.toBool()) return false;
    }
    if ((name == "p" || name == "dropout_p" || name == "dropout") && value.isDouble()) {
      if (value.toDouble() == 0.0) return false;
      if (name != "p") draws = true;
    }
    if (name == "dropout_p" && value.isInt() && value.toInt() == 0) return false;
  }
  return draws || step.kind == "dropout" || step.kind == "feature_dropout" || step.kind == "alpha_dropout" ||
         step.kind == "feature_alpha_dropout" || step.kind == "native_dropout" || step.kind == "rrelu" ||
         step.kind == "multinomial" || step.kind == "bernoulli" || step.kind == "normal" ||
         step.kind == "uniform" || step.kind == "rand" || step.kind == "randn" || step.kind == "randint" ||
         step.kind == "randperm" || step.kind == "rand_like" || step.kind == "randn_like" ||
         step.kind == "randint_like";
}

/// Normalises by the batch's own statistics and writes them into the running ones.
inline bool trains_statistics(const Step& step) {
  for (const char* name : {"training", "train", "use_input_stats"}) {
    const c10::IValue flag = step.argument(name);
    if (!flag.isBool() || !flag.toBool()) continue;
    const std::int64_t mean = step.position("running_mean");
    return mean >= 0 && std::any_of(step.operands.begin(), step.operands.end(),
                                    [&](const Operand& each) { return each.argument == mean; });
  }
  return false;
}

}  // namespace lumen::trace::detail
