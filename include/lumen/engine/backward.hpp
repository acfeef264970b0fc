// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::engine {

/// @throws Error if LibTorch complains about a tensor that was made under InferenceMode
inline void refuse_inference_tensors(const std::exception& error) {
  require(std::string_view(error.what()).find("nference tensor") == std::string_view::npos,
          "the model holds tensors that were made under InferenceMode, through which nothing can be "
          "differentiated; make or load it outside, or replace each by its clone: "
          "for (auto& p : net->parameters()) p = p.clone()");
}

/// The gradients of `roots` weighted by `seeds`, undefined for `inputs` that nothing flows back to.
/// @param keep  the graph stays for another backward pass
/// @throws Error if something flows back to one of the fused kernels that LibTorch has for inference alone. A model that
/// runs one without asking whether anybody needs gradients was traced where nobody did.
inline Tensors backward(const Tensors& roots, const Tensors& inputs, const Tensors& seeds, bool keep) {
  try {
    return torch::autograd::grad(roots, inputs, seeds, keep, /*create_graph=*/false, /*allow_unused=*/true);
  } catch (const std::exception& error) {
    if (dynamic_cast<const Error*>(&error) == nullptr) refuse_inference_tensors(error);
    const std::string message = error.what();
    const bool fused = message.find("aten::_transformer_") != std::string::npos ||
                       message.find("aten::_native_multi_head") != std::string::npos ||
                       message.find("aten::_native_decoder_only") != std::string::npos ||
                       message.find("aten::_transform_bias_rescale_qkv") != std::string::npos;
    if (!fused || message.find("not implemented") == std::string::npos) throw;
    throw Error(text("the model runs a fused kernel for inference, which has no derivative (",
                     message.substr(0, message.find('\n')),
                     "): it was traced with gradients off (torch.no_grad); trace it with gradients enabled"));
  }
}

}  // namespace lumen::engine
