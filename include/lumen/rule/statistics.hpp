// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include <lumen/op/channel_map.hpp>
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
  if (on("training") || on("use_input_stats") || record.op.schema().name().ends_with("_with_update")) {
    return text(record.where(),
                " normalises by the statistics of the batch; put the model into its evaluation mode");
  }
  return {};
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
