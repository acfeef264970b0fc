// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

#include <lumen/op/channel_map.hpp>
#include <lumen/op/detail/subject.hpp>

namespace lumen::op::detail {

/// Place by place; a dimension of size 1 is read by all places. What has fewer dimensions has no batch of its own.
inline Geometry broadcast(const Subject& subject) {
  return along(subject, [&](std::size_t d) -> Choice {
    const std::int64_t size = subject.sizes()[d], result_size = subject.result_sizes()[d];
    if (size == result_size || size != 1) return straight();
    return all_of_it();
  });
}

/// Functions of each value, and of several that are broadcast.
inline Geometry pointwise(const Subject& subject) { return broadcast(subject); }

/// Functions of each value with parameters for each channel, which are read whole.
inline Geometry channelwise(const Subject& subject) {
  return data(subject.step) == subject.operand ? broadcast(subject) : everything(subject);
}

/// Of three; with the condition alone, the places where it holds.
inline Geometry where(const Subject& subject) {
  return subject.step.position("self") < 0 ? everything(subject) : broadcast(subject);
}

/// The first half of a dimension times a function of the second.
inline Geometry glu(const Subject& subject) {
  const auto dim = static_cast<std::size_t>(wrapped(subject.number("dim", -1), subject.sizes().size()));
  if (dim == 0) return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (d != dim) return straight();
    const std::int64_t half = subject.result_sizes()[d];
    return by(Relation::of(subject.sizes()[d], half,
                           [half](std::int64_t o, const auto& read) { read(o), read(o + half); }));
  });
}

/// Normalisation by fixed statistics; by those of the batch its samples influence each other.
inline Geometry batch_norm(const Subject& subject) {
  if (normalises_by_batch(subject.step) || subject.result != 0) return everything(subject);
  return channelwise(subject);
}

}  // namespace lumen::op::detail
