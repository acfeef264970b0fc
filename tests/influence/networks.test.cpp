// SPDX-License-Identifier: BSD-3-Clause
// Rows of the networks that the project uses, against plain backward passes.
#include <lumen/influence/columns.hpp>
#include <lumen/influence/rows.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/simple_resnet.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/nets.hpp"
#include "support/rows.hpp"

using lumen::Targets;
using lumen::Tensor;
using lumen::testing::gathered;
using lumen::testing::row_error;
using lumen::testing::nets::random;
namespace influence = lumen::influence;
namespace net = lumen::net;
namespace target = lumen::target;

namespace {

/// A network in evaluation mode whose batch normalisations do something.
template <class Net, class Make>
Net ready(const Make& make, at::ScalarType type) {
  Net made = net::seeded(3, make);
  const at::NoGradGuard no_grad;
  std::uint64_t seed = 1;
  for (const auto& buffer : made->named_buffers()) {
    const Tensor values = random(buffer.value().sizes().vec(), seed++, 0.3);
    if (buffer.key().ends_with("running_mean")) buffer.value().copy_(values);
    if (buffer.key().ends_with("running_var")) buffer.value().copy_(values.abs() + 0.5);
  }
  made->eval();
  made->to(type);
  return made;
}

const Targets vessel{target::Softmax{target::Class{.index = 1}}};

/// float64 to 1e-12 and float32 to 1e-5 of the largest element, by rows and by columns.
template <class Net, class Make>
void check(const Make& make, std::int64_t height, std::int64_t width, const influence::Outputs& outputs) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    Net made = ready<Net>(make, type);
    const Tensor x = random({1, 1, height, width}, 2).to(type);
    for (const influence::Way way : {influence::Way::Rows, influence::Way::Columns}) {
      influence::Report report;
      const influence::Options options{.run = {.memory = 1 << 26}, .way = way};
      const double error = row_error(made, x, outputs, vessel, options, &report);
      DOCTEST_CAPTURE(error);
      DOCTEST_CHECK(error < (type == at::kDouble ? 1e-12 : 1e-5));
      DOCTEST_CHECK_MESSAGE(report.way == way, report.why);
    }
  }
}

}  // namespace

DOCTEST_TEST_CASE("the small U-Net, also at sizes that it pads and cuts") {
  const auto make = [] { return net::UNet(); };
  check<net::UNet>(make, 24, 32, influence::Every{.step = 5});
  check<net::UNet>(make, 29, 19, influence::Every{.step = 6, .offset = 4});
}

DOCTEST_TEST_CASE("SimpleResNet with and without batch normalisation") {
  check<net::SimpleResNet>([] { return net::SimpleResNet(net::SimpleResNetOptions{}); }, 28, 36,
                           influence::Every{.step = 9});
  check<net::SimpleResNet>([] { return net::SimpleResNet(net::SimpleResNetOptions{.batch_norm = false}); },
                           28, 36, influence::Every{.step = 9, .offset = 4});
}

DOCTEST_TEST_CASE("CustomResNet at an odd size") {
  check<net::CustomResNet>([] { return net::CustomResNet(2); }, 37, 27,
                           influence::Pixels{{{0, 0}, {17, 12}, {36, 26}}});
}

DOCTEST_TEST_CASE("an output pixel of CustomResNet depends on 125 x 125 pixels of the image") {
  auto made = ready<net::CustomResNet>([] { return net::CustomResNet(2); }, at::kFloat);
  std::int64_t height = 0, width = 0, most = 0;
  influence::rows(made, random({1, 1, 160, 160}, 2).to(at::kFloat), influence::Pixels{{{79, 80}, {80, 79}}},
                  vessel,
                  [&](const influence::RowChunk& chunk) {
                    const Tensor dense = chunk.dense();
                    for (std::int64_t b = 0; b < chunk.size(); ++b) {
                      const Tensor touched = dense[b][0].ne(0);
                      height = std::max(height, touched.any(1).sum().item<std::int64_t>());
                      width = std::max(width, touched.any(0).sum().item<std::int64_t>());
                      most = std::max(most, touched.sum().item<std::int64_t>());
                    }
                    DOCTEST_CHECK(chunk.values.size(2) <= 125);
                    DOCTEST_CHECK(chunk.values.size(3) <= 125);
                  },
                  {.way = influence::Way::Rows});
  DOCTEST_CHECK(height == 125);
  DOCTEST_CHECK(width == 125);
  DOCTEST_CHECK(most <= 125 * 125);
}

