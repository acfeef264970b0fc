// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/op/spans.hpp>

namespace lumen::op {

/// One step of a geometry: how the dimensions of a value [N, d0, d1, ...] are those of another, one by one or as
/// groups that are read as one long dimension. Dimensions are counted without the batch.
struct Stage {
  using Sizes = std::vector<std::int64_t>;

  /// Two dimensions that follow each other place by place if there is no relation.
  struct Link {
    std::size_t dim = 0, result_dim = 0;
    std::optional<Relation> relation{};
  };
  /// Consecutive dimensions, row-major, that are other ones of the result.
  struct Regroup {
    std::vector<std::size_t> dims{}, result_dims{};
  };
  /// The only places of a dimension that take part.
  struct Only {
    std::size_t dim = 0;
    Interval places{};
  };

  Sizes sizes{}, result_sizes{};  ///< without the batch
  std::vector<Link> links{};
  std::vector<Regroup> regroups{};
  std::vector<Only> operand_only{}, result_only{};

  [[nodiscard]] Box needed(const Box& result) const {
    return carried(result, true, result_sizes, sizes, result_only, operand_only);
  }
  [[nodiscard]] Box reached(const Box& operand) const {
    return carried(operand, false, sizes, result_sizes, operand_only, result_only);
  }

 private:
  static Box all_of(const Sizes& sizes) {
    Box box;
    for (const std::int64_t size : sizes) box.push_back({0, size});
    return box;
  }

  /// The hull of the box's places in the one long dimension that `dims` make.
  static Interval flat(const Box& box, const std::vector<std::size_t>& dims, const Sizes& sizes) {
    std::int64_t first = 0, last = 0;
    for (const std::size_t d : dims) {
      first = first * sizes[d] + box[d].begin;
      last = last * sizes[d] + box[d].end - 1;
    }
    return {first, last + 1};
  }

  /// The hull of places of the one long dimension in each of the `dims` that make it.
  static void split(const Interval& places, const std::vector<std::size_t>& dims, const Sizes& sizes,
                    Box& box) {
    std::int64_t stride = 1;
    for (std::size_t i = dims.size(); i-- > 0;) {
      const std::int64_t size = sizes[dims[i]];
      const std::int64_t first = places.begin / stride, last = (places.end - 1) / stride;
      Interval each{0, size};
      if (last - first < size && first % size <= last % size) each = {first % size, last % size + 1};
      box[dims[i]] = meet(box[dims[i]], each);
      stride *= size;
    }
  }

  [[nodiscard]] Box carried(const Box& given, bool back, const Sizes& from, const Sizes& to,
                            const std::vector<Only>& from_only, const std::vector<Only>& to_only) const {
    const Box box = meet(given, all_of(from));
    Box result = all_of(to);
    bool none = empty(box);
    for (const Only& each : from_only) none = none || meet(box[each.dim], each.places).empty();
    for (const Only& each : to_only) result[each.dim] = meet(result[each.dim], each.places);
    for (const Link& each : links) {
      if (none) break;
      const std::size_t source = back ? each.result_dim : each.dim, goal = back ? each.dim : each.result_dim;
      const Interval found = !each.relation ? box[source]
                             : back         ? each.relation->reads(box[source])
                                            : each.relation->touches(box[source]);
      result[goal] = meet(result[goal], found);
    }
    for (const Regroup& each : regroups) {
      if (none) break;
      const auto& source = back ? each.result_dims : each.dims;
      split(flat(box, source, from), back ? each.dims : each.result_dims, to, result);
    }
    if (none || empty(result)) return Box(to.size());
    return result;
  }
};

/// Which part of an operand a part of a result reads, and the other way round.
///
/// The boxes are the smallest that hold all places that matter, except where it says otherwise (`op/needed.hpp`);
/// never smaller. All rows of the batch are meant, and where `local` row n of the result reads row n alone. Places
/// outside of a value have nothing: a box that leaves it is met with it first.
struct Geometry {
  bool local = false;  ///< false: no entry, or one that mixes all; then every box is whole or empty
  bool read = true;    ///< false: nothing but the operand's shape or type is used
  Stage::Sizes sizes{}, result_sizes{};  ///< of the operand and of the result, without the batch
  std::vector<Stage> stages{};           ///< from the operand to the result

  /// The part of the operand that this part of the result reads.
  [[nodiscard]] Box needed(const Box& result) const {
    if (!read) return Box(sizes.size());
    Box box = result;
    if (!local) return all_or_none(meet_with(box, result_sizes), sizes);
    for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) box = stage->needed(box);
    return box;
  }
  /// The part of the result that this part of the operand touches.
  [[nodiscard]] Box reached(const Box& operand) const {
    if (!read) return Box(result_sizes.size());
    Box box = operand;
    if (!local) return all_or_none(meet_with(box, sizes), result_sizes);
    for (const Stage& stage : stages) box = stage.reached(box);
    return box;
  }

 private:
  static Box meet_with(Box box, const Stage::Sizes& sizes) {
    for (std::size_t i = 0; i < box.size(); ++i) box[i] = meet(box[i], {0, sizes[i]});
    return box;
  }
  static Box all_or_none(const Box& from, const Stage::Sizes& to) {
    if (empty(from)) return Box(to.size());
    Box box;
    for (const std::int64_t size : to) box.push_back({0, size});
    return box;
  }
};

}  // namespace lumen::op
