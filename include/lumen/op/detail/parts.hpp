// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <lumen/op/detail/pointwise.hpp>
#include <lumen/op/windows.hpp>

namespace lumen::op::detail {

/// Along one dimension.
template <class Build>
Geometry along_one(const Subject& subject, std::int64_t dim, const Build& build) {
  const auto at = static_cast<std::size_t>(wrapped(dim, subject.sizes().size()));
  if (at == 0 || subject.sizes().empty()) return everything(subject);
  return along(subject, [&](std::size_t d) {
    return d == at ? by(build(subject.sizes()[d], subject.result_sizes()[d])) : straight();
  });
}

/// A list of values, one behind the other.
inline Geometry cat(const Subject& subject) {
  const std::string_view name = bare_name(subject.step);
  const bool columns = name == "hstack" || name == "column_stack";
  const std::size_t rank = subject.result_sizes().size();
  if (subject.sizes().size() != rank || (columns && rank < 2)) return everything(subject);
  const std::int64_t dim = wrapped(name == "vstack"   ? 0
                                   : name == "dstack" ? 2
                                   : columns          ? 1
                                                      : subject.number("dim", 0),
                                   rank);
  std::int64_t before = 0;
  for (std::size_t i = 0; i < subject.operand; ++i) {
    const Sizes& sizes = subject.step.operands[i].sizes;
    if (sizes.size() == rank) before += sizes[static_cast<std::size_t>(dim)];
  }
  return along_one(subject, dim, [before](std::int64_t size, std::int64_t result_size) {
    return Relation::shifted(size, result_size, -before);
  });
}

/// A new dimension, of which each of the list is one place.
inline Geometry stack(const Subject& subject) {
  const std::size_t rank = subject.result_sizes().size();
  const auto dim = static_cast<std::size_t>(wrapped(subject.number("dim", 0), rank));
  if (dim == 0 || subject.sizes().size() + 1 != rank) return everything(subject);
  Stage stage = bare_stage(subject);
  for (std::size_t d = 1; d < rank - 1; ++d) {
    stage.links.push_back({.dim = d - 1, .result_dim = d < dim ? d - 1 : d});
  }
  const auto place = static_cast<std::int64_t>(subject.operand);
  stage.result_only.push_back({dim - 1, {place, place + 1}});
  return local(subject, {std::move(stage)});
}

/// One place of a dimension, which goes.
inline Geometry taken(const Subject& subject, std::int64_t given_dim, std::int64_t place) {
  const std::size_t rank = subject.sizes().size();
  const auto dim = static_cast<std::size_t>(wrapped(given_dim, rank));
  if (dim == 0 || rank == 0) return everything(subject);
  if (place < 0) place += subject.sizes()[dim];
  Stage stage = bare_stage(subject);
  for (std::size_t d = 1; d < rank; ++d) {
    if (d != dim) stage.links.push_back({.dim = d - 1, .result_dim = d < dim ? d - 1 : d - 2});
  }
  stage.operand_only.push_back({dim - 1, {place, place + 1}});
  return local(subject, {std::move(stage)});
}

inline Geometry select(const Subject& subject) {
  const c10::IValue dim = subject.argument("dim"), index = subject.argument("index");
  if (!dim.isInt() || !index.isInt()) return everything(subject);
  return taken(subject, dim.toInt(), index.toInt());
}

inline Geometry unbind(const Subject& subject) {
  const c10::IValue dim = subject.argument("dim");
  if (subject.step.position("dim") >= 0 && !dim.isInt()) return everything(subject);
  return taken(subject, subject.number("dim", 0), static_cast<std::int64_t>(subject.result));
}

/// Consecutive parts of a dimension: chunk, split, tensor_split. Each is told by the sizes of those before it.
inline Geometry split(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  const std::string_view name = bare_name(subject.step);
  const std::int64_t dim = wrapped(name == "hsplit"   ? 1
                                   : name == "vsplit" ? 0
                                   : name == "dsplit" ? 2
                                                      : subject.number("dim", 0),
                                   rank);
  if (dim <= 0 || static_cast<std::size_t>(dim) >= rank) return everything(subject);
  std::int64_t before = 0;
  const bool in_order = name != "tensor_split" && name != "hsplit" && name != "dsplit";
  std::int64_t total = 0;
  for (std::size_t i = 0; i < subject.step.result_sizes.size(); ++i) {
    const std::int64_t size = subject.step.result_sizes[i][static_cast<std::size_t>(dim)];
    if (i < subject.result) before += size;
    total += size;
  }
  // places given to tensor_split may go back or repeat
  if (!in_order && total != subject.sizes()[static_cast<std::size_t>(dim)]) return everything(subject);
  return along_one(subject, dim, [before](std::int64_t size, std::int64_t result_size) {
    return Relation::shifted(size, result_size, before);
  });
}

inline Geometry narrow(const Subject& subject) {
  const c10::IValue start = subject.argument("start"), dim = subject.argument("dim");
  if (subject.step.operands.size() != 1 || !dim.isInt() || !(start.isInt() || start.isNone()))
    return everything(subject);
  return along_one(subject, dim.toInt(), [&](std::int64_t size, std::int64_t result_size) {
    std::int64_t first = start.isInt() ? start.toInt() : 0;
    if (first < 0) first += size;
    return Relation::shifted(size, result_size, std::clamp(first, std::int64_t{0}, size),
                             subject.number("step", 1));
  });
}

/// The places of one dimension that a constant lists, or where it is true.
inline Geometry listed_places(const Subject& subject, std::size_t list, std::int64_t dim) {
  const Tensor& given = subject.step.operands[list].constant;
  if (subject.operand == list || !given.defined() || given.dim() > 1) return everything(subject);
  const bool mask = given.scalar_type() == at::kBool || given.scalar_type() == at::kByte;
  const Tensor index = (mask ? given.nonzero() : given).to(at::kCPU, at::kLong).reshape({-1}).contiguous();
  const std::int64_t* const places = index.data_ptr<std::int64_t>();
  return along_one(subject, dim, [&](std::int64_t size, std::int64_t result_size) {
    return Relation::of(size, result_size, [&](std::int64_t o, const auto& read) {
      read(places[o] < 0 ? places[o] + size : places[o]);
    });
  });
}

inline Geometry index_select(const Subject& subject) {
  const std::optional<std::size_t> at = operand_of(subject.step, subject.step.position("index"));
  const c10::IValue dim = subject.argument("dim");
  return dim.isInt() && at ? listed_places(subject, *at, dim.toInt()) : everything(subject);
}

/// x[:, list]: one list, in one dimension.
inline Geometry index(const Subject& subject) {
  if (subject.step.operands.size() != 2) return everything(subject);
  return listed_places(subject, 1, subject.step.operands[1].element);
}

inline Geometry flip(const Subject& subject) {
  const std::string_view name = bare_name(subject.step);
  Sizes dims = subject.list("dims");
  if (name == "fliplr") dims = {1};
  if (name == "flipud") dims = {0};
  for (std::int64_t& each : dims) each = wrapped(each, subject.sizes().size());
  if (std::count(dims.begin(), dims.end(), 0) > 0) return everything(subject);
  return along(subject, [&](std::size_t d) {
    if (std::count(dims.begin(), dims.end(), static_cast<std::int64_t>(d)) == 0) return straight();
    const std::int64_t size = subject.sizes()[d];
    return by(Relation::shifted(size, size, size - 1, -1));
  });
}

inline Geometry roll(const Subject& subject) {
  const Sizes shifts = subject.list("shifts");
  Sizes dims = subject.list("dims");
  for (std::int64_t& each : dims) each = wrapped(each, subject.sizes().size());
  if (dims.size() != shifts.size() || std::count(dims.begin(), dims.end(), 0) > 0) return everything(subject);
  return along(subject, [&](std::size_t d) {
    std::int64_t shift = 0;
    for (std::size_t i = 0; i < dims.size(); ++i)
      shift += dims[i] == static_cast<std::int64_t>(d) ? shifts[i] : 0;
    const std::int64_t size = subject.sizes()[d];
    if (shift == 0) return straight();
    return by(Relation::of(
        size, size, [=](std::int64_t o, const auto& read) { read(((o - shift) % size + size) % size); }));
  });
}

/// repeat and tile: the operand over and over, along each dimension.
inline Geometry repeat(const Subject& subject) {
  return along(subject, [&](std::size_t d) -> Choice {
    const std::int64_t size = subject.sizes()[d], result_size = subject.result_sizes()[d];
    if (size == result_size) return straight();
    return by(Relation::of(size, result_size, [size](std::int64_t o, const auto& read) { read(o % size); }));
  });
}

inline Geometry repeat_interleave(const Subject& subject) {
  const c10::IValue dim = subject.argument("dim"), repeats = subject.argument("repeats");
  if (!dim.isInt() || !repeats.isInt()) return everything(subject);
  return along_one(subject, dim.toInt(), [&](std::int64_t size, std::int64_t result_size) {
    return Relation::of(size, result_size,
                        [&](std::int64_t o, const auto& read) { read(o / repeats.toInt()); });
  });
}

inline Geometry expand(const Subject& subject) {
  return subject.operand == 0 ? broadcast(subject) : unread(subject);
}

/// Only the shape or the type of what else is given.
inline Geometry copied(const Subject& subject) {
  return subject.operand == 0 ? broadcast(subject) : unread(subject);
}

/// copy_: the first is overwritten.
inline Geometry overwritten(const Subject& subject) {
  return subject.operand == 0 ? unread(subject) : broadcast(subject);
}

}  // namespace lumen::op::detail
