// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/recording.hpp>

#include <thread>
#include <vector>

#include <doctest/doctest.h>

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
