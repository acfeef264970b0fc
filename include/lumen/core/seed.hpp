// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/DistributionsHelper.h>
#include <ATen/core/grad_mode.h>

#include <lumen/core/tensor.hpp>

namespace lumen {

/// Hashes two numbers into one (the finaliser of SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// The key of one draw for one sample: random numbers are a function of it, so that they are the same whatever the
/// batch, chunk, thread count or device; the global generator is never touched.
[[nodiscard]] constexpr std::uint64_t key_of(std::uint64_t seed, std::int64_t sample,
                                             std::int64_t draw) noexcept {
  return mix(mix(seed, static_cast<std::uint64_t>(sample)), static_cast<std::uint64_t>(draw));
}

/// The private CPU generator of one draw for one sample, for what LibTorch draws.
[[nodiscard]] inline at::Generator generator(std::uint64_t seed, std::int64_t sample, std::int64_t draw) {
  const std::uint64_t key = key_of(seed, sample, draw);
  // LibTorch seeds its Mersenne twister with the low 32 bits
  return at::detail::createCPUGenerator((key >> 32) ^ (key & 0xffffffffULL));
}

/// Standard normal numbers of the shape of `like` (which is one sample), on its device.
[[nodiscard]] inline Tensor normal_like(const Tensor& like, at::Generator& source) {
  return at::randn(like.sizes(), source, like.options().device(at::kCPU)).to(like.device());
}

namespace detail {

/// Two uniform numbers for each random word of each key: u in (0, 1], angles in [0, 2 pi), both [keys, words].
template <class Real>
std::pair<Tensor, Tensor> uniform_pairs(const std::vector<std::uint64_t>& keys, std::int64_t words) {
  constexpr int bits = sizeof(Real) == 4 ? 24 : 32;
  constexpr Real unit = Real{1} / static_cast<Real>(std::uint64_t{1} << bits);
  constexpr Real turn = unit * static_cast<Real>(2 * std::numbers::pi);
  const auto rows = static_cast<std::int64_t>(keys.size());
  const Tensor both = at::empty({2, rows, words}, c10::CppTypeToScalarType<Real>::value);
  Real* u = both.data_ptr<Real>();
  Real* angle = u + rows * words;
  for (const std::uint64_t key : keys) {
    for (std::int64_t word = 0; word < words; ++word) {
      const std::uint64_t random = mix(key, static_cast<std::uint64_t>(word));
      *u++ = (static_cast<Real>(static_cast<std::int64_t>(random >> (64 - bits))) + Real{0.5}) * unit;
      *angle++ = static_cast<Real>(static_cast<std::int64_t>((random & 0xffffffffULL) >> (32 - bits))) * turn;
    }
  }
  return {both[0], both[1]};
}

}  // namespace detail

/// Standard normal numbers for rows shaped like those of `like`, on its device: row r is a function of (seed,
/// samples[r], draws[r]). From a counter-based generator (the words are SplitMix64 at key and counter) by the method of
/// Box and Muller (1958), all rows at once, on the processor.
[[nodiscard]] inline Tensor normal_rows(const Tensor& like, std::uint64_t seed,
                                        const std::vector<std::int64_t>& samples,
                                        const std::vector<std::int64_t>& draws) {
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape.front() = static_cast<std::int64_t>(samples.size());
  const std::int64_t size = c10::multiply_integers(like.sizes().slice(1)), words = (size + 1) / 2;
  std::vector<std::uint64_t> keys;
  for (std::size_t r = 0; r < samples.size(); ++r) keys.push_back(key_of(seed, samples[r], draws[r]));
  const at::NoGradGuard no_grad;
  auto [u, angle] = like.scalar_type() == at::kDouble ? detail::uniform_pairs<double>(keys, words)
                                                      : detail::uniform_pairs<float>(keys, words);
  const Tensor rows = at::empty({shape.front(), 2, words}, u.options());
  Tensor cosines = rows.select(1, 0), sines = rows.select(1, 1);
  at::cos_out(cosines, angle);
  at::sin_out(sines, angle);
  rows.mul_(u.log_().mul_(-2).sqrt_().unsqueeze(1));
  return rows.reshape({shape.front(), 2 * words})
      .narrow(1, 0, size)
      .reshape(shape)
      .to(like.device(), like.scalar_type());
}

/// A uniform number in [0, 1) that is a function of (seed, sample, draw).
[[nodiscard]] constexpr double uniform(std::uint64_t seed, std::int64_t sample, std::int64_t draw) noexcept {
  return static_cast<double>(mix(key_of(seed, sample, draw), 0) >> 11) * 0x1p-53;
}

/// A uniform number in [0, 1).
[[nodiscard]] inline double uniform(at::Generator& source) {
  return at::uniform_real_distribution<double>(0.0, 1.0)(at::check_generator<at::CPUGeneratorImpl>(source));
}

/// Uniform numbers in [0, 1) of the shape of `like` (which is one sample), on its device.
[[nodiscard]] inline Tensor uniform_like(const Tensor& like, at::Generator& source) {
  return at::rand(like.sizes(), source, like.options().device(at::kCPU)).to(like.device());
}

}  // namespace lumen
