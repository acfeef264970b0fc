// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <lumen/engine/side_by_side.hpp>
#include <lumen/influence/column_chunk.hpp>
#include <lumen/influence/detail/confined_rows.hpp>
#include <lumen/influence/detail/forward.hpp>
#include <lumen/influence/detail/plan.hpp>
#include <lumen/influence/detail/question.hpp>

namespace lumen::influence::detail {

/// Columns by confined forward passes of the linearised network.
class ConfinedColumns {
 public:
  /// A chunk of columns of one target: [B, h, w] at places of the output.
  using Give =
      std::function<void(std::size_t target, const Tensor& places, const op::local::Patches& columns)>;

  ConfinedColumns(const Network& network, const Question& question, const Tensor& x, const Run& run)
      : network_(network), x_(x), estimate_(estimate(network, false)) {
    const double column = 4.0 * estimate_.elements * static_cast<double>(x.element_size());
    workers_ = x.is_cpu() ? at::get_num_threads() : 1;
    const double most = static_cast<double>(run.memory) / column / static_cast<double>(workers_);
    chunk_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(most), 1, chunk_for(estimate_, x));
    const Tensor index = question.index().to(x.device());
    for (const Tensor& seeds : question.seeds) {
      const Tensor plane = at::zeros({question.height * question.width, question.channels}, seeds.options());
      plane.index_copy_(0, index, seeds);
      seeds_.push_back(plane.view({question.height, question.width, question.channels}));
    }
  }

  [[nodiscard]] const Estimate& cost() const { return estimate_; }
  [[nodiscard]] std::int64_t chunk() const { return chunk_; }

  /// How the output changes with elements of the image. @param places  int64 [B, 3]: channel, row, column
  [[nodiscard]] op::local::Patches outputs(const Tensor& places, Shares* shares = nullptr) const {
    const std::int64_t count = places.size(0);
    op::local::Patches change{at::zeros({count, x_.size(1), 1, 1}, x_.options()), {}, {}, true, true};
    change.values.view({count, x_.size(1)}).scatter_(1, places.narrow(1, 0, 1).to(x_.device()), 1.0);
    const auto* place = places.data_ptr<std::int64_t>();
    for (std::int64_t b = 0; b < count; ++b, place += 3) {
      change.rows.push_back(place[1]);
      change.columns.push_back(place[2]);
    }
    return pushed_forward(network_, std::move(change), shares);
  }

  /// Elements whose windows have the same shape together: `visit(places)` for each chunk.
  template <class Visit>
  void each_chunk(const Tensor& places, const Visit& visit) const {
    const Order order(places.narrow(1, 1, 2), estimate_.period, chunk_);
    for (const Tensor& some : order.chunks) visit(places.index_select(0, some));
  }

  /// The columns of these elements, in chunks.
  void stream(const Tensor& places, const Give& give, Shares& shares) const {
    std::vector<Tensor> chunks;
    each_chunk(places, [&](const Tensor& some) { chunks.push_back(some); });
    const std::size_t targets = seeds_.size(), workers = static_cast<std::size_t>(workers_);
    for (std::size_t begin = 0; begin < chunks.size(); begin += workers) {
      const std::size_t count = std::min(chunks.size() - begin, workers);
      std::vector<std::vector<op::local::Patches>> found(count);
      engine::side_by_side(static_cast<std::int64_t>(count), [&](std::int64_t i) {
        const auto c = static_cast<std::size_t>(i);
        op::local::Patches changes = outputs(chunks[begin + c], begin + c == 0 ? &shares : nullptr);
        changes.owned = false;
        for (std::size_t t = 0; t < targets; ++t) {
          op::local::Patches scored = op::local::times_plane(changes, seeds_[t]);
          scored.values = scored.values.sum(1);
          found[c].push_back(std::move(scored));
        }
      });
      for (std::size_t c = 0; c < count; ++c) {
        for (std::size_t t = 0; t < targets; ++t) give(t, chunks[begin + c], found[c][t]);
      }
    }
  }

 private:
  const Network& network_;
  const Tensor& x_;
  Estimate estimate_;
  std::int64_t workers_ = 1, chunk_ = 1;
  Tensors seeds_;  // [H', W', K], zero where nothing is asked
};

}  // namespace lumen::influence::detail
