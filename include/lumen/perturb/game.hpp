// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
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
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/output.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/perturb/detail/asked.hpp>
#include <lumen/perturb/detail/fresh.hpp>
#include <lumen/perturb/detail/known_scores.hpp>
#include <lumen/perturb/detail/mixture.hpp>
#include <lumen/perturb/detail/shared_head.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/target/any.hpp>

namespace lumen::perturb {

/// Players that matter, and the samples for which they do.
struct Subgame {
  Tensor players;  ///< int64, ascending
  Tensor samples;  ///< int64, ascending
};

/// The scores of a model with parts of its input absent: a cooperative game whose players are regions of the input.
///
///     v(p) = F(x' + p (x - x')),  p what each element's region says; of coalitions 1 if it is present, 0 if not
///
/// Each coalition is asked of all samples (or some), with all targets, in chunks that fit the memory budget, and once:
/// the scores of those asked before are remembered, as long as they fit `remembered` bytes. Players that are idle, x = x'
/// in all of their elements, make no difference between coalitions. Where many are asked of one input whose regions do not
/// overlap, and the model begins with an affine map that costs more than a sum over players, a coalition's is the sum of
/// its players'; `run.passes` chooses otherwise.
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
      : model_(std::move(model)), asked_(model_), run_(run) {
    Tensors parts;
    for (const Tensor& part : x) parts.push_back(part.defined() ? part.detach() : part);
    engine::check_input(parts);
    R regions = make(engine::explained_of(parts));
    start_ = engine::start(model_, parts, targets, run_);
    const lumen::detail::Draws draws = lumen::detail::first_draws(run_, parts.front().size(0));
    Tensors absent = lumen::detail::baselines(baseline, parts, draws);
    rows_.emplace(std::move(parts), std::move(absent), std::move(regions));
    whole_ = engine::granule(start_.targets, samples()) > 1;
    asked_ = engine::independent(model_, whole_ ? samples() : 1);
    active_ = rows_->moving();
    known_ = {static_cast<std::int64_t>(targets.size()), samples(), remembered};
    std::vector<Tensor> whole;
    for (const Tensor& score : start_.scores)
      whole.push_back(score.detach().to(at::kCPU, at::kDouble).reshape({1, samples()}).contiguous());
    known_.remember(detail::name_of(at::ones({1, players()}, at::kBool), 0), at::arange(samples(), at::kLong),
                    whole, 0);
  }

  [[nodiscard]] const R& regions() const { return rows_->regions(); }
  [[nodiscard]] std::int64_t players() const { return regions().count(); }
  [[nodiscard]] std::int64_t samples() const { return rows_->samples(); }
  [[nodiscard]] const Tensors& x() const { return rows_->x(); }
  [[nodiscard]] const Tensors& absent() const { return rows_->absent(); }  ///< x'
  /// F(x) for each target, [N], as the model and the target gave it.
  [[nodiscard]] const std::vector<Tensor>& scores() const { return start_.scores; }
  /// Whether only whole batches may be asked, for the sake of a target that cannot tell single samples.
  [[nodiscard]] bool whole_batches() const { return whole_; }
  /// Evaluations of the model for each sample until now: of a batch in parts, of the sample that had most.
  [[nodiscard]] std::int64_t forward_passes() const {
    std::int64_t before = 1;
    if constexpr (requires { regions().passes(); }) before += regions().passes();
    return before + (passes_.empty() ? 0 : *std::max_element(passes_.begin(), passes_.end()));
  }

  /// The players that are not idle, together with the samples in which just these are not: so no sample's answer hangs
  /// on its company. Where only whole batches may be asked, one for all. A sample without any is in none.
  [[nodiscard]] std::vector<Subgame> subgames() const {
    const Tensor some = active_.any(0);
    if (!some.any().template item<bool>()) return {};
    if (whole_) return {{some.nonzero().reshape({-1}), at::arange(samples(), at::kLong)}};
    std::map<std::string, std::vector<std::int64_t>> alike;
    for (std::int64_t s = 0; s < samples(); ++s) alike[detail::name_of(active_, s)].push_back(s);
    std::vector<Subgame> all;
    for (const auto& [name, which] : alike) {
      const Tensor own = active_[which.front()].nonzero().reshape({-1});
      if (own.size(0) > 0) all.push_back({own, at::tensor(which, at::kLong)});
    }
    return all;
  }

