// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <torch/data/datasets/base.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/augment.hpp>
#include <lumen/data/random.hpp>
#include <lumen/data/sample.hpp>

namespace lumen::data {

/// Training samples as a torch::data dataset: every item is an augmented view of a sample. A sample appears
/// `views` times in one epoch, each time with another crop (4 crops of 128 x 128 are one 256 x 256 image).
class Dataset : public torch::data::datasets::Dataset<Dataset, Sample> {
 public:
  /// @throws Error  there is no sample, one is malformed, or `views` is below 1
  explicit Dataset(std::vector<Sample> samples, Augment augment = {}, std::size_t views = 1)
      : samples_(std::move(samples)), augment_(augment), views_(views) {
    require(!samples_.empty(), "Dataset: there are no samples");
    require(views_ >= 1, "Dataset: `views` must be at least 1");
    for (const Sample& sample : samples_) check(sample);
  }

  /// The epoch whose augmentation `get` draws.
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }

  /// Item `index`: a view of sample `index % samples().size()`.
  Sample get(std::size_t index) override {
    require(index < count(), [&] { return text("Dataset: item ", index, " of ", count()); });
    return augment_(samples_[index % samples_.size()], epoch_, index);
  }

  [[nodiscard]] torch::optional<std::size_t> size() const override { return count(); }
  [[nodiscard]] std::size_t count() const { return samples_.size() * views_; }
  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
  [[nodiscard]] const Augment& augment() const { return augment_; }
  [[nodiscard]] std::size_t views() const { return views_; }

 private:
  std::vector<Sample> samples_;
  Augment augment_;
  std::size_t views_;
  std::uint64_t epoch_ = 0;
};

/// Samples of one size stacked for a network.
/// @throws Error  there is none, their sizes differ, or some have weights and others not
[[nodiscard]] inline Batch stack(const std::vector<Sample>& samples) {
  require(!samples.empty(), "stack: there are no samples");
  std::vector<Tensor> images;
  std::vector<Tensor> labels;
  std::vector<Tensor> weights;
  for (const Sample& sample : samples) {
    require(sample.image.sizes() == samples.front().image.sizes(), [&] {
      return text("stack: '", sample.name, "' has size ", sample.image.sizes(), " and '",
                  samples.front().name, "' has size ", samples.front().image.sizes(),
                  "; crop them to one size");
    });
    images.push_back(sample.image);
    labels.push_back(sample.label);
    if (sample.weight.defined()) weights.push_back(sample.weight);
  }
  require(weights.empty() || weights.size() == samples.size(), [&] {
    return text("stack: ", weights.size(), " of ", samples.size(),
                " samples have a weight; give all of them one, or none");
  });
  return {at::stack(images), at::stack(labels), weights.empty() ? Tensor() : at::stack(weights)};
}

/// The items of one epoch in batches, in an order drawn from (seed, epoch); the last batch may be smaller.
[[nodiscard]] inline std::vector<std::vector<std::size_t>> batches(std::size_t count, std::size_t batch,
                                                                   std::uint64_t seed, std::uint64_t epoch) {
  require(batch >= 1, "batches: a batch must hold at least one item");
  const auto order = shuffled(count, Random({seed, epoch}));
  std::vector<std::vector<std::size_t>> result;
  for (std::size_t first = 0; first < count; first += batch) {
    const std::size_t last = first + batch < count ? first + batch : count;
    result.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(first),
                        order.begin() + static_cast<std::ptrdiff_t>(last));
  }
  return result;
}

}  // namespace lumen::data
