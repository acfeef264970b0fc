// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/execution.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/op/crops.hpp>
#include <lumen/perturb/detail/base.hpp>
#include <lumen/perturb/detail/grouping.hpp>
#include <lumen/perturb/detail/layout.hpp>
#include <lumen/perturb/detail/network.hpp>
#include <lumen/perturb/detail/pass.hpp>
#include <lumen/perturb/recorded.hpp>
#include <lumen/perturb/regions.hpp>

namespace lumen::perturb {

/// Scores of an input with a region replaced, exact but for rounding, from one recorded pass: each operator is computed
/// anew only where the region reaches, from its values around it, and only where the targets look. Sums and means over
/// all places are told by what changes. Where an operator takes all of its operands (attention, a linear layer) it runs
/// whole, and what follows is confined again if the targets look at a part.
///
/// Reading it changes nothing: chunks may be computed by several threads.
class Incremental {
 public:
  /// A chunk of regions of one sample, planned.
  struct Chunk {
    std::vector<std::int64_t> which{};
    std::vector<detail::Reach> reaches{};
    detail::Layout layout{};
  };

  /// @param start  targets, fixed, and the scores of the batch
  Incremental(Recorded recorded, const engine::Start& start, std::int64_t n)
      : recorded_(std::move(recorded)), start_(start), n_(n) {
    if (!recorded_.program || !recorded_.program->exact()) {
      why_ = recorded_.program ? recorded_.program->why_not() : std::string("the model was not recorded");
      return;
    }
    if (recorded_.output < 0) {
      why_ = "the output does not depend on the input";
      return;
    }
    if (!recorded_.program->any_batch()) {
      why_ = "the model runs other operators for one row than for two";
      return;
    }
    const std::vector<std::int64_t> sizes = recorded_.program->sizes(recorded_.output, n);
    Box reads;
    for (const AnyTarget& target : start.targets) {
      const Box box = meet(target.reads(sizes), whole(sizes));
      reads = reads.empty() ? box : hull(reads, box);
    }
    network_ = std::make_unique<const detail::Network>(recorded_, reads);
    if (!network_->reached()) {
      why_ = "the output does not depend on what is perturbed";
    } else if (network_->mixes_rows()) {
      why_ = "the model mixes the rows of a batch";
    } else if (!network_->any_confined()) {
      why_ = "no operator behind what is perturbed is local";
    }
    for (const trace::ValueId id : recorded_.from) {
      if (detail::batch_dim(*recorded_.program, id) != 0) why_ = "the model mixes the rows of a batch";
    }
    if (possible()) read_ = detail::Base::read_of(*network_, recorded_.from);
  }

  [[nodiscard]] bool possible() const { return why_.empty(); }
  [[nodiscard]] const std::string& why() const { return why_; }
  /// Whether some operator takes the whole of its operands.
  [[nodiscard]] bool some_whole() const {
    const auto& nodes = network_->nodes();
    return std::any_of(nodes.begin(), nodes.end(),
                       [](const detail::Node& node) { return node.kind == detail::Node::Kind::Whole; });
  }
  /// Bytes that are held while it runs: values of the unperturbed pass, and parameters in a layout of their own.
  [[nodiscard]] std::int64_t held_bytes() const {
    return detail::Base::bytes_of(*network_, read_) + network_->bytes();
  }
  /// What a region costs that is planned so, as a share of a whole pass.
  [[nodiscard]] double share(const Chunk& chunk) const { return chunk.layout.cost() / network_->full_cost(); }
  /// Elements that one region of the chunk holds at once, and its largest value's.
  [[nodiscard]] std::pair<double, double> elements(const Chunk& chunk) const {
    const auto [most, largest] = chunk.layout.elements(*network_);
    return {most + network_->volume(recorded_.output) * (start_.targets.empty() ? 1.0 : 2.0), largest};
  }

  /// Takes up another sample of the batch. @param parts  what is perturbed, and what stands in its place, [N, ...] each
  void at(std::int64_t sample, const Tensors& parts, const Tensors& absent) {
    sample_ = sample;
    base_ = detail::Base(*network_, read_, recorded_.given(sample));
    x_.clear();
    absent_.clear();
    const auto row = [&](const Tensor& part) {
      const Tensor one = part.narrow(0, sample, 1);
      return one.dim() == 4 ? one.contiguous(at::MemoryFormat::ChannelsLast) : one.contiguous();
    };
    for (const Tensor& part : parts) x_.push_back(row(part));
    for (const Tensor& part : absent) absent_.push_back(row(part));
  }

  /// Adds region i to a chunk. @return false if it changes no score, and is not added
  template <Regions R>
  bool add(Chunk& chunk, const R& regions, std::int64_t i) const {
    std::vector<Box> boxes;
    for (std::size_t part = 0; part < recorded_.from.size(); ++part) boxes.push_back(regions.box(part, i));
    detail::Reach reach = detail::reach_of(*network_, recorded_.from, boxes);
    if (reach.empty()) return false;
    chunk.which.push_back(i);
    chunk.reaches.push_back(std::move(reach));
    return true;
  }
  /// The regions of a chunk in chunks of at most `most`, those together that reach alike.
  [[nodiscard]] std::vector<Chunk> alike(Chunk all, std::int64_t most) const {
    std::vector<Chunk> result;
    for (const auto& list : detail::Grouping(*network_, all.reaches).chunks(static_cast<std::size_t>(most))) {
      Chunk& chunk = result.emplace_back();
      for (const std::size_t i : list) {
        chunk.which.push_back(all.which[i]);
        chunk.reaches.push_back(std::move(all.reaches[i]));
      }
    }
    return result;
  }
  /// Lays a chunk out. @param before  the chunk before
  void plan(Chunk& chunk, const Chunk& before) const {
    chunk.layout = detail::Layout(*network_, recorded_.from, chunk.reaches, before.layout);
  }

