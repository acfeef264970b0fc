// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/baseline/draw.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/perturb/spread.hpp>
#include <lumen/target/any.hpp>

namespace lumen::perturb {

/// The scores of a model with parts of its input absent: a cooperative game whose players are regions of the input.
///
///     v(p) = F(x' + p (x - x')),  p what each element's region says; of coalitions 1 if it is present, 0 if not
///
/// Each coalition is asked of all samples (or some), with all targets, in chunks that fit the memory budget, and once:
/// the scores of those asked before are remembered, as long as they fit `remembered` bytes.
template <Regions R>
class Game {
 public:
  /// Runs x once. @param model  must outlive the game
  /// @param baseline  x'; a random one is drawn once for each sample
  /// @param make      makes the regions of the parts that are explained, once the input is known to be one
  /// @throws Error  bad input, regions or baseline; a score that is not finite
  template <Baseline B, class Make>
  Game(engine::Function model, const Tensors& x, const Targets& targets, const B& baseline, const Make& make,
       const Run& run)
      : model_(std::move(model)), run_(run) {
    for (const Tensor& part : x) x_.push_back(part.defined() ? part.detach() : part);
    engine::check_input(x_);
    regions_.emplace_back(make(engine::explained_of(x_)));
    start_ = engine::start(model_, x_, targets, run_);
    absent_ = lumen::detail::baselines(baseline, x_, lumen::detail::first_draws(run_, samples()));
    whole_ = engine::granule(start_.targets, samples()) > 1;
    std::vector<double> scores;
    for (const Tensor& score : start_.scores) {
      const Tensor values = score.to(at::kCPU, at::kDouble).contiguous();
      scores.insert(scores.end(), values.data_ptr<double>(), values.data_ptr<double>() + samples());
    }
    remember(key(at::ones({1, players()}, at::kBool), 0), std::move(scores));
  }

  [[nodiscard]] const R& regions() const { return regions_.front(); }
  [[nodiscard]] std::int64_t players() const { return regions().count(); }
  [[nodiscard]] std::int64_t samples() const { return x_.front().size(0); }
  [[nodiscard]] const Tensors& x() const { return x_; }
  [[nodiscard]] const Tensors& absent() const { return absent_; }  ///< x'
  /// F(x) for each target, [N], as the model and the target gave it.
  [[nodiscard]] const std::vector<Tensor>& scores() const { return start_.scores; }
  /// Whether only whole batches may be asked, for the sake of a target that cannot tell single samples.
  [[nodiscard]] bool whole_batches() const { return whole_; }
  /// Evaluations of the model for each sample until now: of a batch in parts, of the sample that had most.
  [[nodiscard]] std::int64_t forward_passes() const {
    return 1 + (passes_.empty() ? 0 : *std::max_element(passes_.begin(), passes_.end()));
  }

  /// @param present  [K, players]: bool, or floating point in [0, 1]
  /// @param which    the samples asked, int64 [n], each once; none: all
  /// @return for each target [K, n], float64, on the processor
  /// @throws Error  a table of another shape, or a score that is not finite
  [[nodiscard]] std::vector<Tensor> operator()(const Tensor& present, Tensor which = {}) {
    require(present.defined() && present.dim() == 2 && present.size(1) == players() &&
                (present.scalar_type() == at::kBool || at::isFloatingType(present.scalar_type())),
            [&] {
              return text("a table of coalitions is ",
                          present.defined() ? text(present.sizes()) : "undefined", ", expected [K, ",
                          players(), "], bool or floating point");
            });
    if (!which.defined() || whole_) which = at::arange(samples(), at::kLong);
    const Tensor table = present.to(at::kCPU).contiguous();
    const std::int64_t rows = table.size(0), n = which.size(0), count = samples();
    // which scores are known, and of each coalition that is not, its first row
    std::vector<std::int64_t> fresh, source(static_cast<std::size_t>(rows), -1);
    std::unordered_map<std::string, std::int64_t> asked;
    std::vector<std::string> keys;
    std::vector<Tensor> result(start_.targets.size());
    for (Tensor& each : result) each = at::empty({rows, n}, at::kDouble);
    for (std::int64_t row = 0; row < rows; ++row) {
      std::string name = key(table, row);
      if (const std::vector<double>* known = recall(name, which)) {
        fill(result, row, *known, which);
      } else {
        const auto [place, first] = asked.try_emplace(name, static_cast<std::int64_t>(fresh.size()));
        if (first) {
          fresh.push_back(row);
          keys.push_back(std::move(name));
        }
        source[static_cast<std::size_t>(row)] = place->second;
      }
    }
    if (fresh.empty()) return result;
    const Tensor coalitions = table.index_select(0, at::tensor(fresh, at::kLong));
    const std::vector<Tensor> scores = evaluate(coalitions, which);
    const std::int64_t* sample = which.data_ptr<std::int64_t>();
    for (std::size_t k = 0; k < fresh.size(); ++k) {
      std::vector<double> values(scores.size() * static_cast<std::size_t>(count),
                                 std::numeric_limits<double>::quiet_NaN());
      for (std::size_t t = 0; t < scores.size(); ++t) {
        const double* from = scores[t].data_ptr<double>() + static_cast<std::int64_t>(k) * n;
        for (std::int64_t s = 0; s < n; ++s)
          values[t * static_cast<std::size_t>(count) + static_cast<std::size_t>(sample[s])] = from[s];
      }
      remember(std::move(keys[k]), std::move(values));
    }
    for (std::size_t t = 0; t < scores.size(); ++t) {
      const double* const from = scores[t].data_ptr<double>();
      double* const to = result[t].data_ptr<double>();
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t k = source[static_cast<std::size_t>(row)];
        if (k >= 0) std::copy_n(from + k * n, n, to + row * n);
      }
    }
    return result;
  }

