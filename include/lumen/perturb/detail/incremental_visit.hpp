// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>

#include <lumen/engine/function.hpp>
#include <lumen/engine/side_by_side.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/perturb/changes.hpp>
#include <lumen/perturb/incremental.hpp>

namespace lumen::perturb::detail {

/// What was visited so far, told to the progress.
struct Tally {
  Visited& result;
  const Run& run;
  std::string_view what;
  std::int64_t total = 0, done = 0;
  bool stopped = false;

  void add(const Changes& changes) {
    const Tensor ones = at::ones({changes.which.size(0)}, at::kBool);
    result.regions.index_put_({changes.which, changes.samples}, ones);
    done += changes.which.size(0);
  }
  /// Between chunks.
  void tell() { stopped = stopped || engine::stopped(run, what, done, total); }
};

/// How many regions of one sample go together, and how many such chunks at once.
struct Rounds {
  std::int64_t regions = 8, chunks = 1;
};

/// So many that the largest of their values stay in a processor's cache, and enough that weights are not read for a few.
/// @return none where the budget does not hold one
inline Rounds rounds_for(const Incremental& incremental, const Incremental::Chunk& one, const Tensor& x,
                         std::int64_t memory) {
  const auto [held, largest] = incremental.elements(one);
  const auto size = static_cast<double>(x.element_size());
  const double free = static_cast<double>(memory - incremental.held_bytes());
  const auto fit = static_cast<std::int64_t>(free / (held * size));
  Rounds rounds;
  if (!x.is_cpu()) {
    rounds.regions = std::min<std::int64_t>(fit, 256);
    return rounds;
  }
  rounds.regions = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(static_cast<double>(8 << 20) / (largest * size)), 8, 32);
  rounds.chunks = at::in_parallel_region() ? 1 : at::get_num_threads();
  while (rounds.chunks > 1 && rounds.regions * rounds.chunks > fit && rounds.regions <= 8) --rounds.chunks;
  rounds.regions = std::min(rounds.regions, fit / rounds.chunks);
  return rounds;
}

/// Seconds of a call.
template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds that the model's own passes take for one row.
/// @param alone  what a first pass of one row took
/// @param each   what they are compared with: where that is far less it is not measured further
inline double whole_seconds(const engine::Function& function, const Tensors& parts,
                            const engine::Start& start, const Run& run, double alone, double each) {
  const bool small = alone < 2e-3;
  if (each < alone / (small ? 32.0 : 4.0)) return alone;
  std::int64_t rows = small ? 32 : 4;
  if (start.row_bytes > 0) rows = std::clamp<std::int64_t>(run.memory / start.row_bytes, 1, rows);
  const Tensors given = engine::select_rows(parts, at::zeros({rows}, at::kLong));
  double best = alone * static_cast<double>(rows);
  for (int i = 0; i < 2; ++i)
    best = std::min(best, seconds_of([&] { (void)engine::run_model(function, given); }));
  return best / static_cast<double>(rows);
}

/// A chunk of one of the largest regions, which tells how many go together; empty if none changes a score.
template <Regions R>
Incremental::Chunk largest(const Incremental& incremental, const R& regions, std::size_t parts) {
  std::int64_t found = 0;
  double most = -1.0;
  for (std::int64_t i = 0; i < regions.count(); ++i) {
    double volume = 0.0;
    for (std::size_t part = 0; part < parts; ++part) {
      const Box box = regions.box(part, i);
      double all = empty(box) ? 0.0 : 1.0;
      for (const Interval& each : box) all *= static_cast<double>(each.size());
      volume += all;
    }
    if (volume > most) most = volume, found = i;
  }
  Incremental::Chunk chunk;
  if (regions.count() > 0 && !incremental.add(chunk, regions, found)) {
    for (std::int64_t i = 0; i < regions.count() && chunk.which.empty(); ++i)
      incremental.add(chunk, regions, i);
  }
  if (!chunk.which.empty()) incremental.plan(chunk, {});
  return chunk;
}

/// The scores of chunks, by as many threads.
template <Regions R>
void compute(const Incremental& incremental, const std::vector<Incremental::Chunk>& chunks, const R& regions,
             std::vector<std::vector<Tensor>>& found) {
  engine::side_by_side(static_cast<std::int64_t>(chunks.size()), [&](std::int64_t i) {
    const auto c = static_cast<std::size_t>(i);
    found[c] = incremental(chunks[c], regions);
  });
}

