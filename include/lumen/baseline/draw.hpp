// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <vector>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::detail {

/// Whether some part's baseline differs from draw to draw.
template <Baseline B>
constexpr bool is_random() {
  if constexpr (JointBaseline<B>) {
    return B::random;
  } else if constexpr (is_baseline_tuple<B>) {
    return []<class... Each>(const std::tuple<Each...>*) {
      return (RandomBaseline<Each> || ...);
    }(static_cast<const B*>(nullptr));
  } else {
    return RandomBaseline<B>;
  }
}

inline Tensor checked_baseline(const Tensor& value, const Tensor& x) {
  require(value.defined() && value.sizes() == x.sizes(), [&] {
    return text("the baseline has shape ", value.defined() ? text(value.sizes()) : "none",
                ", expected the input's ", x.sizes());
  });
  return value.detach().to(x.device(), x.scalar_type());
}

/// The rows of an input that baselines are wanted for: the number of each row's sample and draw.
struct Draws {
  std::vector<std::int64_t> sample, draw;
};

template <class B>
Tensor baseline_of_part(const B& baseline, const Tensor& x, std::size_t part, const Draws& draws) {
  if constexpr (RandomBaseline<B>) {
    Tensors rows;
    for (std::int64_t row = 0; row < x.size(0); ++row) {
      const auto r = static_cast<std::size_t>(row);
      const Tensor sample = x.narrow(0, row, 1);
      at::Generator source = generator(lumen::mix(baseline.seed, part), draws.sample[r], draws.draw[r]);
      rows.push_back(checked_baseline(baseline(sample, source), sample));
    }
    return at::cat(rows);
  } else {
    return checked_baseline(baseline(x), x);
  }
}

/// The baselines of the rows of `x`, whose parts are all replaced.
template <Baseline B>
Tensors baselines_of_all(const B& baseline, const Tensors& x, const Draws& draws) {
  Tensors result;
  if constexpr (JointBaseline<B>) {
    result = baseline.rows(x, draws.sample, draws.draw);
    require(result.size() == x.size(), [&] {
      return text(result.size(), " baselines were given for ", x.size(), " inputs; give one each");
    });
    for (std::size_t i = 0; i < x.size(); ++i) result[i] = checked_baseline(result[i], x[i]);
  } else if constexpr (is_baseline_tuple<B>) {
    require(x.size() == std::tuple_size_v<B>, [&] {
      return text(std::tuple_size_v<B>, " baselines were given for ", x.size(),
                  " inputs; give one each, or one for all");
    });
    std::apply(
        [&](const auto&... each) {
          std::size_t i = 0;
          ((result.push_back(baseline_of_part(each, x[i], i, draws)), ++i), ...);
        },
        baseline);
  } else {
    for (std::size_t i = 0; i < x.size(); ++i) result.push_back(baseline_of_part(baseline, x[i], i, draws));
  }
  for (const Tensor& part : result) {
    require(!engine::explained(part) || engine::all_finite(part),
            "the baseline holds NaN or infinite values; give it finite ones");
  }
  return result;
}

/// The baselines of the rows of `x`; held parts are their own. Of several inputs a tuple has one for each that is not
/// held.
/// @param held  which parts those are; empty: those that are not floating point
/// @throws Error if a baseline has not the input's shape or is not finite, or a tuple of them not the input's
///         number of parts
template <Baseline B>
Tensors baselines(const B& baseline, const Tensors& x, const Draws& draws,
                  const std::vector<bool>& held = {}) {
  const at::NoGradGuard no_grad;
  Tensors replaced;
  const auto stays = [&](std::size_t part) {
    return held.empty() ? !engine::explained(x[part]) : bool{held[part]};
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!stays(i)) replaced.push_back(x[i]);
  }
  if (replaced.size() == x.size()) return baselines_of_all(baseline, x, draws);
  const Tensors others = baselines_of_all(baseline, replaced, draws);
  Tensors result;
  std::size_t next = 0;
  for (std::size_t i = 0; i < x.size(); ++i) result.push_back(stays(i) ? x[i].detach() : others[next++]);
  return result;
}

/// The numbers of a batch of `n` samples. @throws Error if `run.samples` lists another number of them
inline std::vector<std::int64_t> sample_numbers(const Run& run, std::int64_t n) {
  if (!run.samples.empty()) {
    require(static_cast<std::int64_t>(run.samples.size()) == n, [&] {
      return text("run.samples numbers ", run.samples.size(), " samples, the batch has ", n,
                  "; give one number each");
    });
    return run.samples;
  }
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  return numbers;
}

/// Draw 0 for each of `n` samples.
inline Draws first_draws(const Run& run, std::int64_t n) {
  return {sample_numbers(run, n), std::vector<std::int64_t>(static_cast<std::size_t>(n), 0)};
}

}  // namespace lumen::detail
