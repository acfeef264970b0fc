// SPDX-License-Identifier: BSD-3-Clause
// Statistics and reducers against plain loops over a Jacobian that is held whole.
#include <lumen/influence/reducer/reduce.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/influence/normalise.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/extremes.hpp>
#include <lumen/influence/reducer/histogram.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/influence/statistic/sparsity.hpp>
#include <lumen/map/distance.hpp>
#include <lumen/map/view.hpp>
#include <lumen/metric/sparsity.hpp>

#include "support/allclose.hpp"
#include "support/influence.hpp"
#include "support/message.hpp"

using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::Jacobian;
using lumen::testing::message_of;
namespace lm = lumen;
namespace inf = lumen::influence;
namespace nets = lumen::testing::nets;
using Of = inf::Threshold::Of;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// A statistic of a whole row [H, W] of the output pixel (row, column) by plain loops.
using Slow = std::function<std::vector<double>(const Tensor& row, const Jacobian& j, std::int64_t p)>;

/// f(value, row, column) for every pixel.
template <class F>
void each(const Tensor& row, const F& f) {
  const auto at = row.accessor<double, 2>();
  for (std::int64_t r = 0; r < row.size(0); ++r)
    for (std::int64_t c = 0; c < row.size(1); ++c) f(at[r][c], r, c);
}

Tensor image_of(const Jacobian& j, const Slow& slow) {
  std::vector<Tensor> pixels;
  for (std::int64_t p = 0; p < j.out_height * j.out_width; ++p) {
    const Tensor row = j.dense[p].sum(0).to(at::kDouble).contiguous();
    Tensor values = at::tensor(slow(row, j, p), at::kDouble);
    if (j.which.eq(p).any().item<bool>() == false) values.fill_(kNone);
    pixels.push_back(values);
  }
  const Tensor all = at::stack(pixels);
  if (all.size(1) == 1) return all.reshape({j.out_height, j.out_width});
  return all.reshape({j.out_height, j.out_width, all.size(1)});
}

bool same(const Tensor& a, const Tensor& b, double tolerance = 1e-11) {
  return a.sizes() == b.sizes() && at::allclose(a, b, tolerance, tolerance, /*equal_nan=*/true);
}

double threshold_of(const inf::Threshold& t, const Tensor& row, const Jacobian& j) {
  const Tensor values = t.of == Of::Row ? row : j.dense.index_select(0, j.which).sum(1);
  if (t.of == Of::Value) return t.level;
  const double most = (t.signed_maximum ? values : values.abs()).max().item<double>();
  return t.level * std::max(most, 0.0);
}

struct Seen {
  double pixels = 0, top = 1e9, bottom = -1, left = 1e9, right = -1;
  [[nodiscard]] double area() const { return pixels == 0 ? 0 : (bottom - top + 1) * (right - left + 1); }
};

Seen seen(const inf::Threshold& t, const Tensor& row, const Jacobian& j) {
  Seen found;
  const double least = threshold_of(t, row, j);
  each(row, [&](double v, std::int64_t r, std::int64_t c) {
    if (!(std::abs(v) > least)) return;
    ++found.pixels;
    found.top = std::min(found.top, static_cast<double>(r));
    found.bottom = std::max(found.bottom, static_cast<double>(r));
    found.left = std::min(found.left, static_cast<double>(c));
    found.right = std::max(found.right, static_cast<double>(c));
  });
  return found;
}

std::array<double, 2> centre(const Jacobian& j, std::int64_t p) {
  return {(static_cast<double>(p / j.out_width) + 0.5) * static_cast<double>(j.height) /
                  static_cast<double>(j.out_height) -
              0.5,
          (static_cast<double>(p % j.out_width) + 0.5) * static_cast<double>(j.width) /
                  static_cast<double>(j.out_width) -
              0.5};
}

