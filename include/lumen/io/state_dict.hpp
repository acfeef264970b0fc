// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/in_quotes.hpp>
#include <lumen/io/parse_pth.hpp>
#include <lumen/io/parse_safetensors.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io {

/// One tensor of a file of weights.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// What a file of weights holds, in its order, every name once.
using StateDict = std::vector<NamedTensor>;

/// The tensor of that name.
/// @throws Error that lists the first names that there are
[[nodiscard]] inline const Tensor& find(const StateDict& state, std::string_view name) {
  const auto found = std::ranges::find(state, name, &NamedTensor::name);
  if (found != state.end()) return found->tensor;
  std::string names;
  for (std::size_t i = 0; i < state.size() && i < 10; ++i) names += text(i == 0 ? "" : ", ", state[i].name);
  throw Error(text("there is no tensor '", name, "' among the ", state.size(), ": ", names,
                   state.size() > 10 ? ", ..." : ""));
}

/// The tensors whose names begin with `prefix` and a dot, without these: `below(state, "module")` for what
/// torch.nn.DataParallel saved, `below(state, "model")` for the network in a checkpoint.
/// @throws Error when there is none
[[nodiscard]] inline StateDict below(const StateDict& state, std::string_view prefix) {
  const std::string start = text(prefix, ".");
  StateDict part;
  for (const auto& [name, tensor] : state)
    if (name.starts_with(start)) part.push_back({name.substr(start.size()), tensor});
  require(!part.empty(), [&] {
    return text("no name begins with '", start, "'",
                state.empty() ? "; there are no tensors" : "; the first is '",
                state.empty() ? "" : state[0].name + "'");
  });
  return part;
}

/// LibTorch's name for a tensor's type.
/// @throws Error when this version of LibTorch has no such tensors
[[nodiscard]] inline at::ScalarType scalar_type_of(const StoredTensor& stored) {
  for (int i = 0; i < static_cast<int>(at::ScalarType::NumOptions); ++i)
    if (const auto candidate = static_cast<at::ScalarType>(i);
        c10::toString(candidate) == stored.type->libtorch)
      return candidate;
  throw Error(text("the tensor ", in_quotes(stored.name), " is of type ", stored.type->torch,
                   ", which LibTorch ", TORCH_VERSION,
                   " does not have; convert it before it is saved, for example to float32"));
}

/// Tensors of their own, on the CPU, with the strides that the file gives; those that shared a storage share
/// one again.
/// @throws Error for a type that this LibTorch lacks
[[nodiscard]] inline StateDict to_state_dict(const std::vector<StoredTensor>& stored) {
  std::map<std::tuple<const std::uint8_t*, std::size_t, std::size_t>, Tensor> storages;
  StateDict state;
  for (const StoredTensor& from : stored) {
    const at::ScalarType type = scalar_type_of(from);
    const std::size_t swap = from.swapped ? from.type->number : 1;
    Tensor& bytes = storages[{from.storage.data(), from.storage.size(), swap}];
    if (!bytes.defined()) {
      bytes = at::empty({static_cast<std::int64_t>(from.storage.size())}, at::kByte);
      auto* to = bytes.data_ptr<std::uint8_t>();
      if (!from.storage.empty()) std::memcpy(to, from.storage.data(), from.storage.size());
      for (std::size_t i = 0; swap > 1 && i + swap <= from.storage.size(); i += swap)
        std::reverse(to + i, to + i + swap);
    }
    Tensor tensor = at::empty({0}, type);
    tensor.set_(bytes.storage(), from.offset, from.shape, from.stride);
    state.push_back({from.name, tensor});
  }
  return state;
}

/// The tensors of a .pth file that torch.save wrote, or of a safetensors file, in memory; told apart by the
/// first bytes. See `parse_pth` and `parse_safetensors`.
/// @param skipped  told of the first objects in a .pth file that are not known, and were passed over
/// @throws Error for anything else. Sizes and offsets are checked before memory is taken for them, and
///         nothing that a file asks for is ever run
[[nodiscard]] inline StateDict decode_state_dict(std::span<const std::uint8_t> file,
                                                 std::vector<SkippedObject>* skipped = nullptr) {
  if (skipped != nullptr) skipped->clear();
  const bool safetensors = file.size() > 8 && file[8] == '{' && !pth_detail::starts_with(file, "PK");
  require(
      safetensors || !pth_detail::starts_with(file, "{"),
      "the file is JSON, perhaps the index of a network that is saved in several files: its \"weight_map\" "
      "names them; read each one and put their tensors into one StateDict");
  return to_state_dict(safetensors ? parse_safetensors(file) : parse_pth(file, skipped));
}

/// The tensors of a .pth or safetensors file; see `decode_state_dict`.
/// @throws Error naming the path
[[nodiscard]] inline StateDict read_state_dict(const std::filesystem::path& path,
                                               std::vector<SkippedObject>* skipped = nullptr) {
  return naming(path, [&] { return decode_state_dict(read_file(path), skipped); });
}

}  // namespace lumen::io
