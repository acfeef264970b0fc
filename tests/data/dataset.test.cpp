// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/dataset.hpp>

#include <set>
#include <string>
#include <vector>

#include <torch/data.h>

#include <doctest/doctest.h>

#include <lumen/data/synthetic.hpp>

using lumen::data::Dataset;
using lumen::data::Sample;
using lumen::data::SyntheticVessels;

DOCTEST_TEST_CASE("Dataset: views of the samples, another set in every epoch") {
  //! [dataset]
  const lumen::data::SyntheticVessels vessels{.size = 64, .seed = 1};
  lumen::data::Dataset dataset(vessels.many(0, 3), {.crop = 32, .seed = 7}, /*views=*/2);
  dataset.set_epoch(4);
  const lumen::data::Sample view = dataset.get(5);  // the second view of the third image
  //! [dataset]
  DOCTEST_CHECK(dataset.size().value() == 6);
  DOCTEST_CHECK(view.name == "synthetic-2");
  DOCTEST_CHECK((view.image.sizes() == at::IntArrayRef{1, 32, 32}));
  DOCTEST_CHECK(at::equal(view.image, dataset.get(5).image));
  DOCTEST_CHECK(!at::equal(view.image, dataset.get(2).image));
  dataset.set_epoch(5);
  DOCTEST_CHECK(!at::equal(view.image, dataset.get(5).image));
}

DOCTEST_TEST_CASE("Dataset: torch's own data loader takes it, with and without workers") {
  Dataset dataset(SyntheticVessels{.size = 32}.many(0, 5), {.crop = 16});
  for (const std::size_t workers : {0U, 2U}) {
    auto loader = torch::data::make_data_loader<torch::data::samplers::SequentialSampler>(
        dataset, torch::data::DataLoaderOptions().batch_size(2).workers(workers));
    std::size_t index = 0;
    for (const std::vector<Sample>& batch : *loader)
      for (const Sample& sample : batch) DOCTEST_CHECK(at::equal(sample.image, dataset.get(index++).image));
    DOCTEST_CHECK(index == 5);
  }
}

DOCTEST_TEST_CASE("Dataset: bad samples") {
  DOCTEST_CHECK_THROWS_WITH_AS(Dataset({}), "Dataset: there are no samples", lumen::Error);
  Sample sample = SyntheticVessels{.size = 16}(0);
  sample.label = sample.label.to(at::kByte);
  DOCTEST_CHECK_THROWS_WITH_AS(
      Dataset({sample}), "sample 'synthetic-0': the label must be an int64 tensor [H, W] of the image's size",
      lumen::Error);
  Dataset good(SyntheticVessels{.size = 16}.many(0, 2), {.crop = 8});
  DOCTEST_CHECK_THROWS_WITH_AS(good.get(2), "Dataset: item 2 of 2", lumen::Error);
}

DOCTEST_TEST_CASE("stack: one size only") {
  const auto batch = lumen::data::stack(SyntheticVessels{.size = 16}.many(0, 3));
  DOCTEST_CHECK((batch.image.sizes() == at::IntArrayRef{3, 1, 16, 16}));
  DOCTEST_CHECK((batch.label.sizes() == at::IntArrayRef{3, 16, 16}));
  DOCTEST_CHECK_THROWS_WITH_AS(static_cast<void>(lumen::data::stack(
                                   {SyntheticVessels{.size = 16}(0), SyntheticVessels{.size = 17}(1)})),
                               "stack: 'synthetic-1' has size [1, 17, 17] and 'synthetic-0' has size [1, 16, "
                               "16]; crop them to one size",
                               lumen::Error);
}

DOCTEST_TEST_CASE("weights of pixels: cropped and stacked with the image, all or none, checked") {
  auto samples = SyntheticVessels{.size = 16}.many(0, 2);
  samples[0].weight = samples[0].image[0] * 2;
  DOCTEST_CHECK_THROWS_WITH_AS(static_cast<void>(lumen::data::stack(samples)),
                               "stack: 1 of 2 samples have a weight; give all of them one, or none",
                               lumen::Error);
  samples[1].weight = samples[1].image[0] * 2;
  Dataset dataset(samples, {.crop = 8, .seed = 1});
  const auto batch = lumen::data::stack({dataset.get(0), dataset.get(1)});
  DOCTEST_CHECK(at::equal(batch.weight, batch.image.select(1, 0) * 2));
  DOCTEST_CHECK_FALSE(lumen::data::stack(SyntheticVessels{.size = 16}.many(0, 2)).weight.defined());
  const auto refused = [&](const lumen::Tensor& weight, const char* message) {
    samples[1].weight = weight;
    DOCTEST_CHECK_THROWS_WITH_AS(Dataset{samples}, message, lumen::Error);
  };
  const lumen::Tensor one = at::ones({16, 16});
  refused(one.to(at::kDouble),
          "sample 'synthetic-1': the weight must be a float32 tensor [H, W] of the image's size");
  refused(one.narrow(0, 0, 8),
          "sample 'synthetic-1': the weight must be a float32 tensor [H, W] of the image's size");
  refused(-one, "sample 'synthetic-1': the weight must be finite and at least 0 everywhere");
  refused(one / 0, "sample 'synthetic-1': the weight must be finite and at least 0 everywhere");
}

DOCTEST_TEST_CASE("batches: every item once, an order for each epoch") {
  const auto one = lumen::data::batches(10, 4, 0, 0);
  DOCTEST_REQUIRE(one.size() == 3);
  DOCTEST_CHECK(one.back().size() == 2);
  std::set<std::size_t> seen;
  for (const auto& batch : one) seen.insert(batch.begin(), batch.end());
  DOCTEST_CHECK(seen.size() == 10);
  DOCTEST_CHECK(one == lumen::data::batches(10, 4, 0, 0));
  DOCTEST_CHECK(one != lumen::data::batches(10, 4, 0, 1));
  DOCTEST_CHECK(one != lumen::data::batches(10, 4, 1, 0));
}
