// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>

#include <lumen/attribution/detail/keyed_stream.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::surrogate {

/// Which neighbours are asked: `sampler(m, seed, first, count)` gives draws first ... first + count - 1, bool
/// [count, m], each a function of (seed, draw) alone.
template <class S>
concept Sampler = requires(const S& sampler, std::int64_t m, std::uint64_t seed) {
  { sampler(m, seed, m, m) } -> std::convertible_to<Tensor>;
};

/// Each feature is present with this probability, by itself.
struct Bernoulli {
  double probability = 0.5;  ///< in (0, 1)

  Tensor operator()(std::int64_t m, std::uint64_t seed, std::int64_t first, std::int64_t count) const {
    require(probability > 0 && probability < 1, [&] {
      return text("surrogate::Bernoulli: probability is ", probability,
                  ", expected more than 0 and less than 1");
    });
    Tensor table = at::empty({count, m}, at::kBool);
    bool* out = table.data_ptr<bool>();
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      lumen::detail::KeyedStream stream(seed, draw);
      for (std::int64_t i = 0; i < m; ++i) *out++ = stream.uniform() < probability;
    }
    return table;
  }
};

/// Pairs of a neighbour, each feature present or not with equal probability, and its complement. (Of an odd number of draws
/// the last one's complement is left out.)
struct Pairs {
  Tensor operator()(std::int64_t m, std::uint64_t seed, std::int64_t first, std::int64_t count) const {
    Tensor table = at::empty({count, m}, at::kBool);
    bool* out = table.data_ptr<bool>();
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      lumen::detail::KeyedStream stream(seed, draw / 2);
      for (std::int64_t i = 0; i < m; ++i) *out++ = (stream.uniform() < 0.5) == (draw % 2 == 0);
    }
    return table;
  }
};

}  // namespace lumen::surrogate
