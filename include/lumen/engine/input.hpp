// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

/// What methods ask of an input, and rows of its parts.
namespace lumen::engine {

/// Whether no value is NaN or infinite. Where a loop costs less than calling an operator it looks at each;
/// else the sum tells, except when it overflows.
inline bool all_finite(const Tensor& values) {
  const std::int64_t count = values.numel();
  if (count <= 32768 && values.is_cpu() && values.is_contiguous() && values.scalar_type() == at::kFloat) {
    constexpr std::uint32_t exponent = 0x7f800000U;
    constexpr std::int64_t block = 16;
    const float* const first = values.data_ptr<float>();
    const auto odd = [](float value) {
      return std::uint32_t{(std::bit_cast<std::uint32_t>(value) & exponent) == exponent};
    };
    std::uint32_t found[block] = {};  // one for each of a vector's lanes
    std::int64_t at = 0;
    for (; at + block <= count; at += block) {
      for (std::int64_t i = 0; i < block; ++i) found[i] |= odd(first[at + i]);
    }
    for (; at < count; ++at) found[0] |= odd(first[at]);
    return std::all_of(found, found + block, [](std::uint32_t any) { return any == 0; });
  }
  return std::isfinite(values.sum().item<double>()) || at::isfinite(values).all().item<bool>();
}

/// Whether a part is explained: one that is not floating point (ids, masks, lengths, all that is held) only rides
/// along.
inline bool explained(const Tensor& part) { return at::isFloatingType(part.scalar_type()); }

/// The parts that are explained.
inline Tensors explained_of(const Tensors& x) {
  Tensors parts;
  for (const Tensor& part : x) {
    if (explained(part)) parts.push_back(part);
  }
  return parts;
}

/// What is asked of the parts' types.
enum class Types {
  Floating,  ///< at least one is floating point: one that can be explained
  Any,       ///< nothing, for methods that explain an inner layer
};

/// @throws Error unless `x` can be explained: defined, floating point, finite, not empty, one batch size
inline void check_input(const Tensors& x, Types types = Types::Floating) {
  require(!x.empty(), "the list of inputs is empty; give at least one tensor");
  bool any = types == Types::Any;
  for (const Tensor& part : x) any = any || (part.defined() && explained(part));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Tensor& part = x[i];
    const auto name = [&] { return x.size() == 1 ? std::string("the input") : text("input ", i); };
    require(part.defined(), [&] { return name() + " is an undefined tensor; pass one that holds data"; });
    require(any, [&] {
      return text(
          name(), " is of type ", part.scalar_type(),
          ", expected floating point: convert it, for instance x.to(at::kFloat) / 255; ids, which no ",
          "conversion makes differentiable, are explained at the layer that embeds them, by AtLayer, or by ",
          "methods without gradients as x.to(at::kFloat), given to a model that turns them back");
    });
    require(part.dim() >= 1 && part.numel() > 0, [&] {
      return text(name(), " has shape ", part.sizes(), ", expected [N, ...] with at least one element");
    });
    require(part.size(0) == x.front().size(0), [&] {
      return text("input ", i, " has batch size ", part.size(0), " but input 0 has ", x.front().size(0),
                  "; dimension 0 of every input is the same batch");
    });
    require(!explained(part) || all_finite(part.detach()), [&] {
      return name() + " holds NaN or infinite values; remove them (at::nan_to_num) before explaining it";
    });
  }
}

/// The parts without their graphs. @throws Error if one is an undefined tensor, which has nothing to detach
inline Tensors detached(const Tensors& x) {
  Tensors parts;
  for (std::size_t i = 0; i < x.size(); ++i) {
    require(x[i].defined(), [&] {
      return text(x.size() == 1 ? std::string("the input") : text("input ", i),
                  " is an undefined tensor; pass one that holds data");
    });
    parts.push_back(x[i].detach());
  }
  return parts;
}

/// Rows of every part: those whose positions `index` lists.
inline Tensors select_rows(const Tensors& x, const Tensor& index) {
  Tensors rows;
  rows.reserve(x.size());
  for (const Tensor& part : x) rows.push_back(part.index_select(0, index.to(part.device())));
  return rows;
}

/// The most steps, samples or draws that anything takes.
inline constexpr std::int64_t most_draws = 10'000'000;

/// @throws Error unless least <= count <= most_draws
inline void check_count(std::string_view method, std::string_view option, std::int64_t count,
                        std::int64_t least = 1) {
  require(count >= least && count <= most_draws, [&] {
    return text(method, ": ", option, " is ", count, ", expected at least ", least,
                count > most_draws ? text(" and at most ", most_draws) : "");
  });
}

/// a * b with 0 * b = 0 whatever b is: what does not move, or is not there, has no share of an infinite derivative.
inline Tensor times(const Tensor& a, const Tensor& b) {
  Tensor product = a * b;
  if (!explained(product) || all_finite(product)) return product;
  return product.masked_fill(a == 0, 0);
}

/// `values` on the device and in the type of `like`.
inline Tensor numbers_like(const std::vector<double>& values, const Tensor& like) {
  if (!like.is_cpu() || like.scalar_type() != at::kFloat) {
    return at::tensor(values, at::kDouble).to(like.device(), like.scalar_type());
  }
  Tensor numbers = at::empty({static_cast<std::int64_t>(values.size())}, like.options());
  std::transform(values.begin(), values.end(), numbers.data_ptr<float>(),
                 [](double value) { return static_cast<float>(value); });
  return numbers;
}

/// `values`, one for each row, shaped to broadcast over rows like `part`'s.
inline Tensor per_row(const Tensor& values, const Tensor& part) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(part.dim()), 1);
  shape.front() = values.size(0);
  return values.reshape(shape);
}

}  // namespace lumen::engine
