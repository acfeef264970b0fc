// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/rows.hpp>

#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/influence/columns.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"
#include "support/rows.hpp"

using lumen::AnyTarget;
using lumen::Run;
using lumen::Targets;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::gathered;
using lumen::testing::row_error;
using lumen::testing::nets::random;
using lumen::testing::nets::weight;
namespace influence = lumen::influence;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;

namespace {

const Tensor image = random({1, 1, 9, 7}, 1);

}  // namespace

DOCTEST_TEST_CASE("whole rows are the gradients of pixels, for logits, probabilities, log-odds and margins") {
  const nets::Segmentation net;
  using target::Class;
  const Targets targets{Class{.index = 1}, target::Softmax{Class{.index = 1}},
                        target::LogOdds{Class{.index = 0}},
                        target::Margin{Class{.index = 1}, Class{.index = 0}}};
  const Targets pixels_at_3_2{target::Pixel{1, 3, 2}, target::Softmax{target::Pixel{1, 3, 2}},
                              target::LogOdds{target::Pixel{0, 3, 2}},
                              target::Margin{target::Pixel{1, 3, 2}, target::Pixel{0, 3, 2}}};
  influence::Report report;
  const auto rows = gathered(net, image, influence::All{}, targets, {.way = influence::Way::Whole}, &report);
  for (std::size_t t = 0; t < targets.size(); ++t) {
    DOCTEST_CHECK(rows[t].sizes() == at::IntArrayRef({63, 1, 9, 7}));
    const auto score = [&](const Tensor& x) { return pixels_at_3_2[t](net(x)); };
    DOCTEST_CHECK(all_close(rows[t][3 * 7 + 2].unsqueeze(0), oracle::gradient(score, image), 1e-13));
  }
  DOCTEST_CHECK(report.rows == 4 * 63);
  DOCTEST_CHECK(report.backward_passes == 4 * 63);
  DOCTEST_CHECK(report.way == influence::Way::Whole);
}