  /// So many coalitions of a subgame will be asked, remembered ones too: what the progress is told of.
  void expect(const Subgame& sub, std::int64_t coalitions) {
    progress_.expect(coalitions * sub.samples.size(0));
  }
  /// Whether `run.stop` ended it: nothing more is evaluated.
  [[nodiscard]] bool stopped() const { return stopped_; }
  /// Nothing more is asked: tells the progress so, where less was than expected.
  void finish() const { progress_.finish(run_); }
  /// The share that was asked of what is expected.
  [[nodiscard]] double share() const { return progress_.share(); }

  /// The scores of coalitions of a subgame's players alone, for its samples (or `which` of them).
  /// @param present  [K, players of the subgame]: bool, or floating point in [0, 1]
  /// @return for each target [K, samples of the subgame], float64, on the processor
  /// @throws Stopped  where `run.stop` ended it before all are known
  [[nodiscard]] std::vector<Tensor> operator()(const Subgame& sub, const Tensor& present, Tensor which = {}) {
    return detail::all_of(until_stopped(sub, present, std::move(which)), present.size(0));
  }
  /// The same, of the first k <= K coalitions: those before `run.stop` ended it.
  [[nodiscard]] std::vector<Tensor> until_stopped(const Subgame& sub, const Tensor& present,
                                                  Tensor which = {}) {
    const Tensor table = at::ones({present.size(0), players()}, present.options());
    table.index_copy_(1, sub.players, present);
    return until_stopped(table, which.defined() ? which : sub.samples);
  }

  /// A value for each player at each of its elements: a map's parts, each of x's part's type.
  /// @param values  [N, players]
  [[nodiscard]] Tensors map(const Tensor& values) const { return rows_->map(values); }

  /// @param present  [K, players]: bool, or floating point in [0, 1]
  /// @param which    the samples asked, int64 [n], each once; none: all
  /// @return for each target [K, n], float64, on the processor
  /// @throws Error  a table of another shape, or a score that is not finite
  /// @throws Stopped  where `run.stop` ended it before all are known
  [[nodiscard]] std::vector<Tensor> operator()(const Tensor& present, Tensor which = {}) {
    return detail::all_of(until_stopped(present, std::move(which)), present.size(0));
  }
  /// The same, of the first k <= K coalitions: those before `run.stop` ended it.
  [[nodiscard]] std::vector<Tensor> until_stopped(const Tensor& present, Tensor which = {}) {
    require(present.defined() && present.dim() == 2 && present.size(1) == players() &&
                (present.scalar_type() == at::kBool || at::isFloatingType(present.scalar_type())),
            [&] {
              return text("a table of coalitions is ",
                          present.defined() ? text(present.sizes()) : "undefined", ", expected [K, ",
                          players(), "], bool or floating point");
            });
    if (!which.defined() || whole_) which = at::arange(samples(), at::kLong);
    require(which.dim() == 1 && which.scalar_type() == at::kLong, [&] {
      return text("the samples asked are ", which.scalar_type(), ' ', which.sizes(), ", expected int64 [n]");
    });
    which = which.to(at::kCPU).contiguous();
    Tensor table = present.detach().to(at::kCPU).contiguous();
    if (const Tensor idle = active_.index_select(0, which).any(0).logical_not(); idle.any().item<bool>())
      table = table.masked_fill(idle.unsqueeze(0), 1);
    const std::int64_t rows = table.size(0), n = which.size(0);
    std::vector<Tensor> result(start_.targets.size());
    for (Tensor& each : result) each = at::empty({rows, n}, at::kDouble);
    detail::Fresh fresh(table, which, known_, result);
    std::int64_t whole = rows;
    if (fresh.count() > 0) whole = fresh.put(evaluate(fresh.coalitions(), which, rows - fresh.count()));
    progress_.add(whole * n);
    for (Tensor& each : result) each = each.narrow(0, 0, whole);
    return result;
  }

  /// Bytes that remembered scores may take.
  static constexpr std::size_t remembered = std::size_t{64} << 20;

 private:
  /// For each target [k, n] of coalitions that nobody knows, k <= K before `run.stop` ends it.
  /// @param known  coalitions of the same question that are
  std::vector<Tensor> evaluate(const Tensor& table, const Tensor& which, std::int64_t known) {
    const std::int64_t n = which.size(0);
    std::vector<Tensor> scores;
    if (!stopped_) {
      if (head_.use(model_, *rows_, table, run_, whole_)) scores = summed_scores(table, which, known * n);
      if (scores.empty()) {
        scores = score(table, which, known * n, [&](const Tensor& values, const Tensor& index) {
          return engine::run_model(asked_, (*rows_)(values, index));
        });
      }
    } else {
      scores.assign(start_.targets.size(), at::empty({0, n}, at::kDouble));
    }
    passes_.resize(static_cast<std::size_t>(samples()));
    const std::int64_t* sample = which.data_ptr<std::int64_t>();
    for (std::int64_t s = 0; s < n; ++s)
      passes_[static_cast<std::size_t>(sample[s])] += scores.front().size(0);
    return scores;
  }

