// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <ATen/Dispatch.h>

#include <lumen/influence/detail/confined_columns.hpp>
#include <lumen/influence/detail/stream.hpp>

namespace lumen::influence::detail {

/// Which places of the image reach a place of the output, along one axis: those of [first[r], first[r] + extent).
struct Support {
  std::vector<std::int64_t> begin{}, end{};  ///< of each place of the image: what it reaches of the output
  std::vector<std::int64_t> first{},
      last{};               ///< of each place of the output: what reaches it, none if last < first
  std::int64_t extent = 1;  ///< the most that reach one

  /// @param axis  1: rows, 2: columns
  Support(const ConfinedColumns& columns, std::int64_t axis, std::int64_t size, std::int64_t out_size,
          std::int64_t middle) {
    begin.assign(static_cast<std::size_t>(size), 0);
    end.assign(static_cast<std::size_t>(size), 0);
    const Tensor places = at::full({size, 3}, middle, at::kLong);
    places.select(1, 0).zero_();
    places.select(1, axis).copy_(at::arange(size, at::kLong));
    columns.each_chunk(places, [&](const Tensor& some) {
      const op::local::Patches reached = columns.outputs(some);
      for (std::size_t b = 0; b < reached.rows.size(); ++b) {
        const auto at =
            static_cast<std::size_t>(some[static_cast<std::int64_t>(b)][axis].item<std::int64_t>());
        const std::int64_t low = axis == 1 ? reached.rows[b] : reached.columns[b];
        const std::int64_t high = low + (axis == 1 ? reached.height() : reached.width());
        begin[at] = std::clamp<std::int64_t>(low, 0, out_size);
        end[at] = std::clamp<std::int64_t>(high, 0, out_size);
      }
    });
    first.assign(static_cast<std::size_t>(out_size), size);
    last.assign(static_cast<std::size_t>(out_size), -1);
    for (std::int64_t at = 0; at < size; ++at) {
      for (std::int64_t r = begin[static_cast<std::size_t>(at)]; r < end[static_cast<std::size_t>(at)]; ++r) {
        first[static_cast<std::size_t>(r)] = std::min(first[static_cast<std::size_t>(r)], at);
        last[static_cast<std::size_t>(r)] = std::max(last[static_cast<std::size_t>(r)], at);
      }
    }
    for (std::size_t r = 0; r < first.size(); ++r) extent = std::max(extent, last[r] - first[r] + 1);
  }
};

/// Columns of the Jacobian made into rows: image row after image row, with the rows of as many output rows in flight as
/// an image row reaches, in strips of the output's columns that fit the memory.
class Band {
 public:
  Band(const ConfinedColumns& columns, const Question& question, const Tensor& x, const Run& run)
      : columns_(columns),
        question_(question),
        x_(x),
        down_(columns, 1, x.size(2), question.height, x.size(3) / 2),
        right_(columns, 2, x.size(3), question.width, x.size(2) / 2) {
    asked_.assign(static_cast<std::size_t>(question.height * question.width), -1);
    const Tensor index = question.index();
    for (std::int64_t i = 0; i < index.size(0); ++i)
      asked_[static_cast<std::size_t>(index[i].item<std::int64_t>())] = i;
    // output rows are held from the first image row that reaches them to the last
    const std::int64_t in_flight =
        std::min(question.height, static_cast<std::int64_t>(static_cast<double>(down_.extent) *
                                                            static_cast<double>(question.height) /
                                                            static_cast<double>(x.size(2))) +
                                      1);
    const double column =
        static_cast<double>(in_flight * row_elements() * static_cast<std::int64_t>(question.seeds.size())) *
        static_cast<double>(x.element_size());
    strip_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(run.memory) / column), 1,
                                      question.width);
    const std::int64_t strips = (question.width + strip_ - 1) / strip_;
    strip_ = (question.width + strips - 1) / strips;
  }

  /// Columns of the Jacobian that all strips take together.
  [[nodiscard]] double work() const {
    double places = 0.0;
    for (std::int64_t left = 0; left < question_.width; left += strip_) {
      const auto [from, to] = image_columns(left);
      places += static_cast<double>(to - from);
    }
    return places * static_cast<double>(x_.size(1) * x_.size(2));
  }

  void stream(Stream& stream, Shares& shares) const {
    for (std::int64_t left = 0; left < question_.width; left += strip_) strip(left, stream, shares);
  }

 private:
  struct Rows {
    std::vector<std::int64_t> which{};  // positions in the question
    std::vector<std::int64_t> slot{};   // of each column of the strip, -1: not asked
    Tensors values{};                   // of each target [count, C, h, w]
  };

  [[nodiscard]] std::int64_t row_elements() const { return x_.size(1) * down_.extent * right_.extent; }

  [[nodiscard]] std::pair<std::int64_t, std::int64_t> image_columns(std::int64_t left) const {
    std::int64_t from = x_.size(3), to = 0;
    for (std::int64_t c = left; c < std::min(left + strip_, question_.width); ++c) {
      from = std::min(from, right_.first[static_cast<std::size_t>(c)]);
      to = std::max(to, right_.last[static_cast<std::size_t>(c)] + 1);
    }
    return {std::min(from, to), to};
  }

  [[nodiscard]] std::int64_t step_for(std::int64_t across) const {
    const std::int64_t period = columns_.cost().period, alike = std::max<std::int64_t>(across / period, 1);
    return period * std::max<std::int64_t>(columns_.chunk() / alike, 1);
  }

  void strip(std::int64_t left, Stream& stream, Shares& shares) const {
    const std::int64_t width = std::min(strip_, question_.width - left);
    std::map<std::int64_t, Rows> held;
    std::int64_t next = 0;  // output rows before it are done
    const auto [from, to] = image_columns(left);
    const std::int64_t channels = x_.size(1), across = to - from;
    const auto rows_of = [&](std::int64_t r) -> Rows& {
      const auto [place, is_new] = held.try_emplace(r);
      if (is_new) open(place->second, r, left, width);
      return place->second;
    };
    // as many image rows at once as make full chunks of windows of one shape
    const std::int64_t step = step_for(across);
    for (std::int64_t y = 0; y < x_.size(2); y += step) {
      const std::int64_t count = std::min(step, x_.size(2) - y);
      if (across > 0) {
        const Tensor places =
            at::stack({at::arange(channels, at::kLong).repeat_interleave(count * across),
                       at::arange(y, y + count, at::kLong).repeat_interleave(across).repeat({channels}),
                       at::arange(from, to, at::kLong).repeat({channels * count})},
                      1)
                .contiguous();
        columns_.stream(
            places,
            [&](std::size_t t, const Tensor& at_places, const op::local::Patches& found) {
              scatter(t, at_places, found, left, width, rows_of);
            },
            shares);
      }
      stream.tell();
      for (; next < question_.height && down_.last[static_cast<std::size_t>(next)] < y + count; ++next) {
        Rows done = std::move(rows_of(next));
        held.erase(next);
        close(std::move(done), next, stream);
      }
    }
    for (; next < question_.height; ++next) close(std::move(rows_of(next)), next, stream);
  }

  void open(Rows& rows, std::int64_t r, std::int64_t left, std::int64_t width) const {
    rows.slot.assign(static_cast<std::size_t>(width), -1);
    for (std::int64_t c = 0; c < width; ++c) {
      const std::int64_t which = asked_[static_cast<std::size_t>(r * question_.width + left + c)];
      if (which < 0) continue;
      rows.slot[static_cast<std::size_t>(c)] = static_cast<std::int64_t>(rows.which.size());
      rows.which.push_back(which);
    }
    const std::vector<std::int64_t> sizes{static_cast<std::int64_t>(rows.which.size()), x_.size(1),
                                          down_.extent, right_.extent};
    for (std::size_t t = 0; t < question_.seeds.size(); ++t)
      rows.values.push_back(at::zeros(sizes, x_.options().device(at::kCPU)));
  }

  [[nodiscard]] static std::int64_t origin(const Support& support, std::int64_t place, std::int64_t size) {
    return std::clamp<std::int64_t>(support.first[static_cast<std::size_t>(place)], 0, size - support.extent);
  }

  template <class RowsOf>
  void scatter(std::size_t target, const Tensor& places, const op::local::Patches& found, std::int64_t left,
               std::int64_t width, const RowsOf& rows_of) const {
    const Tensor values = found.values.cpu().contiguous();
    const auto* place = places.data_ptr<std::int64_t>();
    const std::int64_t h = values.size(1), w = values.size(2), plane = down_.extent * right_.extent;
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, values.scalar_type(), "scatter", [&] {
      const auto* value = values.data_ptr<scalar_t>();
      for (std::size_t b = 0; b < found.rows.size(); ++b, place += 3, value += h * w) {
        const auto y_at = static_cast<std::size_t>(place[1]), x_at = static_cast<std::size_t>(place[2]);
        const std::int64_t c_begin = std::max({right_.begin[x_at], left, found.columns[b]});
        const std::int64_t c_end = std::min({right_.end[x_at], left + width, found.columns[b] + w});
        const std::int64_t r_end = std::min(down_.end[y_at], found.rows[b] + h);
        for (std::int64_t r = std::max(down_.begin[y_at], found.rows[b]); r < r_end; ++r) {
          Rows& rows = rows_of(r);
          if (rows.which.empty()) continue;
          auto* out = rows.values[target].template data_ptr<scalar_t>();
          // of a row of the question whose window begins at column 0
          const std::int64_t to =
              place[0] * plane + (place[1] - origin(down_, r, x_.size(2))) * right_.extent + place[2];
          const std::int64_t from = (r - found.rows[b]) * w - found.columns[b];
          for (std::int64_t c = c_begin; c < c_end; ++c) {
            const std::int64_t slot = rows.slot[static_cast<std::size_t>(c - left)];
            if (slot >= 0)
              out[to + slot * x_.size(1) * plane - origin(right_, c, x_.size(3))] = value[from + c];
          }
        }
      }
    });
  }

  void close(Rows rows, std::int64_t r, Stream& stream) const {
    if (rows.which.empty()) return;
    const Tensor which = at::tensor(rows.which, at::kLong);
    const Tensor origins = at::empty({which.size(0), 2}, at::kLong);
    auto* at_origin = origins.data_ptr<std::int64_t>();
    for (const std::int64_t position : rows.which) {
      const std::int64_t column = question_.places.data_ptr<std::int64_t>()[2 * position + 1];
      *at_origin++ = origin(down_, r, x_.size(2));
      *at_origin++ = origin(right_, column, x_.size(3));
    }
    for (std::size_t t = 0; t < rows.values.size(); ++t)
      stream.give(t, which, rows.values[t].to(x_.device()), origins);
  }

  const ConfinedColumns& columns_;
  const Question& question_;
  const Tensor& x_;
  Support down_, right_;
  std::int64_t strip_ = 1;
  std::vector<std::int64_t> asked_;  // position in the question of each output pixel, -1: not asked
};

}  // namespace lumen::influence::detail
