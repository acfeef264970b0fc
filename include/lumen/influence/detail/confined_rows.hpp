// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>

#include <lumen/engine/side_by_side.hpp>
#include <lumen/influence/detail/backward.hpp>
#include <lumen/influence/detail/network.hpp>
#include <lumen/influence/detail/plan.hpp>
#include <lumen/influence/detail/stream.hpp>

namespace lumen::influence::detail {

/// Rows by confined backward passes.
class ConfinedRows {
 public:
  ConfinedRows(const Network& network, const Question& question, const Tensor& x, const Run& run)
      : network_(network), question_(question), x_(x), estimate_(estimate(network, true)) {
    const double row = 4.0 * estimate_.elements * static_cast<double>(x.element_size());
    workers_ = x.is_cpu() ? at::get_num_threads() : 1;
    const double most = static_cast<double>(run.memory) / row / static_cast<double>(workers_);
    chunk_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(most), 1, chunk_for(estimate_, x));
  }

  [[nodiscard]] const Estimate& cost() const { return estimate_; }
  [[nodiscard]] std::int64_t chunk() const { return chunk_; }

  /// The gradients of these pixels' scores with respect to the image.
  [[nodiscard]] op::local::Patches rows(std::size_t target, const Tensor& which,
                                        Shares* shares = nullptr) const {
    const Tensor places = question_.places.index_select(0, which);
    const auto* place = places.data_ptr<std::int64_t>();
    op::local::Patches seed{
        question_.seeds[target].index_select(0, which.to(x_.device())).unsqueeze(2).unsqueeze(3),
        {},
        {},
        true,
        true};
    for (std::int64_t b = 0; b < which.size(0); ++b, place += 2) {
      seed.rows.push_back(place[0]);
      seed.columns.push_back(place[1]);
    }
    return pulled_back(network_, std::move(seed), shares);
  }

  /// All rows in chunks; returns the windows' shares of each stage.
  Shares stream(Stream& stream) const {
    const Order order(question_.places, estimate_.period, chunk_);
    Shares shares(network_.stages().size(), 0.0);
    const std::vector<Tensor>& chunks = order.chunks;
    const std::size_t targets = question_.seeds.size();
    for (std::size_t begin = 0; begin < chunks.size(); begin += static_cast<std::size_t>(workers_)) {
      const std::size_t count = std::min(chunks.size() - begin, static_cast<std::size_t>(workers_));
      for (std::size_t target = 0; target < targets; ++target) {
        std::vector<op::local::Patches> found(count);
        engine::side_by_side(static_cast<std::int64_t>(count), [&](std::int64_t i) {
          const auto c = static_cast<std::size_t>(i);
          found[c] = rows(target, chunks[begin + c], begin + c == 0 ? &shares : nullptr);
        });
        for (std::size_t c = 0; c < count; ++c)
          stream.give(target, chunks[begin + c], found[c].values, origins_of(found[c]));
      }
    }
    return shares;
  }

  static Tensor origins_of(const op::local::Patches& patches) {
    return at::stack({at::tensor(patches.rows, at::kLong), at::tensor(patches.columns, at::kLong)}, 1)
        .contiguous();
  }

 private:
  const Network& network_;
  const Question& question_;
  const Tensor& x_;
  Estimate estimate_;
  std::int64_t workers_ = 1, chunk_ = 1;
};

}  // namespace lumen::influence::detail