/// Visits regions by incremental passes, as many as that is the cheaper way for.
/// @return why not all were; empty if they were
template <Regions R, class Told>
std::string visit_incrementally(const engine::Function& function, const Recorder& recorder,
                                const Tensors& parts, const Tensors& absent, const engine::Start& start,
                                const R& regions, const Run& run, Tally& tally, const Told& told) {
  using Chunk = Incremental::Chunk;
  const std::int64_t n = parts.front().size(0), count = regions.count();
  const bool measured = run.passes == Passes::Cheapest;
  Incremental incremental(recorder(), start, n);
  if (!incremental.possible()) return incremental.why();
  const Tensors x = engine::explained_of(parts);
  Tensors other;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (engine::explained(parts[i])) other.push_back(absent[i]);
  }
  if (incremental.some_whole()) {
    // operators that take all may mix the rows of a batch, as no other can: the function is asked for two of them
    Tensors two;
    for (std::size_t i = 0; i < parts.size(); ++i)
      two.push_back(at::cat({parts[i].narrow(0, 0, 1), absent[i].narrow(0, 0, 1)}));
    (void)engine::run_model(function, two);
  }
  Chunk last = largest(incremental, regions, x.size());
  Rounds rounds;
  if (!last.which.empty()) {
    rounds = rounds_for(incremental, last, x.front(), run.memory);
    if (rounds.regions < 1)
      return text("the recorded values and one region take more than the budget of ", run.memory, " bytes");
    if (measured && incremental.share(last) > 0.9)
      return text("a region costs ", incremental.share(last), " of a whole pass");
  }
  constexpr std::size_t ahead = 1024;  // regions among which those alike are found
  for (std::int64_t sample = 0; sample < n; ++sample) {
    double base_seconds = 0.0;
    std::int64_t next = 0, round = 0;
    while (next < count) {
      Chunk pool;
      std::vector<std::int64_t> without;  // regions that change no score
      while (next < count && pool.which.size() < ahead && without.size() < 4 * ahead) {
        if (!incremental.add(pool, regions, next)) without.push_back(next);
        ++next;
      }
      if (!without.empty()) {
        const auto k = static_cast<std::int64_t>(without.size());
        Changes nothing{.which = at::tensor(without, at::kLong), .samples = at::full({k}, sample, at::kLong)};
        for (const Tensor& score : start.scores) nothing.scores.push_back(at::zeros({k}, score.options()));
        told(nothing);
        tally.result.execution = incremental.execution();
        tally.tell();
        if (tally.stopped) return tally.result.execution.why;
      }
      std::vector<Chunk> left = incremental.alike(std::move(pool), rounds.regions);
      const auto together = static_cast<std::size_t>(rounds.chunks);
      for (std::size_t at = 0; at < left.size(); at += together) {
        std::vector<Chunk> chunks;
        for (std::size_t c = at; c < std::min(at + together, left.size()); ++c) {
          incremental.plan(left[c], last);
          last.layout = left[c].layout;
          chunks.push_back(std::move(left[c]));
        }
        std::vector<std::vector<Tensor>> found(chunks.size());
        double spent = 0.0;
        try {
          if (round == 0) base_seconds = seconds_of([&] { incremental.at(sample, x, other); });
          spent = seconds_of([&] { compute(incremental, chunks, regions, found); });
        } catch (const c10::Error& failure) {
          return text("an operator was refused on parts of its operands: ", failure.what_without_backtrace());
        }
        double computed = 0.0;
        for (std::size_t c = 0; c < chunks.size(); ++c) {
          const auto k = static_cast<std::int64_t>(chunks[c].which.size());
          told({.which = at::tensor(chunks[c].which, at::kLong),
                .samples = at::full({k}, sample, at::kLong),
                .scores = std::move(found[c])});
          incremental.count(chunks[c]);
          computed += static_cast<double>(k);
        }
        tally.result.execution = incremental.execution();
        tally.tell();
        if (tally.stopped) return tally.result.execution.why;
        ++round;
        const bool more = next < count || at + together < left.size();
        if (measured && sample == 0 && round == 2 && more) {
          const double each = spent / computed;
          if (each > 0.8 * whole_seconds(function, parts, start, run, base_seconds, each))
            return text("a region takes ", each, " s, as measured, and a whole pass hardly more");
        }
      }
    }
  }
  return tally.result.execution.why;
}

}  // namespace lumen::perturb::detail
