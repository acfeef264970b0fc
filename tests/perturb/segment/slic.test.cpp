// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/segment/slic.hpp>

#include <doctest/doctest.h>

#include <limits>

#include <lumen/baseline/blur.hpp>
#include <lumen/io/read.hpp>
#include <lumen/perturb/labels.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/segments.hpp"
#include "support/shared.hpp"

namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::all_connected;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(perturb::Labels<perturb::Slic>);

namespace {

std::int64_t count(const Tensor& labels) { return labels.max().item<std::int64_t>() + 1; }

/// Smooth random pictures: noise blurred by sums of cosines would be too regular, so blurred noise.
Tensor picture(std::int64_t channels, std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  return lumen::baseline::Blur{.sigma = 3.0}(nets::random({1, channels, rows, columns}, seed));
}

/// The paper's loop, pixel by pixel over all centres in double precision, before pieces are joined.
Tensor by_definition(const Tensor& lab, std::int64_t segments, double compactness, std::int64_t iterations) {
  const std::int64_t channels = lab.size(0), rows = lab.size(1), columns = lab.size(2);
  const Tensor values = lab.to(at::kDouble).contiguous();
  const auto at = values.accessor<double, 3>();
  const double step = std::sqrt(static_cast<double>(rows * columns) / static_cast<double>(segments));
  const std::int64_t down = std::llround(static_cast<double>(rows) / step),
                     across = std::llround(static_cast<double>(columns) / step);
  const auto value = [&](std::int64_t c, std::int64_t r, std::int64_t k) {
    return at[c][std::clamp<std::int64_t>(r, 0, rows - 1)][std::clamp<std::int64_t>(k, 0, columns - 1)];
  };
  std::vector<std::vector<double>> centres;
  for (std::int64_t i = 0; i < down * across; ++i) {
    const std::int64_t row = (2 * (i / across) + 1) * rows / (2 * down),
                       column = (2 * (i % across) + 1) * columns / (2 * across);
    std::vector<std::array<double, 3>> around{{0, 0, 0}};
    around.clear();
    for (const std::int64_t first : {0, 1})  // the middle first, so that it stays where nothing is flatter
      for (std::int64_t r = row - 1; r <= row + 1; ++r)
        for (std::int64_t c = column - 1; c <= column + 1; ++c) {
          if (r < 0 || c < 0 || r >= rows || c >= columns || (r == row && c == column) != (first == 0))
            continue;
          double slope = 0;
          for (std::int64_t k = 0; k < channels; ++k)
            slope += std::pow(value(k, r + 1, c) - value(k, r - 1, c), 2) +
                     std::pow(value(k, r, c + 1) - value(k, r, c - 1), 2);
          around.push_back({slope, static_cast<double>(r), static_cast<double>(c)});
        }
    const auto best = *std::min_element(around.begin(), around.end(),
                                        [](const auto& a, const auto& b) { return a[0] < b[0]; });
    std::vector<double> centre;
    for (std::int64_t k = 0; k < channels; ++k)
      centre.push_back(value(k, static_cast<std::int64_t>(best[1]), static_cast<std::int64_t>(best[2])));
    centre.push_back(best[1]);
    centre.push_back(best[2]);
    centres.push_back(centre);
  }
  Tensor labels = at::empty({rows, columns}, at::kLong);
  auto label = labels.accessor<std::int64_t, 2>();
  for (std::int64_t turn = 0; turn < iterations; ++turn) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) {
        if (turn == 0) label[r][c] = r * down / rows * across + c * across / columns;
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < centres.size(); ++k) {
          const auto& centre = centres[k];
          const double y = static_cast<double>(r) - centre[centre.size() - 2],
                       x = static_cast<double>(c) - centre.back();
          if (std::abs(y) > step || std::abs(x) > step) continue;
          double d = std::pow(compactness / step, 2) * (y * y + x * x);
          for (std::int64_t i = 0; i < channels; ++i)
            d += std::pow(at[i][r][c] - centre[static_cast<std::size_t>(i)], 2);
          if (d < best) best = d, label[r][c] = static_cast<std::int64_t>(k);
        }
      }
    for (std::size_t k = 0; k < centres.size(); ++k) {
      const Tensor mine = labels.eq(static_cast<std::int64_t>(k));
      if (!mine.any().item<bool>()) continue;
      const Tensor places = mine.nonzero().to(at::kDouble).mean(0);
      for (std::int64_t i = 0; i < channels; ++i)
        centres[k][static_cast<std::size_t>(i)] = values[i].masked_select(mine).mean().item<double>();
      centres[k][centres[k].size() - 2] = places[0].item<double>();
      centres[k].back() = places[1].item<double>();
    }
  }
  return labels;
}

}  // namespace

DOCTEST_TEST_CASE("SLIC is the paper's loop over all pixels and centres") {
  for (const std::int64_t channels : {1, 2}) {
    const Tensor x = picture(channels, 45, 61, 700 + static_cast<std::uint64_t>(channels));
    const Tensor planes = (x[0] - x.min()) / (x.max() - x.min()) * 100;
    // nothing is joined: the pieces of each label are told apart, and compared so
    const Tensor mine = perturb::Slic{.segments = 30, .iterations = 6, .smallest = 0.0}(x)[0][0];
    Tensor expected = by_definition(planes, 30, 10.0, 6).contiguous();
    const auto pieces = perturb::detail::pieces_of(expected.data_ptr<std::int64_t>(), 45, 61, false);
    expected = at::tensor(pieces.piece, at::kLong).reshape({45, 61});
    DOCTEST_CHECK(lumen::testing::rand_index(mine, expected) > 0.999);  // rounding may move single pixels
    const Tensor fewer = by_definition(planes, 30, 10.0, 1).contiguous();
    DOCTEST_CHECK(lumen::testing::rand_index(mine, fewer) < 0.95);
  }
}

