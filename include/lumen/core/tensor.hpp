// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// The one door to LibTorch for core ... metric: ATen and autograd, without torch/torch.h.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "lumen needs LibTorch 1.13 or later"
#endif

namespace lumen {

/// A LibTorch tensor. Images are [N, C, H, W]; coordinates are (row, column).
using at::Tensor;

}  // namespace lumen
