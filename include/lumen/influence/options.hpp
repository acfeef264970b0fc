// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lumen/core/run.hpp>
#include <lumen/trace/layer.hpp>

namespace lumen::influence {

/// How the rows of the Jacobian are had; the same rows whichever way.
enum class Way {
  Cheapest,  ///< the cheaper of rows and columns, counted from the network's geometry; whole where neither is possible
  Whole,   ///< a whole backward pass for each output pixel, its graph kept: slow, and right for every model
  Rows,    ///< backward from output pixels, every operator confined to the window that the gradient reaches
  Columns  ///< forward from input pixels, likewise confined, and transposed
};

struct Options {
  /// `memory` holds a chunk of rows and what it takes to make it. More than elsewhere, since columns are made into rows
  /// by holding all that an image row reaches.
  Run run{.memory = std::int64_t{512} << 20};
  std::optional<trace::Layer>
      layer{};  ///< ask about the pixels of this layer's value instead of the output's
  Way way = Way::Cheapest;
};

/// What an operator did in the stream.
struct StepReport {
  std::string where;      ///< "conv2d 3 (aten::conv2d, operator 17)"
  bool confined = false;  ///< false: gradients of the whole value went through it
  double share = 1.0;     ///< of its input's area that a window took, 0 to 1
};

/// What a stream cost, and how it went.
struct Report {
  std::int64_t rows = 0;             ///< handed to the sink, of all targets together
  std::int64_t chunks = 0;           ///< in so many calls
  std::int64_t forward_passes = 0;   ///< of the whole model
  std::int64_t backward_passes = 0;  ///< of the whole model
  Way way = Way::Whole;              ///< as it was done; never Cheapest
  std::string why{};                 ///< why not confined, if it was not
  /// Where rows were made one by one though columns are cheaper: the budget, a multiple of the one given, with which
  /// columns are taken, in bytes; else 0.
  std::int64_t columns_memory = 0;
  std::vector<StepReport> steps{};  ///< of a confined stream: the operators between the input and the output
  double setup_seconds = 0.0;       ///< until the first row began
  double row_seconds = 0.0;         ///< spent on rows
  double sink_seconds = 0.0;        ///< spent by the sink
};

}  // namespace lumen::influence
