// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/adam.h>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/progress.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/dataset.hpp>
#include <lumen/data/labelled.hpp>
#include <lumen/net/seeded.hpp>

namespace lumen::train {

namespace detail {

inline void check_classes(const data::Labelled& set, const char* who) {
  require(set.labels.defined() && set.labels.dim() == 1 && set.labels.scalar_type() == at::kLong &&
              set.images.defined() && set.images.size(0) == set.labels.size(0) && set.labels.size(0) > 0,
          [&] { return text(who, ": expected images [N, C, H, W] with int64 classes [N], N at least 1"); });
}

}  // namespace detail

/// The logits of many images, [N, classes], without gradients and in passes of 256; the caller has put the network in
/// evaluation mode.
template <class Net>
[[nodiscard]] Tensor logits_of(Net& net, const Tensor& images) {
  const at::NoGradGuard no_gradient;
  std::vector<Tensor> parts;
  for (const Tensor& part : images.split(256)) parts.push_back(forward(net, part));
  require(!parts.empty(), "logits_of: there are no images");
  return at::cat(parts);
}

/// The share of images whose largest logit is their class's.
/// @throws Error  the labels are not one class for each image
template <class Net>
[[nodiscard]] double accuracy(Net& net, const data::Labelled& set) {
  detail::check_classes(set, "accuracy");
  return logits_of(net, set.images).argmax(1).eq(set.labels).to(at::kDouble).mean().template item<double>();
}

/// What one epoch of a classifier came to.
struct ClassifierEpoch {
  double train_loss = 0.0;     ///< cross-entropy, mean over the images, while the weights still changed
  double test_accuracy = 0.0;  ///< after the epoch
};

/// Trains a classifier with Adam (Kingma and Ba, ICLR 2015, arXiv:1412.6980) and cross-entropy. The order of the images
/// and dropout are keyed by (seed, epoch); LibTorch's global generator is left as it was. On one machine and number of
/// threads a run gives the same weights bit for bit.
struct ClassifierTrainer {
  std::int64_t epochs = 10;
  std::int64_t batch = 20;
  double learning_rate = 1e-3;  ///< of the first epoch; falls to 0 along a half cosine, epoch by epoch
  double weight_decay = 0.0;    ///< Adam's: added to the gradient, times the weight
  Progress progress{};          ///< called after every batch
  std::uint64_t seed = 0;

  /// Leaves the weights of the last epoch in `net`, and `net` in evaluation mode.
  /// @param net  a torch::nn module holder; [N, C, H, W] -> logits [N, classes]
  /// @throws Error  an option is out of range, labels do not fit, or the loss is no longer finite
  template <class Net>
  std::vector<ClassifierEpoch> operator()(Net& net, const data::Labelled& training,
                                          const data::Labelled& testing) const {
    require(
        epochs >= 0 && batch >= 1 && learning_rate > 0.0 && weight_decay >= 0.0,
        "ClassifierTrainer: `epochs` must be at least 0, `batch` at least 1, `learning_rate` positive and "
        "`weight_decay` not negative");
    detail::check_classes(training, "ClassifierTrainer");
    detail::check_classes(testing, "ClassifierTrainer");
    torch::nn::Module& module = *net;
    torch::optim::Adam optimizer(module.parameters(),
                                 torch::optim::AdamOptions(learning_rate).weight_decay(weight_decay));
    std::vector<ClassifierEpoch> history;
    net::GeneratorLoan loan;
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      const double phase = static_cast<double>(epoch) / static_cast<double>(epochs);
      for (auto& group : optimizer.param_groups())
        static_cast<torch::optim::AdamOptions&>(group.options())
            .lr(0.5 * learning_rate * (1.0 + std::cos(std::acos(-1.0) * phase)));
      loan.seed(mix(seed, static_cast<std::uint64_t>(epoch)));
      module.train();
      ClassifierEpoch row{.train_loss = learn(net, optimizer, training, epoch)};
      module.eval();
      row.test_accuracy = accuracy(net, testing);
      history.push_back(row);
    }
    module.eval();
    return history;
  }

 private:
  template <class Net>
  double learn(Net& net, torch::optim::Adam& optimizer, const data::Labelled& training,
               std::int64_t epoch) const {
    const auto order =
        data::batches(static_cast<std::size_t>(training.labels.size(0)), static_cast<std::size_t>(batch),
                      seed, static_cast<std::uint64_t>(epoch));
    double sum = 0.0;
    std::int64_t done = 0;
    for (const std::vector<std::size_t>& items : order) {
      const Tensor index =
          at::tensor(std::vector<std::int64_t>(items.begin(), items.end()), at::TensorOptions(at::kLong));
      const Tensor logits = forward(net, training.images.index_select(0, index));
      const Tensor loss = at::nll_loss(at::log_softmax(logits, 1), training.labels.index_select(0, index));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      sum += loss.template item<double>() * static_cast<double>(items.size());
      ++done;
      if (progress)
        progress("training", epoch * static_cast<std::int64_t>(order.size()) + done,
                 epochs * static_cast<std::int64_t>(order.size()));
    }
    const double mean = sum / static_cast<double>(training.labels.size(0));
    require(std::isfinite(mean), [&] {
      return text("ClassifierTrainer: the loss of epoch ", epoch + 1, " is ", mean,
                  "; lower the learning rate");
    });
    return mean;
  }
};

}  // namespace lumen::train
