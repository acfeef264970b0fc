// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <memory>

#include <lumen/op/local/patches.hpp>

namespace lumen::op::local {

/// What a window becomes, and the work that it takes.
struct Reach {
  double height = 1.0, width = 1.0;  ///< of a window, on average over its places
  double flops = 0.0;                ///< multiplications and additions
};

/// An operator at a recorded point as a linear map from one of its operands to its result, which reaches from a window
/// to a window: one row of the Jacobian a window backward (`pull`), one column forward (`push`).
class LocalMap {
 public:
  LocalMap(const Plane& from, const Plane& to) : from_(from), to_(to) {}
  LocalMap(const LocalMap&) = delete;
  LocalMap& operator=(const LocalMap&) = delete;
  virtual ~LocalMap() = default;

  /// Gradients of the operand from those of the result.
  [[nodiscard]] virtual Patches pull(Patches gradient) const = 0;
  /// Changes of the result from those of the operand.
  [[nodiscard]] virtual Patches push(Patches change) const = 0;
  [[nodiscard]] virtual Reach pulled(const Reach& reach) const = 0;
  [[nodiscard]] virtual Reach pushed(const Reach& reach) const = 0;

  [[nodiscard]] const Plane& from() const { return from_; }
  [[nodiscard]] const Plane& to() const { return to_; }
  /// How many rows of the operand one row of the result is further on; 1/2 where the result is twice as fine.
  [[nodiscard]] virtual double stride() const { return 1.0; }
  /// Bytes that it holds beyond the model's own parameters.
  [[nodiscard]] virtual std::int64_t bytes() const { return 0; }

 private:
  Plane from_, to_;
};

using LocalMapPtr = std::unique_ptr<const LocalMap>;

}  // namespace lumen::op::local
