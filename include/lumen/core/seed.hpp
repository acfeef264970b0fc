// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/DistributionsHelper.h>

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
