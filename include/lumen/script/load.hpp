// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

#include <torch/csrc/jit/serialization/import.h>

#include <lumen/core/error.hpp>
#include <lumen/script/archive.hpp>
#include <lumen/script/network.hpp>

namespace lumen::script {

/// A TorchScript file, scripted or traced, as a model; see Network.
///
///     const auto net = lumen::script::load("resnet18.pt");
///     const auto why = lumen::IntegratedGradients{}(net, image, lumen::target::Class{.index = 3});
///
/// A TorchScript file is a program: what it computes, and how much memory and time it takes, is up to who wrote it.
/// @throws Error if the file is not there, damaged or truncated, or holds something else, saying which
[[nodiscard]] inline Network load(const std::filesystem::path& path, Options options = {}) {
  detail::check_archive(path);
  require(!options.device || !options.device->is_cuda() || at::hasCUDA(), [&] {
    return text(
        "cannot load ", path.string(), " onto ", options.device->str(),
        ": LibTorch sees no CUDA device here (none is there, or this LibTorch was built for the CPU); leave ",
        "device out, or ask at::hasCUDA() first");
  });
  std::optional<torch::jit::Module> module;
  try {
    module =
        options.device ? torch::jit::load(path.string(), *options.device) : torch::jit::load(path.string());
  } catch (const std::exception& failure) {
    throw Error(text(
        "cannot load ", path.string(), ": ", detail::in_short(failure),
        " It was made by a newer PyTorch, needs operators of a library that this program does not ",
        "link (torchvision's, for instance), is damaged, or is for a device that is not here (then load ",
        "it with {.device = at::kCPU})"));
  }
  try {
    return Network(*module, std::move(options));
  } catch (const Error& failure) {
    throw Error(text(path.string(), ": ", failure.what()));
  }
}

}  // namespace lumen::script
