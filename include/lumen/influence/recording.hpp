// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/influence/detail/engine.hpp>
#include <lumen/influence/options.hpp>
#include <lumen/influence/outputs.hpp>
#include <lumen/influence/row_chunk.hpp>

namespace lumen::influence {

/// A model recorded on one image, to be asked for rows again and again: what `rows` does before the first row is done
/// once. For programs that answer questions as they come. Rows are those of `influence::rows`, by backward rows where the
/// model is local (else by whole passes); the first question also checks two of its rows against plain backward passes.
///
/// It holds the image, the output, and what each operator does to gradients (of the order of all activations), but no
/// graph. The model must outlive it and stay as it is. Several threads may ask at once.
/// Cost: one forward pass to record; a question costs its rows alone.
class Recording {
 public:
  /// @param x  one image, [1, C, H, W]
  /// @throws Error if it is none, or the output does not depend on it
  template <class M>
    requires Model<M>
  Recording(M& model, const Tensor& x) : Recording(engine::bind<Tensor>(model), x.detach()) {}

  /// The model's output on the image, [1, K, H', W'].
  [[nodiscard]] const Tensor& output() const { return output_; }
  /// Whether rows are confined; if not, `why` says why.
  [[nodiscard]] bool confined() const { return network_.has_value(); }
  [[nodiscard]] const std::string& why() const { return why_; }

  /// As `influence::rows`, for this image. @throws Error as that
  Report rows(const Outputs& outputs, const Targets& scores, const RowSink& sink, const Run& run = {}) const {
    require(static_cast<bool>(sink), "influence: no sink is given; pass a functor that takes each RowChunk");
    const c10::InferenceMode no_inference(false);
    const at::NoGradGuard no_grad;
    if (!network_) return whole(outputs, scores, sink, run);
    const detail::Question question = detail::ask(output_, outputs, scores);
    const detail::ConfinedRows rows(*network_, question, x_, run);
    Report report{.way = Way::Rows};
    std::call_once(check_->once, [&] {
      check_->wrong = detail::difference(
          [&](std::int64_t which) { return rows.rows(0, at::full({1}, which, at::kLong)); }, model_, x_,
          question, report);
    });
    if (!check_->wrong.empty()) return whole(outputs, scores, sink, run);
    detail::Stream stream(question, x_, run, sink, report);
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const detail::Shares shares = rows.stream(stream);
    report.row_seconds = std::chrono::duration<double>(Clock::now() - start).count() - report.sink_seconds;
    detail::tell_steps(*network_, shares, report);
    return report;
  }

 private:
  struct Check {
    std::once_flag once;
    std::string wrong{};
  };

  Recording(engine::Function model, Tensor x) : model_(std::move(model)), x_(std::move(x)) {
    engine::check_input({x_});
    require(x_.dim() == 4 && x_.size(0) == 1, [&] {
      return text("influence: the input has shape ", x_.sizes(), "; expected one image, [1, C, H, W]");
    });
    const c10::InferenceMode no_inference(false);
    const at::NoGradGuard no_grad;
    const trace::Program program = trace::Program::record(
        model_, {x_}, {.run = {.memory = std::numeric_limits<std::int64_t>::max()}, .any_batch = false});
    if (!program.exact()) {
      why_ = program.why_not();
    } else if (program.output() < 0) {
      why_ = "the output does not depend on the input";
    } else {
      output_ = program.value(program.output());
      network_.emplace(program);
      if (!network_->any_confined()) {
        why_ = "no operator of the model reaches from windows to windows";
        network_.reset();
      }
    }
    if (!output_.defined()) output_ = engine::run_model(model_, {x_.clone()});
  }

  Report whole(const Outputs& outputs, const Targets& scores, const RowSink& sink, const Run& run) const {
    Report report = detail::whole_rows(model_, x_, outputs, scores, sink, run);
    report.why = check_->wrong.empty() ? why_ : check_->wrong;
    return report;
  }

  engine::Function model_;
  Tensor x_, output_;
  std::optional<detail::Network> network_;
  std::string why_;
  std::unique_ptr<Check> check_ = std::make_unique<Check>();
};

}  // namespace lumen::influence
