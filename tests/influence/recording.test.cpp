// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/recording.hpp>

#include <limits>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/influence/columns.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

using lumen::Targets;
using lumen::Tensor;
using lumen::testing::nets::random;
namespace influence = lumen::influence;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;

namespace {

const Tensor image = random({1, 1, 12, 9}, 1);
const Targets probability{target::Softmax{target::Class{.index = 1}}};

/// All rows [P, C, H, W], by pixel.
template <class Stream>
Tensor gathered(const Stream& stream) {
  Tensor all;
  stream([&](const influence::RowChunk& chunk) {
    const Tensor dense = chunk.dense();
    if (!all.defined())
      all = at::zeros({chunk.out_height * chunk.out_width, dense.size(1), dense.size(2), dense.size(3)},
                      dense.options());
    all.index_copy_(0, chunk.index, dense);
  });
  return all;
}

}  // namespace

DOCTEST_TEST_CASE("one recording answers as often as it is asked, as plain rows do") {
  const nets::Segmentation net;
  int passes = 0;
  const auto counting = [&](const Tensor& x) {
    ++passes;
    return net(x);
  };
  Tensor answer;
  //! [recording]
  const influence::Recording recording(counting, image);
  recording.rows(influence::Pixels{{{3, 4}}}, probability,
                 [&](const influence::RowChunk& chunk) { answer = chunk.dense()[0]; });
  //! [recording]
  DOCTEST_CHECK(recording.confined());
  DOCTEST_CHECK(lumen::testing::max_error(recording.output(), net(image)) < 1e-12);
  const Tensor expected = gathered([&](const auto& sink) {
    influence::rows(net, image, influence::All{}, probability, sink, {.way = influence::Way::Whole});
  });
  const double scale = expected.abs().max().item<double>();
  for (int time = 0; time < 2; ++time) {
    const Tensor rows =
        gathered([&](const auto& sink) { recording.rows(influence::All{}, probability, sink); });
    DOCTEST_CHECK(lumen::testing::max_error(rows, expected) <= 1e-12 * scale);
  }
  DOCTEST_CHECK(lumen::testing::max_error(answer, expected[3 * 9 + 4]) <= 1e-12 * scale);
  const int before = passes;
  recording.rows(influence::Pixels{{{3, 4}}}, probability, [&](const influence::RowChunk& chunk) {
    DOCTEST_CHECK(lumen::testing::max_error(chunk.dense()[0], expected[3 * 9 + 4]) <= 1e-12 * scale);
  });
  DOCTEST_CHECK(passes == before);  // a question costs no pass of the model
}

DOCTEST_TEST_CASE("a model that is not local is answered by whole passes, and it is said why") {
  const auto global = [](const Tensor& x) {
    return at::cat({x - x.mean({2, 3}, true), x.square()}, 1).softmax(3);
  };
  const influence::Recording recording(global, image);
  const Tensor expected = gathered([&](const auto& sink) {
    influence::rows(global, image, influence::All{}, probability, sink, {.way = influence::Way::Whole});
  });
  influence::Report report;
  const Tensor rows =
      gathered([&](const auto& sink) { report = recording.rows(influence::All{}, probability, sink); });
  DOCTEST_CHECK(lumen::testing::max_error(rows, expected) <= 1e-12 * expected.abs().max().item<double>());
}

