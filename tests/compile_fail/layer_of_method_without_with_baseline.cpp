// SPDX-License-Identifier: BSD-3-Clause
// expect: needs with_baseline\(other\)
#include <utility>

#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>

template <class B = lumen::baseline::Zero>
struct Difference {
  B baseline{};
#ifdef LUMEN_POSITIVE
  template <class Other>
  [[nodiscard]] Difference<Other> with_baseline(Other other) const {
    return {std::move(other)};
  }
#endif
  template <lumen::Input X, lumen::Model<X> M, lumen::TargetOrTargets T>
  auto operator()(M&&, const X& x, const T& target) const {
    return lumen::engine::answer(target, [&](const lumen::Targets& targets) {
      return std::vector<lumen::Attribution<X>>(targets.size(), {.map = x});
    });
  }
};

lumen::Attribution<> at_layer(lumen::AnyModel& model, const lumen::Tensor& x) {
  return lumen::AtLayer<Difference<>>{.layer = lumen::layer::nth("relu", 0)}(model, x,
                                                                             lumen::target::Class{});
}