DOCTEST_TEST_CASE("a column of CustomResNet is the finite difference of all outputs") {
  auto made = ready<net::CustomResNet>([] { return net::CustomResNet(2); }, at::kDouble);
  const at::NoGradGuard no_grad;
  const Tensor x = random({1, 1, 12, 12}, 2);
  const auto moved = [&](double by) {
    Tensor other = x.clone();
    other[0][0][5][7] += by;
    return net::CustomResNet(made)->forward(other).select(1, 1);
  };
  const Tensor difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
  const auto rows =
      gathered(made, x, influence::All{}, {target::Class{.index = 1}}, {.way = influence::Way::Columns});
  const Tensor column = rows[0].select(1, 0).select(1, 5).select(1, 7).reshape({1, 12, 12});
  DOCTEST_CHECK(lumen::testing::max_error(column, difference) < 1e-6 * difference.abs().max().item<double>());
}

DOCTEST_TEST_CASE("images and weights in channels_last: the same rows, contiguous at the image's size") {
  const auto make = [] { return net::UNet(net::UNetOptions{.channels = 3, .width = 4}); };
  auto plain = ready<net::UNet>(make, at::kDouble), last = ready<net::UNet>(make, at::kDouble);
  for (const Tensor& parameter : last->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
  const Tensor x = random({1, 3, 20, 24}, 5), y = x.contiguous(at::MemoryFormat::ChannelsLast);
  DOCTEST_REQUIRE(!y.is_contiguous());
  for (const influence::Way way : {influence::Way::Rows, influence::Way::Columns, influence::Way::Whole}) {
    const influence::Options options{.way = way};
    const auto expected = gathered(plain, x, influence::Every{.step = 5}, vessel, options);
    const auto found = gathered(last, y, influence::Every{.step = 5}, vessel, options);
    DOCTEST_CHECK(lumen::testing::max_error(found[0], expected[0]) <
                  1e-12 * expected[0].abs().max().item<double>());
    influence::rows(
        last, y, influence::Every{.step = 5}, vessel,
        [](const influence::RowChunk& chunk) { DOCTEST_CHECK(chunk.dense().is_contiguous()); }, options);
  }
}

DOCTEST_TEST_CASE("two threads stream rows of one network at once") {
  auto made = ready<net::UNet>([] { return net::UNet(); }, at::kDouble);
  const Tensor x = random({1, 1, 24, 24}, 5);
  const auto expected =
      gathered(made, x, influence::Every{.step = 4}, vessel, {.way = influence::Way::Whole});
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3; ++i) {
        std::vector<Tensor> rows(36);
        influence::rows(made, x, influence::Every{.step = 4}, vessel, [&](const influence::RowChunk& chunk) {
          const Tensor dense = chunk.dense();
          for (std::int64_t b = 0; b < chunk.size(); ++b) {
            const std::int64_t at =
                chunk.places[b][0].item<std::int64_t>() / 4 * 6 + chunk.places[b][1].item<std::int64_t>() / 4;
            rows[static_cast<std::size_t>(at)] = dense[b];
          }
        });
        right += lumen::testing::all_close(at::stack(rows), expected[0], 1e-12) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  DOCTEST_CHECK(right == 6);
}

DOCTEST_TEST_CASE("what the sink or the progress throws stops the stream, and progress counts rows") {
  auto made = ready<net::UNet>([] { return net::UNet(); }, at::kFloat);
  const Tensor x = random({1, 1, 16, 16}, 5).to(at::kFloat);
  struct Enough {};
  DOCTEST_CHECK_THROWS_AS(
      influence::rows(made, x, influence::All{}, vessel, [](const influence::RowChunk&) { throw Enough{}; }),
      Enough);
  std::int64_t last = 0, whole = 0;
  const lumen::Progress progress = [&](std::string_view, std::int64_t done, std::int64_t total) {
    DOCTEST_CHECK(done > last);
    last = done;
    whole = total;
  };
  influence::rows(made, x, influence::All{}, vessel, [](const influence::RowChunk&) {},
                  {.run = {.progress = progress}});
  DOCTEST_CHECK(last == 256);
  DOCTEST_CHECK(whole == 256);
}