  /// The same by sums of the players' responses; empty if these do not add up.
  std::vector<Tensor> summed_scores(const Tensor& table, const Tensor& which, std::int64_t known) {
    std::vector<Tensors> columns(start_.targets.size());
    std::int64_t rows = table.size(0);
    for (const Tensor& sample : which.split(1)) {
      if (stopped_) {
        rows = 0;
        break;
      }
      const detail::Responses* const responses = head_.responses(*rows_, table, sample);
      if (responses == nullptr) return {};
      const auto output = [&](const Tensor& values, const Tensor&) {
        return head_.output(responses->of(values));
      };
      const std::vector<Tensor> scores = score(table, sample, known, output);
      known += table.size(0);
      rows = std::min(rows, scores.front().size(0));
      for (std::size_t t = 0; t < scores.size(); ++t) columns[t].push_back(scores[t]);
    }
    std::vector<Tensor> all;
    for (Tensors& column : columns) {
      for (Tensor& scores : column) scores = scores.narrow(0, 0, rows);
      all.push_back(rows > 0 ? at::cat(column, 1).contiguous() : at::empty({0, which.size(0)}, at::kDouble));
    }
    return all;
  }

  /// For each target [k, n], where `output(values, samples)` is the model's on coalitions of copies of samples.
  template <class Output>
  std::vector<Tensor> score(const Tensor& table, const Tensor& which, std::int64_t known,
                            const Output& output) {
    const std::int64_t n = which.size(0);
    std::vector<Tensors> pieces(start_.targets.size());
    const auto visit = [&](std::int64_t first, std::int64_t count) {
      const MemoryMeter meter;
      const Tensor place = at::arange(first, first + count, at::kLong);
      const Tensor index = which.index_select(0, place.remainder(n));
      const Tensor rows = output(table.index_select(0, place.div(n, "floor")), index);
      const Targets asked = engine::target_rows(start_.targets, index, samples());
      for (std::size_t t = 0; t < asked.size(); ++t) {
        const Tensor scores = asked[t](rows);
        require(engine::all_finite(scores), [&] {
          return text(
              "the score is NaN or infinite where features of the input are absent; check the model's ",
              "output there, the target, and the baseline that stands in their place");
        });
        pieces[t].push_back(scores.to(at::kCPU, at::kDouble));
      }
      row_bytes_ = std::max(row_bytes_, (meter.peak() + count - 1) / count);
    };
    const std::int64_t rows = table.size(0) * n;
    const std::int64_t done = sweep_until_stopped(rows, whole_ ? n : 1, progress_.within(run_, known),
                                                  detail::Asked::what, visit, row_bytes_, start_.row_largest);
    stopped_ = stopped_ || done < rows;
    std::vector<Tensor> scores;
    for (const Tensors& piece : pieces)
      scores.push_back(at::cat(piece).narrow(0, 0, done / n * n).reshape({done / n, n}));
    return scores;
  }

  engine::Function model_, asked_;  ///< the latter refuses samples that influence each other
  Run run_;
  std::optional<detail::Mixture<R>> rows_;  // made when the input is known to be one
  engine::Start start_;
  bool whole_ = false;
  Tensor active_;  // bool [N, players]
  std::vector<std::int64_t> passes_;
  detail::Asked progress_;
  bool stopped_ = false;
  detail::KnownScores known_;
  std::int64_t row_bytes_ = 0;
  detail::SharedHead head_;
};

/// The game of an input's features, as methods play it.
template <Baseline B>
[[nodiscard]] Game<FeatureRegions> game_of(engine::Function model, const Tensors& x, const Targets& targets,
                                           const B& baseline, const Features& groups, const Run& run) {
  const auto make = [&groups, &x, &run, model](const Tensors& parts) {
    return groups.regions(parts, [&] { return engine::output_of(model, x, run); });
  };
  return {std::move(model), x, targets, baseline, make, run};
}

template <Baseline B, class Make>
Game(engine::Function, const Tensors&, const Targets&, const B&, const Make&, const Run&)
    -> Game<std::invoke_result_t<const Make&, const Tensors&>>;

}  // namespace lumen::perturb