template <class... R>
auto reduced(const Jacobian& j, const inf::Reduce& how, std::int64_t size, R... asked) {
  return how([&](const inf::RowSink& sink) { j.stream(sink, size); }, std::move(asked)...);
}

/// Every Jacobian, chunk size and way to have a second look must agree with the slow way.
template <class S>
void check(const S& statistic, const Slow& slow, double tolerance = 1e-11) {
  const std::vector<Jacobian> all{
      Jacobian{}.made(), Jacobian{.channels = 3, .seed = 5}.made(),
      Jacobian{.height = 12, .width = 10, .out_height = 6, .out_width = 5, .seed = 2}.made(),
      Jacobian{.height = 5, .width = 4, .out_height = 5, .out_width = 4, .radius = 6, .seed = 3}.made(),
      Jacobian{.seed = 4, .without = {0, 7, 50, 98}}.made()};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Tensor expected = image_of(all[i], slow);
    for (const std::int64_t size : {1, 7, 1000}) {
      for (const std::int64_t keep : {std::int64_t{0}, std::int64_t{1} << 30}) {
        const auto found = reduced(all[i], inf::Reduce{.keep = keep}, size, statistic);
        DOCTEST_INFO(i, " ", size, " ", keep);
        DOCTEST_CHECK(same(std::get<0>(found.results), expected, tolerance));
        DOCTEST_CHECK(found.streams == (inf::needs_peaks(statistic) && keep == 0 ? 2 : 1));
        DOCTEST_CHECK(found.rows == all[i].which.size(0));
      }
    }
  }
}

const std::vector<inf::Threshold> thresholds{{.level = 0.5, .of = Of::Value},
                                             {.level = 0.3, .of = Of::Row},
                                             {.level = 0.3, .of = Of::Row, .signed_maximum = true},
                                             {.level = 0.2, .of = Of::Image},
                                             {.level = 0.2, .of = Of::Image, .signed_maximum = true},
                                             {.level = 100, .of = Of::Value},
                                             {.level = 0.999, .of = Of::Row}};

}  // namespace

DOCTEST_TEST_CASE("counts, boxes and fulfilment are those of the whole rows, for every kind of threshold") {
  for (const auto& t : thresholds) {
    DOCTEST_INFO(t.level, " of ", static_cast<int>(t.of), " signed ", t.signed_maximum);
    check(inf::Count{t}, [&](const Tensor& row, const Jacobian& j, std::int64_t) {
      return std::vector<double>{seen(t, row, j).pixels};
    });
    check(inf::BoundingBox{t}, [&](const Tensor& row, const Jacobian& j, std::int64_t) {
      const Seen s = seen(t, row, j);
      return s.pixels == 0 ? std::vector<double>(4)
                           : std::vector<double>{s.top, s.bottom + 1, s.left, s.right + 1};
    });
    check(inf::BoxArea{t}, [&](const Tensor& row, const Jacobian& j, std::int64_t) {
      return std::vector<double>{seen(t, row, j).area()};
    });
    check(inf::Fulfilment{t}, [&](const Tensor& row, const Jacobian& j, std::int64_t) {
      const Seen s = seen(t, row, j);
      return std::vector<double>{s.pixels == 0 ? 0 : s.pixels / s.area()};
    });
  }
}

DOCTEST_TEST_CASE("masses and extremes are those of the whole rows") {
  const auto sum = [](const auto& of) {
    return [of](const Tensor& row, const Jacobian&, std::int64_t) {
      double total = 0;
      each(row, [&](double v, std::int64_t, std::int64_t) { total += of(v); });
      return std::vector<double>{total};
    };
  };
  check(inf::PositiveMass{}, sum([](double v) { return std::max(v, 0.0); }));
  check(inf::NegativeMass{}, sum([](double v) { return std::max(-v, 0.0); }));
  check(inf::Mass{}, sum([](double v) { return std::abs(v); }));
  check(inf::NetMass{}, sum([](double v) { return v; }));
  check(inf::Energy{}, sum([](double v) { return v * v; }));
  check(inf::Highest{}, [](const Tensor& row, const Jacobian&, std::int64_t) {
    return std::vector{row.max().item<double>()};
  });
  check(inf::Lowest{}, [](const Tensor& row, const Jacobian&, std::int64_t) {
    return std::vector{row.min().item<double>()};
  });
  check(inf::Peak{}, [](const Tensor& row, const Jacobian&, std::int64_t) {
    return std::vector{row.abs().max().item<double>()};
  });
}

