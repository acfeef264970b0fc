// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/influence/detail/question.hpp>
#include <lumen/influence/options.hpp>
#include <lumen/influence/row_chunk.hpp>

namespace lumen::influence::detail {

/// What is known about a chunk of rows beyond the rows, [B] each; undefined where nothing is.
struct Evidence {
  Tensor completeness_error{}, standard_error{};
};

/// Tells the progress of a stream. @throws Stopped if `run.stop` ends it; what is done by then the sink has
inline void tell_stream(const Run& run, std::string_view what, std::int64_t done, std::int64_t total) {
  if (engine::stopped(run, what, done, total)) {
    throw Stopped(text("influence: stopped by run.stop after ", done, " of ", total, " ", what,
                       "; the sink was given these"));
  }
}

/// Hands chunks of rows to the sink, counts them and tells how far it is.
class Stream {
 public:
  Stream(const Question& question, const Tensor& x, const Run& run, const RowSink& sink, Report& report)
      : question_(question), run_(run), sink_(sink), report_(report), height_(x.size(2)), width_(x.size(3)) {
    done_.resize(question.seeds.size(), 0);
  }

  /// @param which  int64 [B]: the rows' positions in the question
  void give(std::size_t target, const Tensor& which, Tensor values, Tensor origins,
            const Evidence& evidence = {}) {
    const Tensor places = question_.places.index_select(0, which);
    RowChunk chunk{
        .target = target,
        .values = std::move(values),
        .origins = std::move(origins),
        .places = places,
        .index = places.select(1, 0) * question_.width + places.select(1, 1),
        .scores = question_.scores[target].index_select(0, which.to(question_.scores[target].device())),
        .height = height_,
        .width = width_,
        .out_height = question_.height,
        .out_width = question_.width,
        .first = done_[target],
        .total = question_.size(),
        .completeness_error = evidence.completeness_error,
        .standard_error = evidence.standard_error};
    done_[target] += which.size(0);
    report_.rows += which.size(0);
    ++report_.chunks;
    const auto start = std::chrono::steady_clock::now();
    sink_(chunk);
    report_.sink_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    tell();
  }

  /// How far it is, also where no row is done yet.
  /// @throws Stopped if `run.stop` ends it; what the listener throws ends it too
  void tell() const {
    tell_stream(run_, "rows", report_.rows,
                question_.size() * static_cast<std::int64_t>(question_.seeds.size()));
  }

 private:
  const Question& question_;
  const Run& run_;
  const RowSink& sink_;
  Report& report_;
  std::int64_t height_, width_;
  std::vector<std::int64_t> done_;
};

}  // namespace lumen::influence::detail
