// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/op/needed.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::influence {

/// What a pixel of a layer can see of the image, as the operators' geometry tells, whatever the weights are.
struct LayerField {
  std::string kind{};  ///< of the operator that makes the layer's value, as layer::nth counts: "conv2d"
  std::int64_t nth = 0;
  trace::ValueId value = -1;          ///< of the program
  std::vector<std::int64_t> sizes{};  ///< of the value, [1, C, h, w]
  Interval rows{}, columns{};         ///< of the image, that its middle pixel depends on; empty: on none
  double row_stride = 0,
         column_stride = 0;  ///< how far the next pixel's field lies from this one's, in pixels
  bool clipped = false;      ///< the field is cut by the image's border: a larger image may show a larger one
  std::string
      whole{};  ///< the operator through which it sees all of the image, whatever its size; empty: none
};

/// Receptive fields of a recorded program on one image [1, C, H, W].
class TheoreticalFields {
 public:
  explicit TheoreticalFields(const trace::Program& program) : program_(program) {
    const auto& steps = program.steps();
    for (std::size_t s = 0; s < steps.size(); ++s) {
      for (std::size_t r = 0; r < steps[s].results.size(); ++r) made_[steps[s].results[r]] = {s, r};
    }
  }

  /// The parts of all values that a part of one depends on, by value; those of the program's inputs among them.
  [[nodiscard]] std::map<trace::ValueId, Box> parts(trace::ValueId value, const Box& part) const {
    std::map<trace::ValueId, Box> found{{value, part}};
    // values are numbered as they are made: from the last to the first
    for (auto last = found.end(); last != found.begin();) {
      --last;
      const auto made = made_.find(last->first);
      if (made == made_.end() || empty(last->second)) continue;
      const auto [s, r] = made->second;
      const trace::Step& step = program_.steps()[s];
      for (std::size_t i = 0; i < step.operands.size(); ++i) {
        if (step.operands[i].is_constant()) continue;
        const trace::ValueId operand = step.operands[i].value;
        require(operand < last->first, "a step's operand is numbered after its result");
        const Box box = geometry(s, i, r).needed(last->second);
        const auto [at, fresh] = found.try_emplace(operand, box);
        if (!fresh) at->second = hull(at->second, box);
      }
    }
    return found;
  }

  /// The field of the middle pixel of a value [1, C, h, w].
  /// @throws Error if the value or the program's input is no such one
  [[nodiscard]] LayerField of(trace::ValueId value) const {
    const std::vector<std::int64_t> sizes = program_.sizes(value),
                                    image = program_.sizes(program_.inputs().front());
    require(sizes.size() == 4 && image.size() == 4, [&] {
      return text("receptive fields are of images: the input has sizes ", at::IntArrayRef(image),
                  ", the layer ", at::IntArrayRef(sizes), "; expected [1, C, H, W]");
    });
    LayerField field{.value = value, .sizes = sizes};
    if (const auto made = made_.find(value); made != made_.end()) {
      field.kind = program_.steps()[made->second.first].kind;
      field.nth = program_.steps()[made->second.first].nth;
    }
    const std::int64_t row = sizes[2] / 2, column = sizes[3] / 2;
    const Box seen = image_part(value, row, column, &field.whole);
    field.rows = seen[1];
    field.columns = seen[2];
    field.clipped = touches(seen[1], image[2]) || touches(seen[2], image[3]);
    const auto stride = [&](std::size_t d, std::int64_t extent, std::int64_t middle) {
      if (extent < 2) return 0.0;
      const Box next = d == 1 ? image_part(value, middle - 1, column) : image_part(value, row, middle - 1);
      const Interval &a = next[d], &b = seen[d];
      // at a border one end stays where it is
      return static_cast<double>(std::max(b.begin - a.begin, b.end - a.end));
    };
    field.row_stride = stride(1, sizes[2], row);
    field.column_stride = stride(2, sizes[3], column);
    return field;
  }

  /// The fields of all values [1, C, h, w] that the output depends on, in the order in which they are made.
  [[nodiscard]] std::vector<LayerField> all() const {
    std::vector<LayerField> fields;
    const auto live = parts(program_.output(), whole(program_.sizes(program_.output())));
    for (const auto& [value, part] : live) {
      if (made_.contains(value) && program_.sizes(value).size() == 4) fields.push_back(of(value));
    }
    return fields;
  }

 private:
  static bool touches(const Interval& part, std::int64_t extent) {
    return !part.empty() && (part.begin <= 0 || part.end >= extent);
  }

  [[nodiscard]] Box image_part(trace::ValueId value, std::int64_t row, std::int64_t column,
                               std::string* blame = nullptr) const {
    const Box part{{0, program_.sizes(value)[1]}, {row, row + 1}, {column, column + 1}};
    const auto found = parts(value, part);
    if (blame != nullptr) {
      for (const auto& [id, box] : found) {
        const auto made = made_.find(id);
        if (made == made_.end() || empty(box)) continue;
        const auto [s, r] = made->second;
        if (!op::is_local(program_.steps()[s], r)) *blame = program_.steps()[s].where();
      }
    }
    const auto image = found.find(program_.inputs().front());
    return image == found.end() ? Box(3) : image->second;
  }

  [[nodiscard]] const op::Geometry& geometry(std::size_t step, std::size_t operand,
                                             std::size_t result) const {
    const auto key = std::array{step, operand, result};
    auto found = geometries_.find(key);
    if (found == geometries_.end())
      found = geometries_.emplace(key, op::geometry(program_.steps()[step], operand, result)).first;
    return found->second;
  }

  const trace::Program& program_;
  std::map<trace::ValueId, std::pair<std::size_t, std::size_t>> made_;  ///< by which step, as which result
  mutable std::map<std::array<std::size_t, 3>, op::Geometry> geometries_;
};

}  // namespace lumen::influence
