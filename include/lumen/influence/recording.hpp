// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/influence/column_chunk.hpp>
#include <lumen/influence/detail/engine.hpp>
#include <lumen/influence/options.hpp>
#include <lumen/influence/outputs.hpp>
#include <lumen/influence/row_chunk.hpp>

namespace lumen::influence {

/// A model recorded on one image, to be asked for rows again and again: what `rows` does before the first row is done
/// once. For programs that answer questions as they come; `rows` and `columns` are one that is asked once. The first
/// question also checks two of its rows against plain backward passes.
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
  Recording(M& model, const Tensor& x) : Recording(engine::bind<Tensor>(model), x) {}

  /// The same for a bound function, such as the head of a model up to a layer.
  Recording(engine::Function model, const Tensor& x) : model_(std::move(model)), x_(x.detach()) {
    detail::check_image(x_);
    const c10::InferenceMode no_inference(false);
    const at::NoGradGuard no_grad;
    detail::Recorded recorded = detail::record(model_, x_);
    output_ = std::move(recorded.output);
    network_ = std::move(recorded.network);
    why_ = std::move(recorded.why);
  }

  /// The model's output on the image, [1, K, H', W'].
  [[nodiscard]] const Tensor& output() const {
    std::call_once(once_->ran, [this] {
      const c10::InferenceMode no_inference(false);
      const at::NoGradGuard no_grad;
      if (!output_.defined()) output_ = engine::run_model(model_, {x_.clone()});
    });
    return output_;
  }
  /// Whether rows are confined; if not, `why` says why.
  [[nodiscard]] bool confined() const { return network_.has_value(); }
  [[nodiscard]] const std::string& why() const { return why_; }

  /// As `influence::rows`, for this image. @throws Error as that
  /// @param way  Rows by default, whose first row comes at once; columns of an image row come together
  Report rows(const Outputs& outputs, const Targets& scores, const RowSink& sink,
              const Run& run = Options{}.run, Way way = Way::Rows) const {
    require(static_cast<bool>(sink), "influence: no sink is given; pass a functor that takes each RowChunk");
    detail::check_memory(run);
    const c10::InferenceMode no_inference(false);
    const at::NoGradGuard no_grad;
    Report report;
    std::string why = why_;
    const auto begin = Clock::now();
    if (way != Way::Whole && network_) {
      const detail::Question question = detail::ask(output_, outputs, scores);
      why = wrong(question, run, report);
      if (why.empty()) {
        detail::stream_rows(*network_, question, x_, sink, run, way, report);
        report.setup_seconds = since(begin) - report.row_seconds - report.sink_seconds;
        return report;
      }
    }
    Report whole = detail::whole_rows(model_, x_, outputs, scores, sink, run);
    if (way != Way::Whole) whole.why = why;
    whole.forward_passes += report.forward_passes;
    whole.backward_passes += report.backward_passes;
    whole.setup_seconds = since(begin) - whole.row_seconds - whole.sink_seconds;
    return whole;
  }

  /// As `influence::columns`, for this image. @throws Error as that
  Report columns(const Outputs& outputs, const Targets& scores, const ColumnSink& sink,
                 const Run& run = Options{}.run) const {
    require(static_cast<bool>(sink),
            "influence: no sink is given; pass a functor that takes each ColumnChunk");
    detail::check_memory(run);
    const c10::InferenceMode no_inference(false);
    const at::NoGradGuard no_grad;
    const auto refuse = [](const std::string& why) {
      require(why.empty(), [&] { return text("influence::columns: ", why, "; use influence::rows"); });
    };
    const auto begin = Clock::now();
    refuse(why_);
    const detail::Question question = detail::ask(output_, outputs, scores);
    const auto& stages = network_->stages();
    const auto whole =
        std::find_if(stages.begin(), stages.end(), [](const auto& stage) { return stage.whole != nullptr; });
    if (whole != stages.end()) refuse(whole->where + " does not reach from windows to windows");
    Report report;
    refuse(wrong(question, run, report));
    detail::stream_columns(*network_, question, x_, sink, run, report);
    report.setup_seconds = since(begin) - report.row_seconds - report.sink_seconds;
    return report;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Once {
    std::once_flag checked, ran;
    std::string wrong{};
  };

  static double since(Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  }

  /// How confined rows differ from plain backward passes, tried once; empty if they do not.
  const std::string& wrong(const detail::Question& question, const Run& run, Report& report) const {
    std::call_once(once_->checked, [&] {
      const detail::ConfinedRows rows(*network_, question, x_, run);
      once_->wrong = detail::difference(
          [&](std::int64_t which) { return rows.rows(0, at::full({1}, which, at::kLong)); }, model_, x_,
          question, report);
    });
    return once_->wrong;
  }

  engine::Function model_;
  Tensor x_;
  mutable Tensor output_;
  std::optional<detail::Network> network_;
  std::string why_;
  std::unique_ptr<Once> once_ = std::make_unique<Once>();
};

}  // namespace lumen::influence