  /// Bytes that remembered scores may take.
  static constexpr std::size_t remembered = std::size_t{64} << 20;

 private:
  /// A coalition's name: its type and row, bits packed.
  static std::string key(const Tensor& table, std::int64_t row) {
    const std::size_t bytes = static_cast<std::size_t>(table.size(1)) * table.element_size();
    const char* from = static_cast<const char*>(table.data_ptr()) + static_cast<std::size_t>(row) * bytes;
    std::string name(1, static_cast<char>(table.scalar_type()));
    if (table.scalar_type() != at::kBool) return name.append(from, bytes);
    name.resize(1 + (bytes + 7) / 8);
    for (std::size_t i = 0; i < bytes; ++i) {
      char& packed = name[1 + i / 8];
      if (from[i] != 0) packed = static_cast<char>(packed | (1 << (i % 8)));
    }
    return name;
  }

  const std::vector<double>* recall(const std::string& name, const Tensor& which) const {
    const auto found = known_.find(name);
    if (found == known_.end()) return nullptr;
    const std::int64_t* sample = which.data_ptr<std::int64_t>();
    for (std::int64_t s = 0; s < which.size(0); ++s) {
      if (found->second[static_cast<std::size_t>(sample[s])] !=
          found->second[static_cast<std::size_t>(sample[s])])
        return nullptr;
    }
    return &found->second;
  }

  void remember(std::string name, std::vector<double> values) {
    const std::size_t bytes = name.size() + values.size() * sizeof(double) + 96;
    if (bytes_ + bytes > remembered) return;
    bytes_ += bytes;
    known_.insert_or_assign(std::move(name), std::move(values));
  }

  void fill(std::vector<Tensor>& result, std::int64_t row, const std::vector<double>& values,
            const Tensor& which) const {
    const std::int64_t n = which.size(0);
    const std::int64_t* sample = which.data_ptr<std::int64_t>();
    for (std::size_t t = 0; t < result.size(); ++t) {
      double* to = result[t].data_ptr<double>() + row * n;
      for (std::int64_t s = 0; s < n; ++s)
        to[s] = values[t * static_cast<std::size_t>(samples()) + static_cast<std::size_t>(sample[s])];
    }
  }

  /// For each target [K, n] of coalitions that nobody knows.
  std::vector<Tensor> evaluate(const Tensor& table, const Tensor& which) {
    const std::int64_t n = which.size(0), rows = table.size(0) * n;
    std::vector<Tensors> pieces(start_.targets.size());
    const auto visit = [&](std::int64_t first, std::int64_t count) {
      const MemoryMeter meter;
      const Tensor place = at::arange(first, first + count, at::kLong);
      const Tensor index = which.index_select(0, place.remainder(n));
      const Tensor values = table.index_select(0, place.div(n, "floor"));
      const Tensor output = engine::run_model(model_, mixed(values, index));
      const Targets asked = engine::target_rows(start_.targets, index, samples());
      for (std::size_t t = 0; t < asked.size(); ++t) {
        const Tensor scores = asked[t](output);
        require(engine::all_finite(scores), [&] {
          return text(
              "the score is NaN or infinite where features of the input are absent; check the model's ",
              "output there, the target, and the baseline that stands in their place");
        });
        pieces[t].push_back(scores.to(at::kCPU, at::kDouble));
      }
      row_bytes_ = std::max(row_bytes_, (meter.peak() + count - 1) / count);
    };
    sweep(rows, whole_ ? n : 1, run_, "coalitions", visit, row_bytes_);
    passes_.resize(static_cast<std::size_t>(samples()));
    const std::int64_t* sample = which.data_ptr<std::int64_t>();
    for (std::int64_t s = 0; s < n; ++s) passes_[static_cast<std::size_t>(sample[s])] += table.size(0);
    std::vector<Tensor> scores;
    for (const Tensors& piece : pieces) scores.push_back(at::cat(piece).reshape({table.size(0), n}));
    return scores;
  }

  /// The model's input, of copies of the samples `index`, with as much of each region as `values` says.
  Tensors mixed(const Tensor& values, const Tensor& index) const {
    Tensors rows(x_.size());
    std::size_t next = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (!engine::explained(x_[i])) {
        rows[i] = x_[i].index_select(0, index.to(x_[i].device()));
        continue;
      }
      const Tensor there = spread(regions(), next++, values, index), here = row_of(x_[i], index),
                   other = row_of(absent_[i], index);
      rows[i] = there.scalar_type() == at::kBool ? at::where(there, here, other)
                                                 : at::lerp(other, here, there.to(here.scalar_type()));
    }
    return rows;
  }

  /// Rows of a part; of a batch of one the row itself, which broadcasts.
  static Tensor row_of(const Tensor& part, const Tensor& index) {
    return part.size(0) == 1 ? part : part.index_select(0, index.to(part.device()));
  }

  engine::Function model_;
  Run run_;
  Tensors x_, absent_;
  std::vector<R> regions_;  // one, made late
  engine::Start start_;
  bool whole_ = false;
  std::vector<std::int64_t> passes_;
  std::unordered_map<std::string, std::vector<double>> known_;
  std::size_t bytes_ = 0;
  std::int64_t row_bytes_ = 0;
};

template <Baseline B, class Make>
Game(engine::Function, const Tensors&, const Targets&, const B&, const Make&, const Run&)
    -> Game<std::invoke_result_t<const Make&, const Tensors&>>;

}  // namespace lumen::perturb