DOCTEST_TEST_CASE("sparsity is that of the whole row's map") {
  check(inf::Gini{}, [](const Tensor& row, const Jacobian&, std::int64_t) {
    return std::vector{lm::metric::Gini{}(lm::map::view<double>(row))};
  });
  check(inf::Hoyer{}, [](const Tensor& row, const Jacobian&, std::int64_t) {
    return std::vector{lm::metric::Hoyer{}(lm::map::view<double>(row))};
  });
}

DOCTEST_TEST_CASE("sparsity over a given number of pixels does not depend on the image's size") {
  const Jacobian j = Jacobian{.height = 40, .width = 40, .out_height = 40, .out_width = 40}.made();
  const auto found = reduced(j, {}, 100, inf::Gini{.population = 49}, inf::Hoyer{.population = 49});
  const Tensor window = j.chunk.values[20 * 40 + 20][0].contiguous();  // all of it inside the image
  DOCTEST_CHECK(std::get<0>(found.results)[20][20].item<double>() ==
                doctest::Approx(lm::metric::Gini{}(lm::map::view<double>(window))).epsilon(1e-12));
  DOCTEST_CHECK(std::get<1>(found.results)[20][20].item<double>() ==
                doctest::Approx(lm::metric::Hoyer{}(lm::map::view<double>(window))).epsilon(1e-12));
  DOCTEST_CHECK(
      holds(message_of([&] { reduced(j, {}, 100, inf::Gini{.population = 48}); }), "population is 48"));
}

DOCTEST_TEST_CASE("the centroid and the radius of the energy are those of the whole rows") {
  const auto offset = [](const Tensor& row, const Jacobian& j, std::int64_t p) {
    double mass = 0, y = 0, x = 0;
    each(row, [&](double v, std::int64_t r, std::int64_t c) {
      mass += std::abs(v);
      y += std::abs(v) * static_cast<double>(r);
      x += std::abs(v) * static_cast<double>(c);
    });
    const auto [cy, cx] = centre(j, p);
    return std::vector<double>{y / mass - cy, x / mass - cx};
  };
  check(inf::CentroidOffset{}, offset);
  check(inf::CentroidDistance{}, [&](const Tensor& row, const Jacobian& j, std::int64_t p) {
    const auto d = offset(row, j, p);
    return std::vector<double>{std::hypot(d[0], d[1])};
  });
  for (const double percent : {10.0, 50.0, 90.0, 100.0}) {
    check(inf::EnergyRadius{percent}, [&](const Tensor& row, const Jacobian& j, std::int64_t p) {
      std::vector<std::pair<double, double>> by_distance;
      double total = 0, held = 0;
      const auto [cy, cx] = centre(j, p);
      each(row, [&, cy = cy, cx = cx](double v, std::int64_t r, std::int64_t c) {
        by_distance.emplace_back(std::hypot(static_cast<double>(r) - cy, static_cast<double>(c) - cx), v * v);
        total += v * v;
      });
      std::sort(by_distance.begin(), by_distance.end());
      for (const auto& [distance, energy] : by_distance) {
        held += energy;
        if (held >= total * percent / 100 * (1 - 1e-12)) return std::vector<double>{distance};
      }
      return std::vector<double>{kNone};
    });
  }
}

