// SPDX-License-Identifier: BSD-3-Clause
// Rows of the Jacobian on a GPU are those on the processor, by every way, and stay there.
#include <doctest/doctest.h>

#include <optional>

#include <lumen/influence/columns.hpp>
#include <lumen/influence/recording.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/device.hpp"
#include "support/nets.hpp"

namespace influence = lumen::influence;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;

namespace {

const std::optional<at::Device> gpu = lumen::testing::accelerator();
const lumen::Targets probability{target::Softmax{target::Class{.index = 1}}};
const influence::Outputs asked = influence::Every{.step = 5};

/// Rows [P, C, H, W] of the pixels asked about, in the order of the stream's places.
template <class Stream>
Tensor gathered(const Stream& stream) {
  Tensor all;
  stream([&](const influence::RowChunk& chunk) {
    const Tensor dense = chunk.dense();
    if (!all.defined())
      all = at::zeros({chunk.out_height * chunk.out_width, dense.size(1), dense.size(2), dense.size(3)},
                      dense.options());
    all.index_copy_(0, chunk.index.to(all.device()), dense);
  });
  return all;
}

template <class Net>
void check(Net& net, const Tensor& x) {
  net->to(at::kDouble);
  net->eval();
  const auto run = [&](const Tensor& at) { return net->forward(at); };
  const auto rows = [&](const Tensor& at, influence::Way way) {
    return gathered([&](const influence::RowSink& sink) {
      const influence::Report report = influence::rows(run, at, asked, probability, sink, {.way = way});
      DOCTEST_CAPTURE(report.why);
      DOCTEST_CHECK((report.way == way));
    });
  };
  const Tensor expected = rows(x, influence::Way::Whole);
  const double scale = expected.abs().max().item<double>();
  net->to(*gpu);
  const Tensor there = x.to(*gpu);
  for (const influence::Way way : {influence::Way::Whole, influence::Way::Rows, influence::Way::Columns}) {
    DOCTEST_CAPTURE(static_cast<int>(way));
    const Tensor found = rows(there, way);
    DOCTEST_CHECK((found.device() == *gpu));
    DOCTEST_CHECK(lumen::testing::max_error(found.cpu(), expected) <= 1e-9 * scale);
  }
  const influence::Recording recording(run, there);
  DOCTEST_CHECK(recording.confined());
  const Tensor again =
      gathered([&](const influence::RowSink& sink) { recording.rows(asked, probability, sink); });
  DOCTEST_CHECK(lumen::testing::max_error(again.cpu(), expected) <= 1e-9 * scale);
  const auto reduced = influence::Reduce{}(
      [&](const influence::RowSink& sink) { recording.rows(asked, probability, sink); }, influence::Mass{});
  const Tensor mass = std::get<0>(reduced.results);
  const Tensor sums = expected.abs().flatten(1).sum(1).view(mass.sizes());
  const Tensor known = at::isfinite(mass);
  DOCTEST_CHECK(lumen::testing::max_error(mass.masked_select(known).to(at::kDouble),
                                          sums.masked_select(known)) <= 1e-6 * sums.max().item<double>());
}

}  // namespace

DOCTEST_TEST_CASE("rows of a U-Net") {
  if (!gpu) return;
  lumen::net::UNet net =
      lumen::net::seeded(1, [] { return lumen::net::UNet(lumen::net::UNetOptions{.width = 4}); });
  check(net, nets::random({1, 1, 40, 33}, 1));
}

DOCTEST_TEST_CASE("rows of CustomResNet") {
  if (!gpu) return;
  lumen::net::CustomResNet net = lumen::net::seeded(1, [] { return lumen::net::CustomResNet(2); });
  check(net, nets::random({1, 1, 37, 48}, 2));
}

DOCTEST_TEST_CASE("columns of CustomResNet") {
  if (!gpu) return;
  lumen::net::CustomResNet net = lumen::net::seeded(1, [] { return lumen::net::CustomResNet(2); });
  net->to(at::kDouble);
  net->eval();
  const Tensor x = nets::random({1, 1, 24, 20}, 3);
  const auto sums = [&](const Tensor& at) {
    Tensor total = at::zeros({24 * 20}, at::kDouble);
    influence::columns([&](const Tensor& point) { return net->forward(point); }, at, influence::All{},
                       probability,
                       [&](const influence::ColumnChunk& chunk) {
                         const Tensor where = chunk.places.select(1, 1) * 20 + chunk.places.select(1, 2);
                         total.index_add_(0, where, chunk.values.flatten(1).abs().sum(1).cpu());
                       });
    return total;
  };
  const Tensor expected = sums(x);
  net->to(*gpu);
  DOCTEST_CHECK(lumen::testing::max_error(sums(x.to(*gpu)), expected) <=
                1e-9 * expected.max().item<double>());
}
