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

/// The box of all places that the rows of `index`, int64 [N, rank - 1], name; all of it if one is no place.
inline Box at_places(const std::vector<std::int64_t>& sizes, const Tensor& index) {
  if (!index.defined() || index.scalar_type() != at::kLong || index.dim() != 2 || index.size(0) == 0)
    return whole(sizes);
  const Tensor rows = index.cpu().contiguous();
  Box box;
  for (std::int64_t n = 0; n < rows.size(0); ++n) {
    const std::int64_t* const row = rows.data_ptr<std::int64_t>() + n * rows.size(1);
    const Box place = at_place(sizes, std::vector<std::int64_t>(row, row + rows.size(1)));
    box = n == 0 ? place : hull(box, place);
  }
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
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::at_places(sizes, index.defined() && index.dim() == 1 ? index.unsqueeze(1) : index);
  }
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

/// Each sample's own element of an output of any rank.
struct Elements {
  Tensor index;  ///< int64 [N, rank - 1], each row a place in dimensions 1, 2, ... of the output

  /// @throws Error if `index` is of another shape, or a place is out of range
  Tensor operator()(const Tensor& output) const {
    const std::int64_t rank = output.dim() - 1;
    const bool fits = index.defined() && index.scalar_type() == at::kLong && index.dim() == 2 &&
                      index.size(0) == output.size(0) && index.size(1) == rank;
    require(fits, [&] {
      return text("target::Elements: index is ",
                  index.defined() ? text(index.scalar_type(), ' ', index.sizes()) : "undefined",
                  ", an output of shape ", output.sizes(), " needs int64 [", output.size(0), ", ", rank,
                  "]: a place for each sample");
    });
    Tensor place = at::zeros({output.size(0)}, at::kLong);
    for (std::int64_t d = 0; d < rank; ++d) {
      const Tensor along = index.select(1, d).cpu();
      detail::check_index(along.min().item<std::int64_t>(), output.size(d + 1), "index", output);
      detail::check_index(along.max().item<std::int64_t>(), output.size(d + 1), "index", output);
      place = place * output.size(d + 1) + along;
    }
    const Tensor flat = output.reshape({output.size(0), -1});
    return flat.gather(1, place.to(output.device()).unsqueeze(1)).squeeze(1);
  }
  Elements rows(const Tensor& samples) const { return {index.index_select(0, samples.to(index.device()))}; }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    return detail::at_places(sizes, index);
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