DOCTEST_TEST_CASE("the mass in regions of the image is that of the whole rows") {
  for (const bool share : {false, true}) {
    const auto slow = [&](const Tensor& labels, std::int64_t regions) {
      return [=](const Tensor& row, const Jacobian& j, std::int64_t) {
        std::vector<double> mass(static_cast<std::size_t>(regions));
        double total = 0;
        const Tensor in = at::narrow(labels, 0, 0, j.height).narrow(1, 0, j.width).contiguous();
        each(row, [&](double v, std::int64_t r, std::int64_t c) {
          total += std::abs(v);
          const auto label = in[r][c].item<std::int64_t>();
          if (label >= 0) mass[static_cast<std::size_t>(label)] += std::abs(v);
        });
        for (double& m : mass) m /= share ? total : 1;
        return mass;
      };
    };
    const Jacobian j = Jacobian{.seed = 8}.made();
    const Tensor labels = (nets::random({11, 9}, 9).abs() * 3).floor().to(at::kLong).clamp_max(3) - 1;
    const auto found = reduced(j, {}, 7, inf::RegionMass{.labels = labels, .regions = 4, .share = share});
    DOCTEST_CHECK(same(std::get<0>(found.results), image_of(j, slow(labels, 4))));
  }
  const Jacobian j = Jacobian{.seed = 8}.made();
  const Tensor mask = nets::random({11, 9}, 10).gt(0.5).contiguous();
  const Tensor distance = lm::map::tensor(lm::map::distance_to(lm::map::view<bool>(mask)));
  const auto [results, peaks, rows, streams] = reduced(
      j, {}, 13, inf::MassInside{mask}, inf::MassOutside{mask}, inf::by_distance(distance, {1, 2, 3}));
  const auto& [inside, outside, profile] = results;
  DOCTEST_CHECK(all_close(inside + outside, at::ones_like(inside), 1e-12));
  DOCTEST_CHECK(all_close(profile.select(2, 0).contiguous(), inside, 1e-12));  // nearer than 1: inside
  DOCTEST_CHECK(all_close(profile.sum(2), at::ones_like(inside), 1e-12));
  const Tensor row = j.dense[40][0].abs();
  const double near =
      row.masked_select(distance.ge(1) & distance.lt(2)).sum().item<double>() / row.sum().item<double>();
  DOCTEST_CHECK(profile[40 / 9][40 % 9][1].item<double>() == doctest::Approx(near).epsilon(1e-12));
}

DOCTEST_TEST_CASE("each input pixel's mean, mean square and extremes are those of the Jacobian's columns") {
  for (const Jacobian& j :
       {Jacobian{.seed = 11}.made(),
        Jacobian{.height = 5, .width = 4, .out_height = 5, .out_width = 4, .radius = 6}.made(),
        Jacobian{.channels = 2, .without = {3, 4}}.made()}) {
    const Tensor dense = j.dense.index_select(0, j.which).sum(1);
    for (const std::int64_t size : {1, 8, 1000}) {
      const auto found = reduced(j, {}, size, inf::ActivationMaps{});
      const inf::Activation& maps = std::get<0>(found.results);
      DOCTEST_CHECK(all_close(maps.mean, dense.mean(0), 1e-12));
      DOCTEST_CHECK(all_close(maps.mean_magnitude, dense.abs().mean(0), 1e-12));
      DOCTEST_CHECK(all_close(maps.mean_square, dense.square().mean(0), 1e-12));
      DOCTEST_CHECK(all_close(maps.highest, dense.amax(0)));
      DOCTEST_CHECK(all_close(maps.lowest, dense.amin(0)));
    }
  }
}

