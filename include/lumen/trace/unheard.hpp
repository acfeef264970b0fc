// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include <ATen/record_function.h>
#include <torch/csrc/autograd/function.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::trace {

/// Refuses a value that was computed on another thread from values of this pass: on a thread that the model makes itself
/// (std::thread, at::parallel_for) nobody hears the operators.
/// @param known  (node) -> bool: of the nodes that this pass heard or was given
/// @throws Error  with the node's name
template <class Known>
void require_heard(const Tensor& value, const Known& known) {
  using torch::autograd::Node;
  const auto last = value.grad_fn();
  const auto here = at::RecordFunction::currentThreadId();
  if (!last || last->thread_id() == here || known(last.get())) return;
  std::unordered_set<const Node*> seen{last.get()};
  std::vector<const Node*> open{last.get()};
  while (!open.empty()) {
    const Node* const node = open.back();
    open.pop_back();
    for (const torch::autograd::Edge& edge : node->next_edges()) {
      if (!edge.function || !seen.insert(edge.function.get()).second) continue;
      require(!known(edge.function.get()), [&] {
        return text(last->name(),
                    " was recorded on a thread that the model made itself (std::thread or "
                    "at::parallel_for), where nobody hears the operators; run it on the thread "
                    "that calls the model");
      });
      open.push_back(edge.function.get());
    }
  }
}

}  // namespace lumen::trace
