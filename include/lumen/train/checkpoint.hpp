// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>
#include <torch/serialize/archive.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/train/history.hpp>

namespace lumen::train {

/// Copies of a network's parameters and buffers, in their order.
using State = std::vector<Tensor>;

namespace detail {

inline std::vector<Tensor> state_tensors(const torch::nn::Module& net) {
  std::vector<Tensor> tensors = net.parameters();
  for (const Tensor& buffer : net.buffers()) tensors.push_back(buffer);
  return tensors;
}

/// @throws Error  naming `what`: `state` has not the shapes of `tensors`
inline void require_shapes(const std::vector<Tensor>& tensors, const State& state, const char* what) {
  require(tensors.size() == state.size(), [&] {
    return text(what, ": the state holds ", state.size(), " tensors, the network has ", tensors.size());
  });
  for (std::size_t i = 0; i < state.size(); ++i)
    require(tensors[i].sizes() == state[i].sizes(), [&] {
      return text(what, ": tensor ", i, " has shape ", state[i].sizes(), ", the network's ",
                  tensors[i].sizes());
    });
}

}  // namespace detail

[[nodiscard]] inline State snapshot(const torch::nn::Module& net) {
  State state;
  for (const Tensor& tensor : detail::state_tensors(net)) state.push_back(tensor.detach().clone());
  return state;
}

/// Puts a snapshot back. The tensors stay the same objects, so an optimizer still knows them.
/// @throws Error  the state is of another network
inline void restore(torch::nn::Module& net, const State& state) {
  const at::NoGradGuard no_gradient;
  const auto tensors = detail::state_tensors(net);
  detail::require_shapes(tensors, state, "restore");
  for (std::size_t i = 0; i < state.size(); ++i) tensors[i].detach().copy_(state[i]);
}

/// Everything that a training run needs to go on as if it had never stopped, in one file.
struct Checkpoint {
  std::string
      purpose;  ///< what is being trained: data, network and options, in words. Another purpose, another run.
  History history{};
  State best{};  ///< the weights after the epoch of the highest test IoU
  State mean{};  ///< the running mean of the weights; empty if there is none

  /// Writes this, the network and the optimizer. The file appears complete or not at all: it is written under
  /// another name beside `path` and then renamed, so a kill at any moment leaves the previous one.
  /// @throws Error  the file cannot be written
  void save(const std::filesystem::path& path, const torch::nn::Module& net,
            const torch::optim::Optimizer& optimizer) const {
    torch::serialize::OutputArchive archive, steps;
    archive.write("purpose", c10::IValue(purpose));
    Tensor rows = at::empty({static_cast<std::int64_t>(history.size()), Epoch::columns}, at::kDouble);
    for (std::size_t i = 0; i < history.size(); ++i)
      std::ranges::copy(history[i].values(), rows.data_ptr<double>() + i * Epoch::columns);
    archive.write("history", rows, /*is_buffer=*/true);
    write(archive, "weights", detail::state_tensors(net));
    optimizer.save(steps);
    archive.write("optimizer", steps);
    write(archive, "best", best);
    write(archive, "mean", mean);

    const std::filesystem::path part = path.string() + ".part";
    try {
      if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
      archive.save_to(part.string());
      std::filesystem::rename(part, path);
    } catch (const std::exception& error) {
      throw Error(text("cannot write the checkpoint ", path, ": ", first_line(error)));
    }
  }

