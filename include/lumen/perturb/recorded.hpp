// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::perturb {

/// A model as a program, and where in it something is perturbed: what incremental passes work on.
struct Recorded {
  std::shared_ptr<const trace::Program> program{};  ///< null, or not exact: whole passes are made
  std::vector<trace::ValueId> from{};               ///< for each part that is explained, the value that it is
  trace::ValueId output = -1;                       ///< what the targets are asked of
  /// What the program takes for one sample, all values with one row: its inputs, and those of `from`.
  std::function<trace::Program::Values(std::int64_t sample)> given{};
};

/// How a model is recorded: called at most once, where it is worth while.
using Recorder = std::function<Recorded()>;

/// A model that is perturbed at its input. What it keeps of `function` and `parts` must outlive it.
[[nodiscard]] inline Recorder at_input(const engine::Function& function, const Tensors& parts) {
  return [&function, &parts] {
    Recorded result;
    result.program = std::make_shared<const trace::Program>(
        trace::Program::record(function, parts, {.run = {.memory = 1}}));
    const std::vector<trace::ValueId>& inputs = result.program->inputs();
    result.output = result.program->output();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (engine::explained(parts[i])) result.from.push_back(inputs[i]);
    }
    result.given = [inputs, &parts](std::int64_t sample) {
      trace::Program::Values values;
      for (std::size_t i = 0; i < parts.size(); ++i) values.emplace(inputs[i], parts[i].narrow(0, sample, 1));
      return values;
    };
    return result;
  };
}

/// How `model`, which `function` runs, is recorded: as itself, unless it is a part of another model that knows better
/// (`model.recorder(parts)`).
template <class M>
[[nodiscard]] Recorder recorder_of(const M& model, const engine::Function& function, const Tensors& parts) {
  if constexpr (requires { Recorder(model.recorder(parts)); }) {
    return model.recorder(parts);
  } else {
    return at_input(function, parts);
  }
}

}  // namespace lumen::perturb
