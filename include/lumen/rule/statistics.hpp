// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include <lumen/op/channel_map.hpp>
#include <lumen/rule/kinds.hpp>
#include <lumen/rule/record.hpp>

namespace lumen::rule {

/// Why a batch (or instance) norm that may have running statistics is no affine map of each channel: it normalises by
/// the batch, so that samples influence each other; empty if it is one.
[[nodiscard]] inline std::string batch_statistics(const Record& record) {
  const auto on = [&](const char* name) {
    const c10::IValue flag = record.argument(name);
    return flag.isBool() && flag.toBool();
  };
  if (!record.tensor("running_mean").defined() || !record.tensor("running_var").defined()) {
    return text(
        record.where(),
        " keeps no statistics (track_running_stats=False), so that it normalises by those of the batch in ",
        "evaluation mode, too, and samples influence each other; give it running statistics, or use a ",
        "group, instance or layer norm");
  }
  if (on("training") || on("use_input_stats") ||
      record.op.schema().name().find("_with_update") != std::string::npos) {
    return text(record.where(),
                " normalises by the statistics of the batch; put the model into its evaluation mode");
  }
  return {};
}

/// Whether an operator gives something else each time it runs: dropout, also within attention and recurrent layers,
/// and random leaky rectifiers in training mode.
[[nodiscard]] inline bool is_random(const Record& record) {
  const c10::IValue within = record.argument("dropout_p");
  if (within.isDouble()) return within.toDouble() > 0.0;
  const bool drops = kinds::dropouts.contains(record.kind);
  const c10::IValue share = record.argument(drops ? "p" : "dropout");
  if (share.isDouble() ? share.toDouble() == 0.0 : !drops && record.kind != "rrelu") return false;
  for (const char* const name : {"train", "training"}) {
    const c10::IValue flag = record.argument(name);
    if (flag.isBool() ? flag.toBool() : record.position(name) >= 0)
      return true;  // native_dropout's "none" is yes
  }
  return false;
}

/// The rule of such an operator: throws as soon as anything flows back to it.
[[nodiscard]] inline Backward refusal_of_random(const std::string& method) {
  return [method](const Record& at, const Tensors&) -> Tensors {
    throw Error(text(method, ": ", at.where(),
                     " draws at random, as in training; put the model into its evaluation mode (eval()), ",
                     "before it is scripted or traced"));
  };
}

/// @throws Error if there is such a reason
inline void require_own_statistics(const Record& record, std::string_view method) {
  const std::string reason = batch_statistics(record);
  require(reason.empty(), [&] { return text(method, ": ", reason); });
}

/// Batch norm by fixed statistics as an affine map of each channel.
/// @throws Error if its statistics are those of the batch
[[nodiscard]] inline op::ChannelMap channel_map(const Record& record, std::string_view method) {
  require_own_statistics(record, method);
  const double epsilon = record.argument(record.position("eps") >= 0 ? "eps" : "epsilon").toDouble();
  return op::channel_map(record.tensor("running_mean"), record.tensor("running_var"), record.tensor("weight"),
                         record.tensor("bias"), epsilon);
}

}  // namespace lumen::rule