DOCTEST_TEST_CASE("a histogram counts every value of the Jacobian once") {
  const Jacobian j = Jacobian{.seed = 12, .without = {1}}.made();
  const Tensor dense = j.dense.index_select(0, j.which).flatten();
  const auto given = reduced(j, {}, 9, inf::ValueHistogram(10, -1.0, 1.5), inf::ValueHistogram(7),
                             inf::ValueHistogram(4, 0.5, 1.0));
  const auto total = [](const inf::Histogram& h) {
    return h.counts.sum().item<std::int64_t>() + h.below + h.above + h.outside;
  };
  const auto& [first, second, third] = given.results;
  for (const inf::Histogram* h : {&first, &second, &third}) DOCTEST_CHECK(total(*h) == dense.numel());
  DOCTEST_CHECK(first.below == dense.lt(-1.0).sum().item<std::int64_t>());
  DOCTEST_CHECK(first.above == dense.gt(1.5).sum().item<std::int64_t>());
  const Tensor counts = dense.histc(10, -1.0, 1.5).to(at::kLong);
  DOCTEST_CHECK(at::equal(first.counts.slice(0, 0, 4), counts.slice(0, 0, 4)));
  DOCTEST_CHECK(first.counts[4].item<std::int64_t>() + first.outside ==
                counts[4].item<std::int64_t>());  // 0 is there
  DOCTEST_CHECK(third.below == dense.lt(0.5).sum().item<std::int64_t>() - third.outside);
  DOCTEST_CHECK(second.low == dense.min().item<double>());
  DOCTEST_CHECK(second.high == dense.max().item<double>());
  DOCTEST_CHECK(second.below + second.above == 0);
  DOCTEST_CHECK(!message_of([] { inf::ValueHistogram(0); }).empty());
  DOCTEST_CHECK(!message_of([] { inf::ValueHistogram(3, 2.0, 1.0); }).empty());
}

DOCTEST_TEST_CASE("the rows of largest and smallest counts are kept with their windows") {
  const Jacobian j = Jacobian{.seed = 13}.made();
  const inf::Count count{{.level = 0.2}};
  const auto found = reduced(j, {}, 8, count, inf::Extremes(count, 4, 5.0));
  const auto& [image, extremes] = found.results;
  std::vector<std::pair<double, std::int64_t>> order;
  for (std::int64_t p = 0; p < 99; ++p) {
    const double value = image.flatten()[p].item<double>();
    if (value >= 5) order.emplace_back(-value, p);
  }
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < 4; ++i) {
    const inf::KeptRow& row = extremes[0][i];
    DOCTEST_CHECK(row.row * 9 + row.column == order[i].second);
    DOCTEST_CHECK(row.value == -order[i].first);
    DOCTEST_CHECK(row.score == static_cast<double>(order[i].second));
    const Tensor there = j.dense[order[i].second][0]
                             .narrow(0, row.top, row.window.size(0))
                             .narrow(1, row.left, row.window.size(1));
    DOCTEST_CHECK(at::equal(row.window, there));
    DOCTEST_CHECK(row.window.abs().sum().item<double>() ==
                  doctest::Approx(j.dense[order[i].second].abs().sum().item<double>()));
  }
  double last = 5;
  for (const inf::KeptRow& row : extremes[1]) {
    DOCTEST_CHECK(row.value >= last);
    last = row.value;
  }
  DOCTEST_CHECK(extremes[1].front().value == -order.back().first);
}

DOCTEST_TEST_CASE("rows of zeros are answered without a NaN") {
  Jacobian j = Jacobian{}.made();
  j.chunk.values.zero_();
  const Tensor mask = at::ones({11, 9}, at::kBool);
  const auto found =
      reduced(j, {}, 10, inf::Count{}, inf::BoundingBox{}, inf::BoxArea{}, inf::Fulfilment{}, inf::Mass{},
              inf::Gini{}, inf::Hoyer{}, inf::CentroidOffset{}, inf::EnergyRadius{}, inf::MassInside{mask},
              inf::MassOutside{mask}, inf::Count{{.level = 0.1, .of = Of::Row}});
  const auto zero = [](const Tensor& image) { DOCTEST_CHECK(image.abs().max().item<double>() == 0); };
  std::apply([&](const auto&... image) { (zero(image), ...); }, found.results);
  DOCTEST_CHECK(found.peaks.magnitude() == 0);
  const auto histogram = std::get<0>(reduced(j, {}, 10, inf::ValueHistogram(5)).results);
  DOCTEST_CHECK(histogram.counts.sum().item<std::int64_t>() + histogram.outside == 99 * 99);
}