DOCTEST_TEST_CASE(
    "segments are connected, numbered by first pixels, about as many as asked, and none is small") {
  for (const auto& [rows, columns, asked] :
       {std::tuple{64, 64, 50}, {37, 90, 12}, {100, 17, 40}, {5, 5, 1}}) {
    const Tensor x = picture(3, rows, columns, 710);
    const Tensor labels = perturb::Slic{.segments = asked}(x);
    DOCTEST_CHECK((labels.sizes() == at::IntArrayRef{1, 1, rows, columns}));
    DOCTEST_CHECK((labels.scalar_type() == at::kLong));
    DOCTEST_CHECK(all_connected(labels[0][0], false));
    DOCTEST_CHECK(labels[0][0][0][0].item<std::int64_t>() == 0);
    const std::int64_t n = count(labels);
    DOCTEST_CHECK(n >= asked / 2);
    DOCTEST_CHECK(n <= asked * 8 / 5);
    const Tensor sizes = at::bincount(labels.reshape({-1}));
    DOCTEST_CHECK((sizes.min().item<double>() >= 0.25 * rows * columns / asked || n == 1));
  }
}

DOCTEST_TEST_CASE("edges of the picture are edges of segments") {
  Tensor x = at::zeros({1, 1, 48, 48}, at::kDouble);
  x.narrow(2, 0, 21).narrow(3, 0, 30).fill_(1.0);
  x.narrow(2, 21, 27).narrow(3, 13, 35).fill_(0.5);
  const Tensor labels = perturb::Slic{.segments = 36}(x)[0][0];
  DOCTEST_CHECK(lumen::testing::explained(x[0][0], labels) > 0.999);
  DOCTEST_CHECK(
      lumen::testing::explained(x[0][0], perturb::Slic{.segments = 36, .compactness = 1e4}(x)[0][0]) < 0.97);
}

DOCTEST_TEST_CASE("labels depend neither on units nor on other samples, nor on the run") {
  const Tensor a = picture(3, 40, 40, 720), b = picture(3, 40, 40, 721) * 7 + 3;
  const perturb::Slic slic{.segments = 20};
  const Tensor both = slic(at::cat({a, b}));
  DOCTEST_CHECK(both[0].equal(slic(a)[0]));
  DOCTEST_CHECK(both[1].equal(slic(b)[0]));
  DOCTEST_CHECK(slic(a * 1024).equal(slic(a)));
  DOCTEST_CHECK(!slic(a).equal(slic(b)));
  DOCTEST_CHECK(count(slic(at::full({1, 1, 32, 32}, 3.0))) == 16);  // nothing to see: the grid, of 20 asked
}

DOCTEST_TEST_CASE("three channels are compared as colours are seen") {
  // published values of sRGB primaries in CIELAB under D65
  const Tensor rgb = at::tensor({1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0}, at::kDouble)
                         .reshape({3, 2, 2});
  const Tensor expected = at::tensor({53.24, 87.73, 32.30, 100.0}, at::kDouble);
  const Tensor lab = perturb::detail::lab_of(rgb);
  DOCTEST_CHECK(all_close(lab[0].reshape({-1}), expected, 0.05));
  DOCTEST_CHECK(all_close(lab[1].reshape({-1}), at::tensor({80.09, -86.18, 79.19, 0.0}, at::kDouble), 0.05));
  DOCTEST_CHECK(all_close(lab[2].reshape({-1}), at::tensor({67.20, 83.18, -107.86, 0.0}, at::kDouble), 0.05));
}

DOCTEST_TEST_CASE("on vessels it explains as much as scikit-image's") {
  const auto file = lumen::testing::shared("data/vessmap/images/10084.tiff");
  if (!file) return;
  const Tensor image = lumen::io::read(*file).to(at::kDouble).reshape({1, 1, 256, 256});
  const Tensor values = (image - image.min()) / (image.max() - image.min());
  for (const std::int64_t segments : {50, 200}) {
    const auto theirs = lumen::testing::by_scikit_image(
        "skimage.segmentation.slic(x, n_segments=" + std::to_string(segments) +
            ", compactness=0.1, channel_axis=None, start_label=0)",
        values[0][0]);
    if (!theirs) return;
    const Tensor mine = perturb::Slic{.segments = segments}(image)[0][0];
    const double own = lumen::testing::explained(values, mine),
                 other = lumen::testing::explained(values, *theirs);
    DOCTEST_MESSAGE("segments ", count(mine), " and ", count(*theirs), ", explained ", own, " and ", other);
    DOCTEST_CHECK(own > 0.97 * other);
    DOCTEST_CHECK(std::abs(static_cast<double>(count(mine)) / static_cast<double>(count(*theirs)) - 1) <
                  0.35);
  }
}

DOCTEST_TEST_CASE("bad options and inputs are refused") {
  const Tensor x = picture(1, 8, 8, 730);
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Slic{.segments = 0}(x); }), "segments 0"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Slic{.compactness = -1}(x); }), "compactness -1"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Slic{.smallest = 2}(x); }), "smallest 2"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Slic{}(x[0]); }), "[N, C, H, W]"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Slic{}(x.to(at::kLong)); }), "floating point"));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Slic{}(x / 0.0); }), "infinite"));
}
