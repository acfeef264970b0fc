// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/rule/detail/given.hpp>

/// Recurrent layers' fused kernels as their parts; what LibTorch itself computes from parts needs no help.
namespace lumen::rule::detail {

/// Gates in the order input, forget, cell, output -> (h, c).
inline std::pair<Tensor, Tensor> lstm_step(const Tensor& gates, const Tensor& cell) {
  const auto parts = gates.chunk(4, 1);
  const Tensor next = parts.at(1).sigmoid() * cell + parts.at(0).sigmoid() * parts.at(2).tanh();
  return {parts.at(3).sigmoid() * next.tanh(), next};
}

/// Gates in the order reset, input, new -> h.
inline Tensor gru_step(const Tensor& from_input, const Tensor& from_hidden, const Tensor& hidden) {
  const auto x = from_input.chunk(3, 1), h = from_hidden.chunk(3, 1);
  const Tensor reset = (x.at(0) + h.at(0)).sigmoid(), update = (x.at(1) + h.at(1)).sigmoid();
  const Tensor fresh = (x.at(2) + reset * h.at(2)).tanh();
  return fresh * (1.0 - update) + hidden * update;
}

inline Tensor biased(const Given& given, const char* gates, const char* bias) {
  const Tensor b = given.tensor(bias);
  return b.defined() ? given.tensor(gates) + b : given.tensor(gates);
}

/// oneDNN's layer of a recurrent network over time, one direction.
inline std::vector<c10::IValue> onednn_layer(const Given& given) {
  constexpr std::int64_t lstm = 2, gru = 3;
  const std::int64_t mode = given.integer("mode", -1);
  require(mode == lstm || mode == gru, [&] {
    return text("mkldnn_rnn_layer of mode ", mode, " is not known (LSTM is ", lstm, ", GRU ", gru, ")");
  });
  const bool reverse = given.flag("reverse"), biases = given.flag("has_biases");
  const Tensor x = given.tensor("input");  // [time, N, features]
  Tensor hidden = given.tensor("hx_"), cell = given.tensor("cx_");
  const std::vector<std::int64_t> states = hidden.sizes().vec();
  hidden = hidden.reshape({x.size(1), -1});
  if (mode == lstm) cell = cell.reshape({x.size(1), -1});
  const Tensor bias = biases ? given.tensor("weight2") : Tensor();
  const Tensor hidden_bias = biases ? given.tensor("weight3") : Tensor();
  Tensors outputs(static_cast<std::size_t>(x.size(0)));
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const std::int64_t t = reverse ? x.size(0) - 1 - i : i;
    const Tensor from_input = at::linear(x.select(0, t), given.tensor("weight0"), bias);
    const Tensor from_hidden = at::linear(hidden, given.tensor("weight1"), hidden_bias);
    if (mode == lstm) {
      std::tie(hidden, cell) = lstm_step(from_input + from_hidden, cell);
    } else {
      hidden = gru_step(from_input, from_hidden, hidden);
    }
    outputs[static_cast<std::size_t>(t)] = hidden;
  }
  return {at::stack(outputs), hidden.reshape(states), mode == lstm ? cell.reshape(states) : cell};
}

inline Decompositions recurrent() {
  return {{"_thnn_fused_gru_cell",
           [](const Given& g) -> std::vector<c10::IValue> {
             return {gru_step(biased(g, "input_gates", "input_bias"),
                              biased(g, "hidden_gates", "hidden_bias"), g.tensor("hx"))};
           }},
          {"_thnn_fused_lstm_cell",
           [](const Given& g) -> std::vector<c10::IValue> {
             auto [hidden, cell] =
                 lstm_step(biased(g, "input_gates", "input_bias") + biased(g, "hidden_gates", "hidden_bias"),
                           g.tensor("cx"));
             return {hidden, cell};
           }},
          {"mkldnn_rnn_layer", onednn_layer}};
}

}  // namespace lumen::rule::detail