DOCTEST_TEST_CASE("what cannot be reduced is refused by name") {
  Jacobian j = Jacobian{}.made();
  j.chunk.values[30][0][3][3] = kNone;
  DOCTEST_CHECK(holds(message_of([&] { reduced(j, {}, 10, inf::Mass{}); }), "row 3, column 3"));
  j = Jacobian{}.made();
  j.chunk.target = 1;
  DOCTEST_CHECK(holds(message_of([&] { reduced(j, {}, 10, inf::Mass{}); }), "rows of target 1"));
  j = Jacobian{}.made();
  DOCTEST_CHECK(holds(message_of([&] { reduced(j, {}, 10, inf::Count{{.level = -1}}); }), "level is -1"));
  DOCTEST_CHECK(holds(message_of([&] { (void)inf::Count{}(inf::Windows(j.chunk)); }), "influence::reduce"));
  const auto nothing = [](const inf::RowSink&) {};
  DOCTEST_CHECK(holds(message_of([&] { inf::Reduce{}(nothing, inf::Mass{}); }), "no row was seen"));
  int calls = 0;
  const auto fickle = [&](const inf::RowSink& sink) {
    Jacobian{.seed = 20 + static_cast<std::uint64_t>(calls++)}.made().stream(sink, 10);
  };
  DOCTEST_CHECK(holds(message_of([&] { inf::Reduce{.keep = 0}(fickle, inf::Count{}); }), "the second time"));
}

DOCTEST_TEST_CASE("channels become one value as they are asked to") {
  const Jacobian j = Jacobian{.channels = 3, .seed = 6}.made();
  const Tensor values = j.chunk.values;
  DOCTEST_CHECK(all_close(inf::Windows(j.chunk, inf::Channels::Length).values(), values.norm(2, {1}), 1e-12));
  const Tensor strongest = values.gather(1, values.abs().argmax(1, true)).squeeze(1);
  DOCTEST_CHECK(all_close(inf::Windows(j.chunk, inf::Channels::Strongest).values(), strongest));
}

DOCTEST_TEST_CASE("normalising by range is safe, and lines are fitted where they can be") {
  const Tensor image = at::tensor({1.0, 3.0, kNone, 2.0}, at::kDouble);
  DOCTEST_CHECK(same(inf::by_range(image), at::tensor({0.0, 1.0, kNone, 0.5}, at::kDouble)));
  DOCTEST_CHECK(same(inf::by_range(at::tensor({7.0, kNone, 7.0}, at::kDouble)),
                     at::tensor({0.0, kNone, 0.0}, at::kDouble)));
  DOCTEST_CHECK(same(inf::by_range(at::full({3}, kNone, at::kDouble)), at::full({3}, kNone, at::kDouble)));
  DOCTEST_CHECK(!message_of([] { (void)inf::by_range(at::tensor({1.0, INFINITY}, at::kDouble)); }).empty());

  const Tensor x = at::tensor({0.0, 1.0, 2.0, kNone, 3.0}, at::kDouble),
               y = at::tensor({1.0, 3.0, 5.0, 100.0, 7.0}, at::kDouble);
  const inf::LinearFit line = inf::linear_fit(x, y);
  DOCTEST_CHECK(line.slope == doctest::Approx(2));
  DOCTEST_CHECK(line.intercept == doctest::Approx(1));
  DOCTEST_CHECK(line.correlation == doctest::Approx(1));
  DOCTEST_CHECK(line.count == 4);
  const inf::LinearFit level = inf::linear_fit(at::ones({5}, at::kDouble), y);
  DOCTEST_CHECK(level.slope == 0);
  DOCTEST_CHECK(level.intercept == doctest::Approx(23.2));
  DOCTEST_CHECK(level.correlation == 0);
  const inf::LinearFit sure = inf::against_confidence(y, at::tensor({0.1, 0.6, 0.7, 0.5, 0.8}, at::kDouble));
  DOCTEST_CHECK(sure.count == 3);
  DOCTEST_CHECK(sure.slope == doctest::Approx(20));
  DOCTEST_CHECK(!message_of([&] { (void)inf::linear_fit(x, at::ones({2}, at::kDouble)); }).empty());
}

