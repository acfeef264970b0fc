// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <lumen/engine/node.hpp>
#include <lumen/rule/record.hpp>

namespace lumen::rule::detail {

/// An operator's place in the graph, with a rule for its backward pass.
class RuleNode final : public torch::autograd::Node {
 public:
  RuleNode(std::shared_ptr<Record> record, Backward rule)
      : record_(std::move(record)), rule_(std::move(rule)) {}

  [[nodiscard]] std::string name() const override { return "lumen::" + record_->kind; }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    record_->check_versions();
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined()) gradients[i] = at::zeros_like(record_->outputs[i]);
    }
    const Tensors all = rule_(*record_, gradients);
    torch::autograd::variable_list result;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (record_->on_path[i]) result.push_back(all[i]);
    }
    return result;
  }

  void release_variables() override {
    record_->arguments.clear();
    record_->inputs.clear();
    record_->outputs.clear();
  }

 private:
  std::shared_ptr<Record> record_;
  Backward rule_;
};

}  // namespace lumen::rule::detail