DOCTEST_TEST_CASE("which outputs: all, every k-th, a mask, a list, a path") {
  const auto listed = [](const Tensor& places) {
    std::vector<influence::Place> result;
    for (std::int64_t i = 0; i < places.size(0); ++i)
      result.push_back({places[i][0].item<std::int64_t>(), places[i][1].item<std::int64_t>()});
    return result;
  };
  using Places = std::vector<influence::Place>;
  const auto same = [](const Places& a, const Places& b) { return a == b; };
  DOCTEST_CHECK(same(listed(influence::All{}(2, 2)), Places{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
  DOCTEST_CHECK(
      same(listed(influence::Every{.step = 3, .offset = 1}(5, 6)), Places{{1, 1}, {1, 4}, {4, 1}, {4, 4}}));
  const Tensor mask = at::eye(3);
  DOCTEST_CHECK(same(listed(influence::Mask{mask}(3, 3)), Places{{0, 0}, {1, 1}, {2, 2}}));
  DOCTEST_CHECK(same(listed(influence::Pixels{{{2, 1}, {0, 0}, {2, 1}}}(3, 3)), Places{{2, 1}, {0, 0}}));
  DOCTEST_CHECK(same(listed(influence::Path{{{0, 0}, {1, 3}, {3, 3}}}(4, 4)),
                     Places{{0, 0}, {0, 1}, {1, 2}, {1, 3}, {2, 3}, {3, 3}}));
  DOCTEST_CHECK(
      same(listed(influence::Path{{{3, 3}, {2, 0}}}(4, 4)), Places{{3, 3}, {3, 2}, {2, 1}, {2, 0}}));
}

DOCTEST_TEST_CASE("rows of an inner layer's pixels") {
  const nets::Segmentation net;
  const auto rows = gathered(net, image, influence::Pixels{{{4, 4}}}, {target::Class{.index = 2}},
                             {.layer = lumen::layer::nth("relu", 0)});
  const auto score = [&](const Tensor& x) {
    return target::Pixel{2, 4, 4}(at::relu(at::conv2d(x, net.conv1, {}, 1, 1)));
  };
  DOCTEST_CHECK(all_close(rows[0], oracle::gradient(score, image), 1e-13));
}

DOCTEST_TEST_CASE("what cannot be asked is refused by name") {
  const nets::Segmentation net;
  const auto sink = [](const influence::RowChunk&) {};
  const Targets one{target::Class{.index = 1}};
  const auto refused = [&](const auto& model, const Tensor& x, const influence::Outputs& outputs,
                           const Targets& targets) {
    return lumen::testing::message_of([&] { (void)influence::rows(model, x, outputs, targets, sink); });
  };
  const auto holds = [](const std::string& message, const char* part) {
    DOCTEST_CHECK_MESSAGE(message.find(part) != std::string::npos, message);
  };
  holds(refused(net, random({2, 1, 9, 7}, 1), influence::All{}, one), "one image");
  holds(refused(nets::ConvNet{}, random({1, 1, 8, 8}, 1), influence::All{}, one), "dense");
  holds(refused(net, image, influence::Pixels{{{9, 0}}}, one), "outside");
  holds(refused(net, image, influence::Mask{at::zeros({9, 7})}, one), "at least one pixel");
  holds(refused(net, image, influence::Mask{at::zeros({7, 9})}, one), "height and width");
  holds(refused(net, image, influence::Every{.step = 0}, one), "step");
  holds(refused(net, image, influence::All{}, {}), "no target");
  holds(refused(net, image, influence::All{},
                {AnyTarget([](const Tensor& out) { return out.select(1, 0) - out.select(1, 0).mean(); })}),
        "other pixels");
  holds(refused(net, image, influence::All{}, {target::Class{.index = 2}}), "out of range");
  holds(refused([](const Tensor& x) { return x.detach() * 2; }, image, influence::All{}, {target::Class{}}),
        "does not depend");
}

DOCTEST_TEST_CASE("windows that leave the image are cut when laid out") {
  influence::RowChunk chunk{.values = at::ones({2, 1, 3, 2}, at::kDouble),
                            .origins = at::tensor({-1, 0, 3, 4}, at::kLong).reshape({2, 2}),
                            .height = 5,
                            .width = 5};
  const Tensor dense = chunk.dense();
  DOCTEST_CHECK(dense[0].sum().item<double>() == 4.0);
  DOCTEST_CHECK(dense[0][0][1][1].item<double>() == 1.0);
  DOCTEST_CHECK(dense[1].sum().item<double>() == 2.0);
  chunk.origins = at::tensor({-9, 0, 7, 4}, at::kLong).reshape({2, 2});
  DOCTEST_CHECK(chunk.dense().abs().sum().item<double>() == 0.0);
}

DOCTEST_TEST_CASE("confined rows are whole rows at every position") {
  const nets::Segmentation net;
  influence::Report report;
  const Targets targets{target::Class{.index = 1}, target::Softmax{target::Class{.index = 0}}};
  DOCTEST_CHECK(row_error(net, random({1, 1, 20, 17}, 1), influence::All{}, targets, {}, &report) < 1e-12);
  DOCTEST_CHECK(report.way == influence::Way::Rows);
  for (const influence::StepReport& step : report.steps) {
    DOCTEST_CAPTURE(step.where);
    DOCTEST_CHECK(step.confined);
    DOCTEST_CHECK(step.share < 0.2);
  }
}

DOCTEST_TEST_CASE("rows by columns are whole rows, whatever memory the band has") {
  const nets::Segmentation net;
  const Targets targets{target::Class{.index = 1}, target::Softmax{target::Class{.index = 0}}};
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{100000}, std::int64_t{1} << 28}) {
    for (const influence::Outputs& outputs :
         {influence::Outputs(influence::All{}), influence::Outputs(influence::Every{.step = 3, .offset = 1}),
          influence::Outputs(influence::Pixels{{{0, 0}, {19, 16}, {7, 3}}})}) {
      influence::Report report;
      const influence::Options options{.run = {.memory = memory}, .way = influence::Way::Columns};
      DOCTEST_CHECK(row_error(net, random({1, 1, 20, 17}, 1), outputs, targets, options, &report) < 1e-12);
      DOCTEST_CHECK(report.way == influence::Way::Columns);
    }
  }
}

DOCTEST_TEST_CASE("columns are rows, transposed") {
  const nets::Segmentation net;
  const Tensor x = random({1, 1, 11, 14}, 2);
  const Targets targets{target::Class{.index = 1}, target::Softmax{target::Class{.index = 0}}};
  const influence::Every some{.step = 2};
  const auto rows = gathered(net, x, some, targets, {.way = influence::Way::Whole});
  const Tensor places = some(11, 14), index = places.select(1, 0) * 14 + places.select(1, 1);
  const std::vector<Tensor> transposed{at::zeros({154, 11, 14}, at::kDouble),
                                       at::zeros({154, 11, 14}, at::kDouble)};
  const auto report = influence::columns(net, x, some, targets, [&](const influence::ColumnChunk& chunk) {
    for (std::int64_t b = 0; b < chunk.size(); ++b) {
      const std::int64_t row = chunk.places[b][1].item<std::int64_t>(),
                         column = chunk.places[b][2].item<std::int64_t>();
      for (std::int64_t y = 0; y < chunk.values.size(1); ++y) {
        for (std::int64_t z = 0; z < chunk.values.size(2); ++z) {
          const std::int64_t r = chunk.origins[b][0].item<std::int64_t>() + y,
                             c = chunk.origins[b][1].item<std::int64_t>() + z;
          if (r < 0 || c < 0 || r >= 11 || c >= 14) {
            DOCTEST_CHECK(chunk.values[b][y][z].item<double>() == 0.0);
          } else {
            transposed[chunk.target][r * 14 + c][row][column] = chunk.values[b][y][z];
          }
        }
      }
    }
  });
  DOCTEST_CHECK(report.rows == 2 * 154);
  for (std::size_t t = 0; t < 2; ++t) {
    DOCTEST_CHECK(all_close(transposed[t].index_select(0, index), rows[t].squeeze(1), 1e-12));
    DOCTEST_CHECK(transposed[t].abs().sum().item<double>() ==
                  doctest::Approx(rows[t].abs().sum().item<double>()));
  }
}

DOCTEST_TEST_CASE("columns of a model that is not local are refused by the operator's name") {
  const auto net = [w = weight({2, 1, 3, 3}, 1)](const Tensor& x) {
    const Tensor y = at::conv2d(x, w, {}, 1, 1);
    return y - at::group_norm(y, 1);
  };
  const std::string said = lumen::testing::message_of([&] {
    (void)influence::columns(net, image, influence::All{}, {target::Class{}},
                             [](const influence::ColumnChunk&) {});
  });
  DOCTEST_CHECK_MESSAGE(said.find("group_norm") != std::string::npos, said);
}

DOCTEST_TEST_CASE("a stream by columns can be stopped before its first row") {
  struct Enough {};
  const lumen::Progress stop = [](std::string_view, std::int64_t done, std::int64_t total) {
    DOCTEST_CHECK(done == 0);
    DOCTEST_CHECK(total == 400);
    throw Enough{};
  };
  const nets::Segmentation net;
  DOCTEST_CHECK_THROWS_AS(
      influence::rows(net, random({1, 1, 20, 20}, 1), influence::All{}, {target::Class{}},
                      [](const influence::RowChunk&) {},
                      {.run = {.memory = 1, .progress = stop}, .way = influence::Way::Columns}),
      Enough);
}

DOCTEST_TEST_CASE(
    "run.stop ends a stream between chunks, whichever way it goes; what the sink has is right") {
  const nets::Segmentation net;
  const Targets scores{target::Class{.index = 0}, target::Class{.index = 1}};
  const Tensor x = random({1, 1, 20, 20}, 1);
  for (const influence::Way way : {influence::Way::Whole, influence::Way::Rows, influence::Way::Columns}) {
    DOCTEST_CAPTURE(static_cast<int>(way));
    const auto all = gathered(net, x, influence::All{}, scores, {.way = way});
    std::int64_t given = 0;
    const influence::RowSink sink = [&](const influence::RowChunk& chunk) {
      const Tensor expected = all[chunk.target].index_select(0, chunk.index);
      DOCTEST_CHECK(all_close(chunk.dense(), expected, 1e-13));
      given += chunk.size();
    };
    const Run run{.memory = std::int64_t{1} << 17, .stop = [&] { return given > 100; }};
    const std::string said = lumen::testing::message_of(
        [&] { (void)influence::rows(net, x, influence::All{}, scores, sink, {.run = run, .way = way}); });
    DOCTEST_CHECK(given > 100);
    DOCTEST_CHECK(given < 800);
    DOCTEST_CHECK_MESSAGE(
        said.find(lumen::text("stopped by run.stop after ", given, " of 800 rows")) != std::string::npos,
        said);
  }
  std::int64_t columns = 0;
  const influence::ColumnSink sink = [&](const influence::ColumnChunk& chunk) { columns += chunk.size(); };
  const Run once{.memory = 1, .stop = [] { return true; }};
  DOCTEST_CHECK_THROWS_AS((void)influence::columns(net, x, influence::All{}, scores, sink, {.run = once}),
                          lumen::Stopped);
  DOCTEST_CHECK(columns > 0);
  DOCTEST_CHECK(columns < 800);
}

DOCTEST_TEST_CASE("pixels that lie as far away as a number can say are refused, or left out, at once") {
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max(),
                         back = std::numeric_limits<std::int64_t>::min();
  for (const influence::Place& place :
       {influence::Place{0, far}, {far, 0}, {back, 0}, {0, -1}, {std::int64_t{1} << 40, 2}}) {
    DOCTEST_CHECK_THROWS_WITH_AS((influence::Path{{{0, 0}, place, {1, 1}}}(4, 4)),
                                 doctest::Contains("is outside"), lumen::Error);
  }
  DOCTEST_CHECK_THROWS_AS((influence::Path{{{far, far}, {back, back}}}(4, 4)), lumen::Error);
  const auto places = [](const influence::Every& every, std::int64_t height, std::int64_t width) {
    const Tensor all = every(height, width);
    return std::vector<std::int64_t>(all.data_ptr<std::int64_t>(),
                                     all.data_ptr<std::int64_t>() + all.numel());
  };
  using Numbers = std::vector<std::int64_t>;  // row, column, row, column ...
  DOCTEST_CHECK(places({.step = far, .offset = 1}, 4, 3) == Numbers{1, 1});
  DOCTEST_CHECK(places({.step = far}, 4, 3) == Numbers{0, 0});
  DOCTEST_CHECK(places({.step = far, .offset = far - 1}, 4, 3).empty());
  DOCTEST_CHECK(places({.step = 3, .offset = 1}, 5, 2) == Numbers{1, 1, 4, 1});
}
