// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/adam.h>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/progress.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/dataset.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/train/checkpoint.hpp>
#include <lumen/train/evaluate.hpp>
#include <lumen/train/history.hpp>
#include <lumen/train/loss.hpp>
#include <lumen/train/schedule.hpp>

namespace lumen::train {

/// Trains a segmentation network with Adam (Kingma and Ba, ICLR 2015, arXiv:1412.6980).
///
/// The order of the samples, their augmentation and dropout are keyed by (seed, epoch), and the schedule is a
/// function of the history: on one machine and number of threads a run gives the same weights bit for bit,
/// however often it was killed and resumed from its checkpoint. LibTorch's global generator is left as it
/// was.
template <Loss L = DiceCrossEntropy, Schedule S = Plateau>
struct Trainer {
  L loss{};
  S schedule{};
  std::int64_t epochs = 100;
  std::int64_t batch = 8;       ///< samples in a step
  double learning_rate = 2e-3;  ///< of the first epoch
  double l1 = 0.0;              ///< adds l1 * sum |w| over the penalised parameters to the loss
  double l2 = 0.0;              ///< adds l2 * sum w^2 over the same
  /// Whether the parameter of this name is penalised; none: the weights are, biases and normalisation are not.
  std::function<bool(const std::string& name, const Tensor& value)> penalise{};
  /// Decay of a running mean of the weights and of the statistics of normalisation: after step t, counted
  /// from 1, mean += (1 - d) (now - mean), d = min(average, t / (t + 9)) (Polyak and Juditsky, SIAM J. Control
  /// Optim. 1992; exponential). The mean is what is measured and kept; 0: the last weights are.
  double average = 0.0;
  std::int64_t channel = 1;  ///< the class whose IoU is reported
  /// No epoch is begun that, if as long as the last one, would end later than this; sessions of a resumed run
  /// add up.
  double max_seconds = std::numeric_limits<double>::infinity();
  std::filesystem::path checkpoint{};  ///< written after every epoch, resumed from if present; empty: none
  std::string purpose{};               ///< what a checkpoint must have been written for (see Checkpoint)
  Progress progress{};                 ///< called after every batch
  std::uint64_t seed = 0;

  /// Whether a run with this history has nothing left to do.
  [[nodiscard]] bool finished(const History& history) const {
    if (history.empty()) return epochs < 1;
    return static_cast<std::int64_t>(history.size()) >= epochs ||
           seconds_spent(history) + history.back().seconds > max_seconds;
  }

  /// Leaves in `net` the weights of the epoch with the highest test IoU, and `net` in evaluation mode.
  /// @param net   a torch::nn module holder or shared pointer; [N, C, H, W] -> logits [N, classes, H, W]
  /// @param data  what it learns from
  /// @param test  whole images that are only measured
  /// @return one row an epoch, those of earlier sessions included
  /// @throws Error  an option is out of range, there is no test image, or the checkpoint belongs to another
  ///         run
  template <class Net>
  History operator()(Net& net, data::Dataset data, const std::vector<data::Sample>& test) const {
    require(epochs >= 0 && batch >= 1, "Trainer: `epochs` must be at least 0 and `batch` at least 1");
    require(learning_rate > 0.0 && l1 >= 0.0 && l2 >= 0.0,
            "Trainer: `learning_rate` must be positive, `l1` and `l2` not negative");
    require(average >= 0.0 && average < 1.0, "Trainer: `average` must be in [0, 1)");
    require(!test.empty(), "Trainer: there are no test images");
    torch::nn::Module& module = *net;
    const std::vector<Tensor> parameters = module.parameters();
    require(!parameters.empty(), "Trainer: the network has no parameters");
    std::vector<Tensor> chosen;
    for (const auto& each : module.named_parameters()) {
      if (penalise ? penalise(each.key(), each.value()) : each.value().dim() >= 2)
        chosen.push_back(each.value());
    }
    require(!chosen.empty() || (l1 == 0.0 && l2 == 0.0),
            "Trainer: no parameter is chosen to be penalised; leave l1 and l2 at 0, or choose another "
            "`penalise`");
    torch::optim::Adam optimizer(parameters, torch::optim::AdamOptions(learning_rate));

    Checkpoint state{.purpose = purpose};
    if (!checkpoint.empty() && std::filesystem::exists(checkpoint))
      state = Checkpoint::load(checkpoint, purpose, module, optimizer);

    net::GeneratorLoan loan;
    while (!finished(state.history)) {
      const auto start = std::chrono::steady_clock::now();
      const auto number = static_cast<std::uint64_t>(state.history.size());
      Epoch row{.learning_rate = schedule(learning_rate, state.history)};
      for (auto& group : optimizer.param_groups())
        static_cast<torch::optim::AdamOptions&>(group.options()).lr(row.learning_rate);
      loan.seed(mix(seed, number));
      data.set_epoch(number);
      module.train();
      learn(net, data, optimizer, parameters, chosen, state, row);
      module.eval();
      const State last = average > 0.0 ? snapshot(module) : State{};
      if (average > 0.0) restore(module, state.mean);
      const Quality quality = evaluate(net, test, loss, parameters.front().device(), channel);
      row.test_loss = quality.loss;
      row.test_iou = quality.iou;
      row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      state.history.push_back(row);
      if (best_epoch(state.history) == number) state.best = snapshot(module);
      if (average > 0.0) restore(module, last);
      if (!checkpoint.empty()) state.save(checkpoint, module, optimizer);
    }
    module.eval();
    if (!state.best.empty()) restore(module, state.best);
    return state.history;
  }