DOCTEST_TEST_CASE(
    "a recording answers by columns as well, and tells the budget from which they are cheaper") {
  // many channels where the map is coarse: columns of one channel are cheaper than rows, if they can be held
  const Tensor a = random({16, 1, 1, 1}, 2), b = random({16, 16, 3, 3}, 3), c = random({32, 16, 3, 3}, 3),
               up = random({32, 2, 4, 4}, 4);
  const auto coarse = [&](const Tensor& x) {
    const Tensor fine = at::conv2d(at::conv2d(x, a), b, {}, 1, 1);
    return at::conv_transpose2d(at::conv2d(at::conv2d(fine, b, {}, 2, 1), c, {}, 2, 1), up, {}, 4);
  };
  const Tensor x = random({1, 1, 24, 20}, 5);
  const influence::Recording recording(coarse, x);
  const auto asked = [&](std::int64_t memory, influence::Way way, influence::Report& report) {
    return gathered([&](const auto& sink) {
      report = recording.rows(influence::All{}, probability, sink, {.memory = memory}, way);
    });
  };
  influence::Report rows, columns, cheapest, little;
  const Tensor expected = asked(1 << 28, influence::Way::Rows, rows);
  const double close = 1e-12 * expected.abs().max().item<double>();
  DOCTEST_CHECK(lumen::testing::max_error(asked(1 << 28, influence::Way::Columns, columns), expected) <=
                close);
  DOCTEST_CHECK(lumen::testing::max_error(asked(1 << 12, influence::Way::Cheapest, little), expected) <=
                close);
  DOCTEST_CHECK(rows.way == influence::Way::Rows);
  DOCTEST_CHECK(columns.way == influence::Way::Columns);
  DOCTEST_CHECK(little.way == influence::Way::Rows);
  DOCTEST_REQUIRE(little.columns_memory > 1 << 12);
  (void)asked(little.columns_memory, influence::Way::Cheapest, cheapest);
  DOCTEST_CHECK(cheapest.way == influence::Way::Columns);
  DOCTEST_CHECK(cheapest.columns_memory == 0);

  std::int64_t seen = 0;
  const auto count = [&](const influence::ColumnChunk& chunk) { seen += chunk.size(); };
  const auto once = influence::columns(coarse, x, influence::All{}, probability, count);
  const auto again = recording.columns(influence::All{}, probability, count);
  DOCTEST_CHECK(seen == 2 * x.numel());
  DOCTEST_CHECK(again.rows == once.rows);
  DOCTEST_CHECK(again.forward_passes == 0);  // recorded and checked before
  DOCTEST_CHECK(once.forward_passes == 3);
}

DOCTEST_TEST_CASE("several threads may ask at once") {
  const nets::Segmentation net;
  const influence::Recording recording(net, image);
  const Tensor expected =
      gathered([&](const auto& sink) { recording.rows(influence::All{}, probability, sink); });
  std::vector<double> errors(3, 1.0);
  std::vector<std::thread> threads;
  for (double& error : errors) {
    threads.emplace_back([&] {
      error = lumen::testing::max_error(
          gathered([&](const auto& sink) { recording.rows(influence::All{}, probability, sink); }), expected);
    });
  }
  for (std::thread& each : threads) each.join();
  for (const double error : errors) DOCTEST_CHECK(error == 0.0);
}

DOCTEST_TEST_CASE("what is no image is refused") {
  const nets::Segmentation net;
  DOCTEST_CHECK_THROWS_WITH_AS(influence::Recording(net, image.expand({2, -1, -1, -1})),
                               doctest::Contains("expected one image"), lumen::Error);
}

DOCTEST_TEST_CASE("a recording without a budget refuses, whichever way is asked for") {
  const nets::Segmentation net;
  const influence::Recording recording(net, image);
  const auto by_row = [](const influence::RowChunk&) {};
  const auto by_column = [](const influence::ColumnChunk&) {};
  for (const std::int64_t memory :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    DOCTEST_CAPTURE(memory);
    for (const auto way :
         {influence::Way::Rows, influence::Way::Columns, influence::Way::Cheapest, influence::Way::Whole}) {
      DOCTEST_CHECK_THROWS_WITH_AS(
          recording.rows(influence::All{}, probability, by_row, {.memory = memory}, way),
          doctest::Contains("the memory budget is"), lumen::Error);
    }
    DOCTEST_CHECK_THROWS_WITH_AS(
        recording.columns(influence::All{}, probability, by_column, {.memory = memory}),
        doctest::Contains("the memory budget is"), lumen::Error);
  }
}
