// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>

namespace lumen::op {

/// For each place of one dimension, an interval of another. Places outside have none.
class Spans {
 public:
  Spans() = default;
  /// @param of_place  of place 0, 1, ...; empty ones have any ends
  explicit Spans(std::vector<Interval> of_place) : of_(std::move(of_place)) {
    // The hull of a range is told by its ends where neither end of the intervals ever goes back.
    Interval last{0, 0};
    bool first = true;
    for (const Interval& each : of_) {
      if (each.empty()) continue;
      ascending_ = ascending_ && (first || (last.begin <= each.begin && last.end <= each.end));
      last = each, first = false;
    }
  }

  /// The smallest interval that holds those of all `places`.
  [[nodiscard]] Interval operator()(const Interval& places) const {
    const Interval in = meet(places, {0, static_cast<std::int64_t>(of_.size())});
    std::int64_t begin = in.begin, end = in.end;
    const auto at = [&](std::int64_t place) -> const Interval& {
      return of_[static_cast<std::size_t>(place)];
    };
    if (ascending_) {
      while (begin < end && at(begin).empty()) ++begin;
      while (begin < end && at(end - 1).empty()) --end;
      return begin < end ? Interval{at(begin).begin, at(end - 1).end} : Interval{};
    }
    Interval all;
    for (; begin < end; ++begin) all = hull(all, at(begin));
    return all;
  }

 private:
  std::vector<Interval> of_;
  bool ascending_ = true;
};

/// What places of a result's dimension read of an operand's, and what places of that one touch of the result's.
struct Relation {
  Spans reads, touches;

  /// @param size, result_size  of the operand's and the result's dimension
  /// @param each  called with (place of the result, read) for each place; calls read(place of the operand) for each
  ///              that is read, those outside are dropped
  template <class Each>
  [[nodiscard]] static Relation of(std::int64_t size, std::int64_t result_size, const Each& each) {
    std::vector<Interval> reads(static_cast<std::size_t>(result_size)),
        touches(static_cast<std::size_t>(size));
    for (std::int64_t o = 0; o < result_size; ++o) {
      each(o, [&](std::int64_t i) {
        if (i < 0 || i >= size) return;
        Interval& of_o = reads[static_cast<std::size_t>(o)];
        Interval& of_i = touches[static_cast<std::size_t>(i)];
        of_o = hull(of_o, {i, i + 1});
        of_i = hull(of_i, {o, o + 1});
      });
    }
    return {Spans(std::move(reads)), Spans(std::move(touches))};
  }

  /// Place o reads o * step + start.
  [[nodiscard]] static Relation shifted(std::int64_t size, std::int64_t result_size, std::int64_t start,
                                        std::int64_t step = 1) {
    return of(size, result_size, [&](std::int64_t o, const auto& read) { read(o * step + start); });
  }
  /// Place o reads all of begin(o) ... end(o) - 1.
  template <class Range>
  [[nodiscard]] static Relation ranges(std::int64_t size, std::int64_t result_size, const Range& range) {
    return of(size, result_size, [&](std::int64_t o, const auto& read) {
      const Interval all = meet(range(o), {0, size});
      for (std::int64_t i = all.begin; i < all.end; ++i) read(i);
    });
  }

  /// The operand for the result and the result for the operand.
  [[nodiscard]] Relation reversed() const { return {touches, reads}; }
};

}  // namespace lumen::op
