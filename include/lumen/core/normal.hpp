// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

namespace detail {

/// Normal numbers from some words at once, two for each, in float32: arithmetic that has no branches and calls no function,
/// on blocks of constant length, which compilers turn into vector instructions.
struct NormalBlock {
  static constexpr int size = 16;
  std::int32_t high[size], low[size];  ///< 24 bits each of the words
  float cosines[size], sines[size];    ///< what they become

  void operator()() {
    for (int i = 0; i < size; ++i) {
      const float radius = root(-2.0F * log((static_cast<float>(high[i]) + 0.5F) * 0x1p-24F));
      // a quarter of the circle, and an angle in [-pi / 4, pi / 4] from its middle
      const std::int32_t quarter = (low[i] + (1 << 21)) >> 22;
      const float angle =
          static_cast<float>(low[i] - (quarter << 22)) * (std::numbers::pi_v<float> * 0x1p-23F);
      const float z = angle * angle;
      const float sine = angle * (1.0F + z * (-0.16666651F + z * (0.008332036F + z * -0.00019504022F)));
      const float cosine = 1.0F + z * (-0.5F + z * (0.041666616F + z * (-0.0013886619F + z * 2.437993e-05F)));
      const auto turns = static_cast<std::uint32_t>(quarter), swapped = 0U - (turns & 1U);
      const auto s = std::bit_cast<std::uint32_t>(sine), c = std::bit_cast<std::uint32_t>(cosine);
      const auto turned_cosine = ((c & ~swapped) | (s & swapped)) ^ (((turns + 1U) & 2U) << 30);
      const auto turned_sine = ((s & ~swapped) | (c & swapped)) ^ ((turns & 2U) << 30);
      cosines[i] = radius * std::bit_cast<float>(turned_cosine);
      sines[i] = radius * std::bit_cast<float>(turned_sine);
    }
  }

 private:
  /// The natural logarithm of a positive number, by powers of two and a polynomial on [sqrt(1/2), sqrt(2)); 0 at 1.
  static float log(float x) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;
    const float f = std::bit_cast<float>(bits - exponent * (1 << 23)) - 1.0F;
    float p = -0.14482149F + f * 0.08959813F;
    p = 0.14917397F + f * p;
    p = -0.16543745F + f * p;
    p = 0.19958416F + f * p;
    p = -0.25002944F + f * p;
    p = 0.3333416F + f * p;
    p = -0.4999998F + f * p;
    p = 1.0F + f * p;
    return static_cast<float>(exponent) * std::numbers::ln2_v<float> + f * p;
  }
  /// The square root, by Newton's method on its inverse (std::sqrt may set errno, which is a branch); 0 at 0.
  static float root(float x) {
    float y = std::bit_cast<float>(0x5f3759dfU - (std::bit_cast<std::uint32_t>(x) >> 1));
    for (int i = 0; i < 3; ++i) y = y * (1.5F - 0.5F * x * y * y);
    return x * y;
  }
};

/// Of each key, words pairs of numbers in float32: [keys, 2 words], the cosines' first.
inline Tensor normal_pairs(const std::vector<std::uint64_t>& keys, std::int64_t words) {
  const auto count = static_cast<std::int64_t>(keys.size());
  Tensor rows = at::empty({count, 2 * words}, at::kFloat);
  float* const first = rows.data_ptr<float>();
  at::parallel_for(0, count, std::max<std::int64_t>(16384 / words, 1),
                   [&](std::int64_t begin, std::int64_t end) {
                     NormalBlock block{};
                     for (std::int64_t row = begin; row < end; ++row) {
                       const std::uint64_t key = keys[static_cast<std::size_t>(row)];
                       float* const out = first + row * 2 * words;
                       for (std::int64_t word = 0; word < words; word += NormalBlock::size) {
                         for (int i = 0; i < NormalBlock::size; ++i) {
                           const std::uint64_t random = mix(key, static_cast<std::uint64_t>(word + i));
                           block.high[i] = static_cast<std::int32_t>(random >> 40);
                           block.low[i] = static_cast<std::int32_t>((random & 0xffffffffULL) >> 8);
                         }
                         block();
                         const std::int64_t wanted = std::min<std::int64_t>(words - word, NormalBlock::size);
                         std::copy_n(block.cosines, wanted, out + word);
                         std::copy_n(block.sines, wanted, out + words + word);
                       }
                     }
                   });
  return rows;
}

/// The same in float64, of 32 bits of each half of a word.
inline Tensor wide_normal_pairs(const std::vector<std::uint64_t>& keys, std::int64_t words) {
  constexpr double unit = 0x1p-32;
  const auto count = static_cast<std::int64_t>(keys.size());
  const Tensor u = at::empty({count, words}, at::kDouble), angle = at::empty_like(u);
  double *at_u = u.data_ptr<double>(), *at_angle = angle.data_ptr<double>();
  for (const std::uint64_t key : keys) {
    for (std::int64_t word = 0; word < words; ++word) {
      const std::uint64_t random = mix(key, static_cast<std::uint64_t>(word));
      *at_u++ = (static_cast<double>(random >> 32) + 0.5) * unit;
      *at_angle++ = static_cast<double>(random & 0xffffffffULL) * (unit * 2 * std::numbers::pi);
    }
  }
  const Tensor rows = at::empty({count, 2, words}, at::kDouble);
  Tensor cosines = rows.select(1, 0), sines = rows.select(1, 1);
  at::cos_out(cosines, angle);
  at::sin_out(sines, angle);
  rows.mul_(u.log().mul_(-2).sqrt_().unsqueeze(1));
  return rows.view({count, 2 * words});
}

}  // namespace detail

/// Standard normal numbers for rows shaped like those of `like`, on its device: row r is a function of (seed,
/// samples[r], draws[r]). From a counter-based generator (the words are SplitMix64 at key and counter) by the method of
/// Box and Muller (1958), all rows at once, on the processor. Narrower types than float64 are drawn in float32, from 24
/// bits where that takes 32.
[[nodiscard]] inline Tensor normal_rows(const Tensor& like, std::uint64_t seed,
                                        const std::vector<std::int64_t>& samples,
                                        const std::vector<std::int64_t>& draws) {
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape.front() = static_cast<std::int64_t>(samples.size());
  const std::int64_t size = c10::multiply_integers(like.sizes().slice(1)), words = (size + 1) / 2;
  std::vector<std::uint64_t> keys;
  keys.reserve(samples.size());
  for (std::size_t r = 0; r < samples.size(); ++r) keys.push_back(key_of(seed, samples[r], draws[r]));
  const at::NoGradGuard no_grad;
  Tensor rows = like.scalar_type() == at::kDouble ? detail::wide_normal_pairs(keys, words)
                                                  : detail::normal_pairs(keys, words);
  if (size % 2 != 0) rows = rows.narrow(1, 0, size);
  return rows.reshape(shape).to(like.device(), like.scalar_type());
}

}  // namespace lumen
