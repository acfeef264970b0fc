// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

/// Questions to ask of an output. Each is a functor [N, ...] -> [N] in the units of the output.
namespace lumen::target {

namespace detail {

inline void check_index(std::int64_t index, std::int64_t size, const char* what, const Tensor& output) {
  require(index >= 0 && index < size, [&] {
    return text("target: ", what, " ", index, " is out of range for an output of shape ", output.sizes(),
                "; expected 0 to ", size - 1);
  });
}

inline void check_dense(const Tensor& output, const char* name) {
  require(output.dim() == 4, [&] {
    return text("target: ", name, " needs a dense output [N, C, H, W], the model gave ", output.sizes(),
                "; for class scores [N, C] use target::Class");
  });
}

/// The box of one place of an output of these sizes; all of it if there is no such place.
inline Box at_place(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& index) {
  Box box = whole(sizes);
  bool fits = sizes.size() == index.size() + 1;
  for (std::size_t d = 0; fits && d < index.size(); ++d) fits = index[d] >= 0 && index[d] < sizes[d + 1];
  for (std::size_t d = 0; fits && d < index.size(); ++d) box[d] = {index[d], index[d] + 1};
  return box;
}

}  // namespace detail

/// The output itself, for a model that gives one score a sample: [N] or [N, 1].
struct Output {
  /// @throws Error if the output holds more than one value a sample
  Tensor operator()(const Tensor& output) const {
    require(output.numel() == output.size(0), [&] {
      return text("target::Output needs one value a sample, the model gave ", output.sizes(),
                  "; name one with target::Class, Pixel, Region or a functor");
    });
    return output.reshape({output.size(0)});
  }
  Output rows(const Tensor&) const { return *this; }
};

/// The score of one class for every sample; output [N, C].
struct Class {
  std::int64_t index = 0;  ///< 0 to C - 1

  /// @throws Error if the output is not [N, C] or the index is out of range
  Tensor operator()(const Tensor& output) const {
    require(output.dim() == 2, [&] {
      return text("target::Class needs class scores [N, C], the model gave ", output.sizes(),
                  "; for a dense output use target::Pixel, Region or ClassRegion");
    });
    detail::check_index(index, output.size(1), "class", output);
    return output.select(1, index);
  }
  Class rows(const Tensor&) const { return *this; }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::at_place(sizes, {index});
  }
};

/// The score of each sample's own class; output [N, C].
struct Classes {
  Tensor index;  ///< int64 [N], each 0 to C - 1

  /// @throws Error if the output is not [N, C], N differs, or an index is out of range
  Tensor operator()(const Tensor& output) const {
    require(index.defined() && index.dim() == 1 && index.scalar_type() == at::kLong,
            "target::Classes: index must be an int64 tensor [N], one class for each sample");
    require(output.dim() == 2 && output.size(0) == index.size(0), [&] {
      return text("target::Classes holds ", index.size(0), " classes, one a sample, but the output is ",
                  output.sizes(), "; expected [", index.size(0), ", C]");
    });
    detail::check_index(index.min().item<std::int64_t>(), output.size(1), "class", output);
    detail::check_index(index.max().item<std::int64_t>(), output.size(1), "class", output);
    return output.gather(1, index.to(output.device()).unsqueeze(1)).squeeze(1);
  }
  Classes rows(const Tensor& samples) const { return {index.index_select(0, samples.to(index.device()))}; }
};

/// One element of an output of any rank, the same for every sample.
struct Element {
  std::vector<std::int64_t> index;  ///< its place in dimensions 1, 2, ... of the output

  /// @throws Error if the number of indices is not the output's rank less one, or one is out of range
  Tensor operator()(const Tensor& output) const {
    require(static_cast<std::size_t>(output.dim()) == index.size() + 1, [&] {
      return text("target::Element has ", index.size(), " indices, an output of shape ", output.sizes(),
                  " needs ", output.dim() - 1);
    });
    Tensor scores = output;
    for (const std::int64_t i : index) {
      detail::check_index(i, scores.size(1), "index", output);
      scores = scores.select(1, i);
    }
    return scores;
  }
  Element rows(const Tensor&) const { return *this; }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::at_place(sizes, index);
  }
};

/// One pixel's score for one channel; output [N, C, H, W].
struct Pixel {
  std::int64_t channel = 0;  ///< 0 to C - 1
  std::int64_t row = 0;      ///< 0 to H - 1, from the top
  std::int64_t column = 0;   ///< 0 to W - 1, from the left

  /// @throws Error if the output is not [N, C, H, W] or an index is out of range
  Tensor operator()(const Tensor& output) const {
    detail::check_dense(output, "Pixel");
    detail::check_index(channel, output.size(1), "channel", output);
    detail::check_index(row, output.size(2), "row", output);
    detail::check_index(column, output.size(3), "column", output);
    return output.select(1, channel).select(1, row).select(1, column);
  }
  Pixel rows(const Tensor&) const { return *this; }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::at_place(sizes, {channel, row, column});
  }
};

}  // namespace lumen::target
