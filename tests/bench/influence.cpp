// SPDX-License-Identifier: BSD-3-Clause
// Seconds per row of the Jacobian of a dense output, all output pixels asked for, against a whole-image backward pass of
// one pixel whose graph is kept. The two take turns within one stream: after every slice of it the sink runs whole passes.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lumen/core/concepts.hpp>
#include <lumen/influence/columns.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>

#include "bench/comparison.hpp"
#include "bench/measure.hpp"
#include "bench/nets.hpp"
#include "bench/report.hpp"

namespace bench = lumen::bench;
namespace influence = lumen::influence;
using lumen::Tensor;

namespace {

using Net = std::function<Tensor(const Tensor&)>;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

/// Ten 3 x 3 convolutions of 32 channels with rectifiers, to two classes.
Net ten() {
  bench::Weights weights(3);
  for (int i = 0; i < 10; ++i)
    weights.convolution("conv" + std::to_string(i), i == 9 ? 2 : 32, i == 0 ? 1 : 32, 3, true);
  return [weights](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < 10; ++i) {
      const std::string name = "conv" + std::to_string(i);
      y = at::conv2d(y, weights(name + ".weight"), weights(name + ".bias"), 1, 1);
      if (i < 9) y = at::relu(y);
    }
    return y;
  };
}

template <class Module, class... Options>
Net seeded(Options... options) {
  Module net = lumen::net::seeded(1, [&] { return Module(options...); });
  net->eval();
  return [net](const Tensor& x) mutable { return net->forward(x); };
}

Tensor picture(std::int64_t size) {
  at::Generator source = at::detail::createCPUGenerator(1);
  return at::rand({1, 1, size, size}, source, at::TensorOptions(at::kFloat));
}

/// Whole backward passes of one pixel, the graph kept.
class Whole {
 public:
  Whole(const Net& net, const Tensor& x) : x_(x.clone().requires_grad_(true)), output_(net(x_)) {
    seed_ = at::zeros_like(output_);
    seed_.select(3, x.size(3) / 2).select(2, x.size(2) / 2).select(1, 1).fill_(1.0);
    (*this)();
  }
  double operator()() const {
    const auto start = Clock::now();
    (void)torch::autograd::grad({output_}, {x_}, {seed_}, /*retain_graph=*/true);
    return since(start);
  }

 private:
  Tensor x_, output_, seed_;
};

struct Turns {
  std::vector<double> per_row{}, whole{};
};

struct Enough {};

/// A stream of all outputs, cut short after `seconds`: slices of it and whole passes by turns.
/// @param columns  by columns; one image element a column, as many as there are rows
Turns measure(const Net& net, const Tensor& x, bool columns, double seconds, bool with_whole = true) {
  std::optional<Whole> whole;
  if (with_whole) whole.emplace(net, x);
  Turns turns;
  const auto begin = Clock::now();
  auto slice = begin;
  std::int64_t rows = -1;
  double most = 0.0;
  const auto seen = [&](std::int64_t count) {
    if (rows < 0) {  // the first chunk is not timed: what came before it was setup
      rows = 0;
      slice = Clock::now();
      return;
    }
    rows += count;
    const double spent = since(slice);
    if (spent < std::max(0.2, most)) return;
    turns.per_row.push_back(spent / static_cast<double>(rows));
    if (whole) {
      const auto start = Clock::now();
      std::vector<double> passes;
      do {
        passes.push_back((*whole)());
      } while (since(start) < 0.2);
      most = std::max(most, passes.back());
      turns.whole.push_back(bench::median(passes));
    }
    if (since(begin) > seconds && turns.per_row.size() >= 3) throw Enough{};
    rows = 0;
    slice = Clock::now();
  };
  const influence::Options options{.run = {.memory = std::int64_t{512} << 20}, .way = influence::Way::Rows};
  try {
    if (columns) {
      influence::columns(
          net, x, influence::All{}, {lumen::target::Class{.index = 1}},
          [&](const influence::ColumnChunk& chunk) { seen(chunk.size()); }, options);
    } else {
      influence::rows(
          net, x, influence::All{}, {lumen::target::Class{.index = 1}},
          [&](const influence::RowChunk& chunk) { seen(chunk.size()); }, options);
    }
  } catch (const Enough&) {
  }
  return turns;
}

/// @param one, two  at least so many times faster than a whole pass, on one and on two threads; 0: no target
bench::Measured against_whole(const std::string& name, const Net& net, std::int64_t size, bool columns,
                              double one, double two) {
  return {name, [=](double seconds) {
            const Turns turns = measure(net, picture(size), columns, seconds);
            bench::Row row{.ours = bench::median(turns.per_row),
                           .limit = bench::median(turns.whole),
                           .over_limit = bench::ratio(turns.per_row, turns.whole)};
            const int threads = at::get_num_threads();
            const double wanted = threads == 1 ? one : threads == 2 ? two : 0.0, found = 1.0 / row.over_limit;
            row.verdict = lumen::text("whole/row ", bench::fixed(found));
            if (wanted > 0)
              row.verdict += lumen::text(", >= ", wanted, ": ", found >= wanted ? "met" : "missed");
            return row;
          }};
}

/// A row of a large image against one of a small image, streams of the two by turns.
bench::Measured against_smaller(const std::string& name, const Net& net, std::int64_t size,
                                std::int64_t smaller) {
  return {
      name, [=](double seconds) {
        std::vector<double> small, large;
        for (int turn = 0; turn < 3; ++turn) {
          small.push_back(bench::median(measure(net, picture(smaller), true, seconds / 6, false).per_row));
          large.push_back(bench::median(measure(net, picture(size), true, seconds / 6, false).per_row));
        }
        const double ratio = bench::ratio(large, small);
        return bench::Row{
            .ours = bench::median(large),
            .limit = bench::median(small),
            .over_limit = ratio,
            .verdict = lumen::text("a row of ", size, " over one of ", smaller, ": ", bench::fixed(ratio),
                                   ", <= 1.15: ", ratio <= 1.15 ? "met" : "missed")};
      }};
}

}  // namespace

int main(int argc, char** argv) {
  const Net resnet = seeded<lumen::net::CustomResNet>(2);
  return bench::run_measured(
      argc, argv,
      {against_whole("influence-ten-256", ten(), 256, false, 250, 200),
       against_whole("influence-unet-256", seeded<lumen::net::UNet>(), 256, false, 20, 15),
       against_whole("influence-resnet-256", resnet, 256, true, 20, 15),
       against_whole("influence-resnet-512", resnet, 512, true, 100, 0),
       against_smaller("influence-resnet-1024", resnet, 1024, 256)});
}