DOCTEST_TEST_CASE("a mask of one threshold stays what it is when others are asked for") {
  const Jacobian j = Jacobian{.seed = 21}.made();
  const inf::Windows rows(j.chunk);
  const Tensor& first = rows.above({.level = 0.5, .of = Of::Row});
  const Tensor before = first.clone();
  for (int i = 1; i < 9; ++i) (void)rows.above({.level = 0.1 * i, .of = Of::Value});
  DOCTEST_CHECK(at::equal(first, before));
}

DOCTEST_TEST_CASE("a stream may give chunks without rows") {
  const Jacobian j = Jacobian{.seed = 22}.made();
  const inf::Count count{{.level = 0.2}};
  const auto found = inf::Reduce{}(
      [&](const inf::RowSink& sink) {
        inf::RowChunk none = j.chunk;
        for (Tensor* each : {&none.values, &none.origins, &none.places, &none.index, &none.scores})
          *each = each->narrow(0, 0, 0);
        sink(none);
        j.stream(sink, 7);
        sink(none);
      },
      count, inf::ActivationMaps{});
  const auto plain = reduced(j, {}, 7, count);
  DOCTEST_CHECK(at::equal(std::get<0>(found.results), std::get<0>(plain.results)));
  DOCTEST_CHECK(found.rows == j.which.size(0));
}

DOCTEST_TEST_CASE("a histogram of a span without an inverse, or too long for a number, and of NaN") {
  const auto counted = [](std::vector<double> values) {
    const auto n = static_cast<std::int64_t>(values.size());
    inf::RowChunk chunk{.values = at::tensor(values, at::kDouble).reshape({1, 1, 1, n}),
                        .origins = at::zeros({1, 2}, at::kLong),
                        .places = at::zeros({1, 2}, at::kLong),
                        .index = at::zeros({1}, at::kLong),
                        .scores = at::zeros({1}, at::kDouble),
                        .height = 1,
                        .width = n,
                        .out_height = 1,
                        .out_width = 1,
                        .total = 1};
    const auto found = inf::Reduce{}([&](const inf::RowSink& sink) { sink(chunk); }, inf::ValueHistogram(4));
    const Tensor counts = std::get<0>(found.results).counts;
    return std::vector<std::int64_t>(counts.data_ptr<std::int64_t>(), counts.data_ptr<std::int64_t>() + 4);
  };
  using Counts = std::vector<std::int64_t>;
  constexpr double least = std::numeric_limits<double>::denorm_min(),
                   most = std::numeric_limits<double>::max();
  DOCTEST_CHECK(counted({0, 1, 2, 3, 4}) == Counts{1, 1, 1, 2});
  DOCTEST_CHECK(counted({0, least, 2 * least, 3 * least, 4 * least}) == Counts{1, 1, 1, 2});
  DOCTEST_CHECK(counted({0, least}) == Counts{1, 0, 0, 1});
  DOCTEST_CHECK(counted({-most, -0.6 * most, 0, 0.6 * most, most}) == Counts{2, 0, 1, 2});

  inf::RowChunk chunk = Jacobian{.seed = 23}.made().chunk;
  chunk.values[5][0].fill_(std::numeric_limits<double>::quiet_NaN());
  inf::ValueHistogram direct(3, -1.0, 1.0);  // without Reduce, which looks first
  DOCTEST_CHECK(holds(message_of([&] { direct(inf::Windows(chunk)); }), "row 0, column 5 holds NaN"));
}