  /// Reads a file of `save`, onto the device of `net`.
  /// @param expected  the purpose it must have been written for
  /// @throws Error    the file is missing, damaged or no checkpoint, or was written for another purpose or
  ///         network; `net` is then as it was
  [[nodiscard]] static Checkpoint load(const std::filesystem::path& path, const std::string& expected,
                                       torch::nn::Module& net, torch::optim::Optimizer& optimizer) {
    require(std::filesystem::is_regular_file(path), [&] { return text("there is no checkpoint ", path); });
    const State tensors = detail::state_tensors(net);
    torch::serialize::InputArchive archive;
    Checkpoint checkpoint;
    readable(path, [&] {
      archive.load_from(path.string(), tensors.empty() ? at::Device(at::kCPU) : tensors.front().device());
      c10::IValue value;
      archive.read("purpose", value);
      checkpoint.purpose = value.toStringRef();
    });
    require(checkpoint.purpose == expected, [&] {
      return text("the checkpoint ", path, " belongs to another run.\n  it is for:   ", checkpoint.purpose,
                  "\n  expected is: ", expected, "\nName another file, or train afresh.");
    });
    readable(path, [&] {
      torch::serialize::InputArchive steps;
      Tensor rows;
      archive.read("history", rows, /*is_buffer=*/true);
      require(rows.dim() == 2 && rows.size(1) == Epoch::columns && rows.scalar_type() == at::kDouble,
              "its history is not a table of epochs");
      rows = rows.cpu().contiguous();
      for (std::int64_t i = 0; i < rows.size(0); ++i) {
        std::array<double, Epoch::columns> values{};
        std::copy_n(rows.data_ptr<double>() + i * static_cast<std::int64_t>(Epoch::columns), Epoch::columns,
                    values.begin());
        checkpoint.history.push_back(Epoch::from(values));
      }
      const State weights = read(archive, "weights", tensors);
      checkpoint.best = read(archive, "best", tensors);
      checkpoint.mean = read(archive, "mean", tensors);
      archive.read("optimizer", steps);
      optimizer.load(steps);
      restore(net, weights);
    });
    return checkpoint;
  }

  /// The weights alone, for who only runs the network: those of the best epoch, or the last where none was measured.
  /// @return  the purpose that it was written for
  /// @throws Error  the file is missing, damaged or no checkpoint, or is of another network; `net` is then as it was
  static std::string load_weights(const std::filesystem::path& path, torch::nn::Module& net) {
    require(std::filesystem::is_regular_file(path), [&] { return text("there is no checkpoint ", path); });
    const State tensors = detail::state_tensors(net);
    std::string purpose;
    readable(path, [&] {
      torch::serialize::InputArchive archive;
      archive.load_from(path.string(), tensors.empty() ? at::Device(at::kCPU) : tensors.front().device());
      c10::IValue value;
      archive.read("purpose", value);
      purpose = value.toStringRef();
      const State best = read(archive, "best", tensors);
      restore(net, best.empty() ? read(archive, "weights", tensors) : best);
    });
    return purpose;
  }

 private:
  static void write(torch::serialize::OutputArchive& archive, const std::string& name, const State& state) {
    torch::serialize::OutputArchive part;
    part.write("count", c10::IValue(static_cast<std::int64_t>(state.size())));
    for (std::size_t i = 0; i < state.size(); ++i)
      part.write(std::to_string(i), state[i].detach(), /*is_buffer=*/true);
    archive.write(name, part);
  }

  /// Empty, or of the shapes and types of `like`.
  static State read(torch::serialize::InputArchive& archive, const char* name, const State& like) {
    torch::serialize::InputArchive part;
    archive.read(name, part);
    c10::IValue count;
    part.read("count", count);
    State state;
    for (std::int64_t i = 0; i < count.toInt(); ++i)
      part.read(std::to_string(i), state.emplace_back(), /*is_buffer=*/true);
    if (state.empty()) return state;
    detail::require_shapes(like, state, name);
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = state[i].to(like[i].scalar_type());
    return state;
  }

  template <class Read>
  static void readable(const std::filesystem::path& path, const Read& read) {
    try {
      read();
    } catch (const std::exception& error) {
      throw Error(text("the checkpoint ", path, " cannot be read (", first_line(error),
                       "); it is damaged or no checkpoint of lumen. Delete it, or name another file."));
    }
  }

  static std::string first_line(const std::exception& error) {
    const std::string all = error.what();
    return all.substr(0, all.find('\n'));
  }
};

}  // namespace lumen::train