  /// For each target F(x) - F(x with the region replaced), [k].
  template <Regions R>
  [[nodiscard]] std::vector<Tensor> operator()(const Chunk& chunk, const R& regions) const {
    const at::NoGradGuard no_grad;
    detail::Pass pass(*network_, base_, chunk.layout);
    for (std::size_t part = 0; part < recorded_.from.size(); ++part) {
      if (network_->uses()[detail::Network::index(recorded_.from[part])] > 0)
        pass.give(recorded_.from[part], replaced(chunk, regions, part));
    }
    return changes(pass(), chunk.layout.of(recorded_.output));
  }

  /// Counts a chunk that was computed.
  void count(const Chunk& chunk) {
    regions_ += static_cast<double>(chunk.which.size());
    passes_ += share(chunk) * static_cast<double>(chunk.which.size());
    shares_.resize(network_->nodes().size(), 0.0);
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      const trace::ValueId to = network_->nodes()[i].to;
      shares_[i] += static_cast<double>(chunk.which.size()) * detail::Layout::volume(chunk.layout.of(to)) /
                    std::max(network_->volume(to), 1.0);
    }
  }
  [[nodiscard]] Execution execution() const {
    Execution result{.incremental = true, .full_passes = passes_};
    for (std::size_t i = 0; i < network_->nodes().size(); ++i) {
      const detail::Node& node = network_->nodes()[i];
      const bool confined = node.kind != detail::Node::Kind::Whole;
      result.steps.push_back(
          {node.where, confined, i < shares_.size() ? shares_[i] / std::max(regions_, 1.0) : 1.0});
      if (!confined && result.why.empty()) result.why = text(node.where, " takes its operands whole");
    }
    return result;
  }

 private:
  /// A part in its boxes with the regions replaced.
  template <Regions R>
  Tensor replaced(const Chunk& chunk, const R& regions, std::size_t part) const {
    const op::Boxes& boxes = chunk.layout.of(recorded_.from[part]);
    Tensor crops = op::assemble(x_[part], boxes, 0.0, {}, {});
    const Tensor other = op::assemble(absent_[part], boxes, 0.0, {}, {});
    for (std::size_t b = 0; b < chunk.which.size(); ++b) {
      const Box box = meet(regions.box(part, chunk.which[b]), boxes.of(b));  // what matters of it
      if (empty(box)) continue;
      const auto row = static_cast<std::int64_t>(b);
      Tensor to = crops.narrow(0, row, 1), from = other.narrow(0, row, 1);
      for (std::size_t d = 0; d < box.size(); ++d) {
        const auto dim = static_cast<std::int64_t>(d) + 1;
        const std::int64_t begin = box[d].begin - boxes.origins[b][d];
        if (box[d].size() == to.size(dim)) continue;
        to = to.narrow(dim, begin, box[d].size());
        from = from.narrow(dim, begin, box[d].size());
      }
      bool solid = false;
      if constexpr (requires { bool(regions.solid(part, std::int64_t{})); })
        solid = !box.empty() && regions.solid(part, chunk.which[b]);
      if (solid) {
        to.copy_(from);
        continue;
      }
      Tensor inside =
          regions.where(part, at::full({1}, chunk.which[b], at::kLong), at::full({1}, sample_, at::kLong));
      for (std::size_t d = 0; d < box.size(); ++d) {
        const auto dim = static_cast<std::int64_t>(d) + 1;
        if (inside.size(dim) != 1 && inside.size(dim) != box[d].size())
          inside = inside.narrow(dim, box[d].begin, box[d].size());
      }
      to.copy_(at::where(inside, from, to));
    }
    return crops;
  }

  /// The scores that the output in its boxes makes.
  std::vector<Tensor> changes(Tensor output, const op::Boxes& boxes) const {
    const auto rows = static_cast<std::int64_t>(boxes.rows());
    const op::Boxes all = op::Boxes::same(whole(network_->sizes(recorded_.output)), boxes.rows());
    if (boxes.extent != all.extent || boxes.origins != all.origins)
      output = op::assemble(base_(recorded_.output), all, 0.0, output, boxes);
    std::vector<Tensor> result;
    const bool single = n_ == 1 || engine::granule(start_.targets, n_) == 1;
    const Tensor samples = at::full({rows}, sample_, at::kLong);
    for (std::size_t t = 0; t < start_.targets.size(); ++t) {
      const AnyTarget& target = start_.targets[t];
      const Tensor before = start_.scores[t].narrow(0, sample_, 1);
      Tensor scores;
      if (single) {
        scores = target.rows(samples, n_)(output);
      } else {
        // a target that is only asked of whole batches: copies of it, one sample of which is this one
        std::vector<std::int64_t> sizes = output.sizes().vec();
        sizes.insert(sizes.begin() + 1, n_);
        const Tensor batches = output.unsqueeze(1).expand(sizes).flatten(0, 1);
        const Tensor index = at::arange(rows * n_, at::kLong).remainder(n_);
        scores = target.rows(index, n_)(batches).view({rows, n_}).select(1, sample_);
      }
      result.push_back(before - scores);
    }
    return result;
  }

  Recorded recorded_;
  const engine::Start& start_;
  std::int64_t n_;
  std::string why_;
  std::unique_ptr<const detail::Network> network_;
  std::vector<trace::ValueId> read_;
  std::int64_t sample_ = 0;
  detail::Base base_;
  Tensors x_, absent_;
  double regions_ = 0.0, passes_ = 0.0;
  std::vector<double> shares_;
};

}  // namespace lumen::perturb