 private:
  template <class Net>
  void learn(Net& net, data::Dataset& data, torch::optim::Adam& optimizer,
             const std::vector<Tensor>& parameters, const std::vector<Tensor>& chosen, Checkpoint& state,
             Epoch& row) const {
    const History& history = state.history;
    const at::Device where = parameters.front().device();
    const auto order = data::batches(data.count(), static_cast<std::size_t>(batch), seed, history.size());
    std::vector<Tensor> losses;
    std::vector<Tensor> ious;
    const std::string what = headline(history);
    for (const auto& indices : order) {
      const data::Batch items = data::stack(data.get_batch(indices));
      const Tensor label = items.label.to(where);
      Tensor images = items.image.to(where);
      if constexpr (ImageLoss<L>) images.requires_grad_(true);
      const Tensor logits = forward(net, images);
      const Tensor value =
          value_of(logits, label, images, items.weight, mix(mix(seed, history.size()), losses.size()));
      optimizer.zero_grad();
      penalised(value, chosen).backward();
      optimizer.step();
      losses.push_back(value.detach());
      ious.push_back(overlap(logits.detach(), label, channel).iou);
      const auto step = static_cast<std::int64_t>(history.size() * order.size() + losses.size());
      if (average > 0.0) follow(*net, state.mean, static_cast<double>(step));
      if (progress) progress(what, step, epochs * static_cast<std::int64_t>(order.size()));
    }
    // Read once an epoch: every read waits for the device.
    row.train_loss = at::stack(losses).to(at::kDouble).mean().template item<double>();
    row.train_iou = at::cat(ious).mean().template item<double>();
    require(std::isfinite(row.train_loss), [&] {
      return text("Trainer: the loss of epoch ", history.size() + 1, " is ", row.train_loss,
                  "; lower the learning rate (", row.learning_rate, ")");
    });
  }

  /// The loss of one batch, by whatever it takes besides logits and labels.
  [[nodiscard]] Tensor value_of(const Tensor& logits, const Tensor& label,
                                [[maybe_unused]] const Tensor& images, const Tensor& weight,
                                [[maybe_unused]] std::uint64_t key) const {
    if constexpr (ImageLoss<L>) {
      require(!weight.defined(),
              "Trainer: the samples have weights, which a loss that asks for the images "
              "does not take");
      return loss(logits, label, images, key);
    } else if constexpr (PixelWeightedLoss<L>) {
      return weight.defined() ? loss(logits, label, weight.to(logits.device())) : loss(logits, label);
    } else {
      require(!weight.defined(),
              "Trainer: the samples have weights, which this loss does not take; CrossEntropy does");
      return loss(logits, label);
    }
  }

  /// Moves the mean after step `step`; the first one is the network itself.
  void follow(const torch::nn::Module& net, State& mean, double step) const {
    if (mean.empty()) {
      mean = snapshot(net);
      return;
    }
    const at::NoGradGuard no_gradient;
    const double share = 1.0 - std::min(average, step / (step + 9.0));
    const std::vector<Tensor> now = detail::state_tensors(net);
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i].is_floating_point())
        mean[i].lerp_(now[i].detach(), share);
      else
        mean[i].copy_(now[i]);
    }
  }

  [[nodiscard]] Tensor penalised(Tensor value, const std::vector<Tensor>& chosen) const {
    if (l1 == 0.0 && l2 == 0.0) return value;
    for (const Tensor& weight : chosen) {
      if (l1 > 0.0) value = value + l1 * weight.abs().sum();
      if (l2 > 0.0) value = value + l2 * weight.square().sum();
    }
    return value;
  }

  [[nodiscard]] std::string headline(const History& history) const {
    std::string line = text("epoch ", history.size() + 1, " of ", epochs);
    if (!history.empty()) line += text(", test IoU ", std::round(history.back().test_iou * 1000.0) / 1000.0);
    return line;
  }
};

}  // namespace lumen::train
