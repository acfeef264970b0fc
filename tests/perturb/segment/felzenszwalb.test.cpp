// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/segment/felzenszwalb.hpp>

#include <doctest/doctest.h>

#include <map>
#include <set>

#include <lumen/io/read.hpp>
#include <lumen/perturb/labels.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/segments.hpp"
#include "support/shared.hpp"

namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::testing::same_partition;

static_assert(perturb::Labels<perturb::Felzenszwalb>);

namespace {

/// The paper's algorithm on sets of pixels: edges sorted by weight (equal ones as they are listed), the threshold of a
/// segment found anew each time from the edges that it was built from.
Tensor by_definition(const Tensor& planes, double scale, std::size_t smallest) {
  const std::int64_t rows = planes.size(1), columns = planes.size(2);
  struct Edge {
    float weight;
    std::int64_t a, b;
  };
  std::vector<Edge> edges;
  const auto add = [&](std::int64_t r, std::int64_t c, std::int64_t i, std::int64_t j) {
    if (i < 0 || j < 0 || i >= rows || j >= columns) return;
    const float weight =
        (planes.select(2, c).select(1, r) - planes.select(2, j).select(1, i)).norm().item<float>();
    edges.push_back({weight, r * columns + c, i * columns + j});
  };
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      add(r, c, r, c + 1), add(r, c, r + 1, c), add(r, c, r + 1, c + 1), add(r, c, r - 1, c + 1);
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return a.weight < b.weight; });
  std::map<std::int64_t, std::set<std::int64_t>> members;
  std::map<std::int64_t, double> heaviest;
  std::vector<std::int64_t> of(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows * columns; ++i)
    members[i] = {i}, heaviest[i] = 0, of[static_cast<std::size_t>(i)] = i;
  const auto join = [&](std::int64_t a, std::int64_t b, double weight) {
    for (const std::int64_t i : members[b]) of[static_cast<std::size_t>(i)] = a;
    members[a].insert(members[b].begin(), members[b].end());
    members.erase(b);
    heaviest[a] = weight;
  };
  for (const auto& [weight, i, j] : edges) {
    const std::int64_t a = of[static_cast<std::size_t>(i)], b = of[static_cast<std::size_t>(j)];
    if (a == b) continue;
    const double least = std::min(heaviest[a] + scale / static_cast<double>(members[a].size()),
                                  heaviest[b] + scale / static_cast<double>(members[b].size()));
    if (weight <= least) join(a, b, weight);
  }
  for (const auto& [weight, i, j] : edges) {
    const std::int64_t a = of[static_cast<std::size_t>(i)], b = of[static_cast<std::size_t>(j)];
    if (a != b && (members[a].size() < smallest || members[b].size() < smallest)) join(a, b, weight);
  }
  return at::tensor(of, at::kLong).reshape({rows, columns});
}

Tensor normalised(const Tensor& x) { return ((x - x.min()) / (x.max() - x.min())).to(at::kFloat) * 255; }

}  // namespace

DOCTEST_TEST_CASE("the same segments as the paper's algorithm on sets of pixels, ties too") {
  for (const std::int64_t channels : {1, 3}) {
    const Tensor x = nets::random({1, channels, 19, 24}, 740).to(at::kFloat);
    const Tensor rounded = (normalised(x) / 51).round();  // many equal edges
    for (const Tensor& each : {x, rounded}) {
      for (const double scale : {30.0, 300.0}) {
        for (const std::int64_t smallest : {1, 9}) {
          const Tensor mine =
              perturb::Felzenszwalb{.scale = scale, .sigma = 0, .smallest = smallest}(each)[0][0];
          const Tensor expected =
              by_definition(normalised(each)[0], scale, static_cast<std::size_t>(smallest));
          DOCTEST_CHECK(same_partition(mine, expected));
          DOCTEST_CHECK(mine[0][0].item<std::int64_t>() == 0);
          DOCTEST_CHECK(lumen::testing::all_connected(mine, true));
        }
      }
    }
  }
}

DOCTEST_TEST_CASE("a larger scale makes fewer segments; smooth shades stay whole where steps divide") {
  const Tensor ramp = at::arange(60, at::kDouble).reshape({1, 1, 1, 60}).expand({1, 1, 40, 60});
  const Tensor step = at::where(at::arange(40).reshape({1, 1, 40, 1}) < 15, ramp, ramp + 60);
  const Tensor labels = perturb::Felzenszwalb{.scale = 100, .sigma = 0}(step)[0][0];
  DOCTEST_CHECK(labels.max().item<std::int64_t>() == 1);
  DOCTEST_CHECK(
      same_partition(labels, at::arange(40).reshape({40, 1}).ge(15).to(at::kLong).expand({40, 60})));
  const Tensor x = nets::random({1, 1, 50, 50}, 741);
  const auto count = [&](double scale) {
    return perturb::Felzenszwalb{.scale = scale, .smallest = 1}(x).max().item<std::int64_t>();
  };
  DOCTEST_CHECK(count(20) > count(100));
  DOCTEST_CHECK(count(100) > count(1000));
}

DOCTEST_TEST_CASE("the same partition as scikit-image's on vessels") {
  const auto file = lumen::testing::shared("data/vessmap/images/10084.tiff");
  if (!file) return;
  const Tensor image = lumen::io::read(*file).to(at::kDouble).reshape({1, 1, 256, 256});
  const Tensor values = (image - image.min()) / (image.max() - image.min());
  const auto theirs = lumen::testing::by_scikit_image(
      "skimage.segmentation.felzenszwalb(x, scale=200, sigma=0.8, min_size=20, channel_axis=None)",
      values[0][0]);
  if (!theirs) return;
  const Tensor mine = perturb::Felzenszwalb{.scale = 200}(image)[0][0];
  const double index = lumen::testing::rand_index(mine, *theirs);
  DOCTEST_MESSAGE("segments ", mine.max().item<std::int64_t>() + 1, " and ",
                  theirs->max().item<std::int64_t>() + 1, ", adjusted Rand index ", index);
  DOCTEST_CHECK(index >
                0.9);  // scikit-image cuts the Gaussian off at 3 pixels, not 4, and works in double precision
}

DOCTEST_TEST_CASE("bad options are refused") {
  const Tensor x = nets::random({1, 1, 8, 8}, 742);
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Felzenszwalb{.scale = 0}(x); }), "scale 0"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Felzenszwalb{.sigma = -1}(x); }), "sigma -1"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Felzenszwalb{.smallest = 0}(x); }), "smallest 0"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Felzenszwalb{}(x[0]); }), "[N, C, H, W]"));
}
