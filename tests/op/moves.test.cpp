// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/needed.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include "op/reads.hpp"

namespace lm = lumen::testing;
namespace op = lumen::op;
using lm::Hold;
using lumen::Interval;
using lumen::Tensor;
using lumen::Tensors;

namespace {

std::mt19937_64 draw(11);

void check(const std::string& what, const Tensors& inputs, const lm::Operator& run,
           Hold hold = Hold::Exactly) {
  lm::check_geometry(what, inputs, run, draw, hold);
}
void check_not_local(const std::string& what, const Tensors& inputs, const lm::Operator& run) {
  lm::check_geometry(what, inputs, run, draw, Hold::Exactly, false);
}

const Tensor x = lm::values({2, 6, 4, 5}, 1);
const Tensor y = lm::values({2, 6, 4, 5}, 2);

}  // namespace

DOCTEST_TEST_CASE("functions of each value, and of several that are broadcast") {
  check("relu", {x}, [](const Tensors& at) -> Tensors { return {at::relu(at[0])}; });
  check("elu", {x}, [](const Tensors& at) -> Tensors { return {at::elu(at[0])}; });
  check("hardtanh", {x}, [](const Tensors& at) -> Tensors { return {at::hardtanh(at[0])}; });
  check("add", {x, y}, [](const Tensors& at) -> Tensors { return {at[0] + at[1]}; });
  check("itself", {x}, [](const Tensors& at) -> Tensors { return {at[0] * at[0]}; });
  check("gate of channels", {x, lm::values({2, 6, 1, 1}, 3)},
        [](const Tensors& at) -> Tensors { return {at[0] * at[1]}; });
  check("gate of places", {lm::values({2, 1, 4, 5}, 3), x},
        [](const Tensors& at) -> Tensors { return {at[0] * at[1]}; });
  check("rows and columns", {lm::values({2, 1, 4, 1}, 3), lm::values({2, 6, 1, 5}, 4)},
        [](const Tensors& at) -> Tensors { return {at::sub(at[0], at[1])}; });
  const Tensor chosen = x > 0;
  check(
      "where", {x, y}, [&](const Tensors& at) -> Tensors { return {at::where(chosen, at[0], at[1])}; },
      Hold::AtLeast);
  check("constant", {x},
        [](const Tensors& at) -> Tensors { return {at[0] + at::ones({6, 1, 1}, at::kDouble)}; });
  const Tensor slope = lm::values({6}, 5), mean = lm::values({6}, 6),
               variance = lm::values({6}, 7).square() + 1;
  check("prelu", {x}, [&](const Tensors& at) -> Tensors { return {at::prelu(at[0], slope)}; });
  check("batch norm", {x}, [&](const Tensors& at) -> Tensors {
    return {at::batch_norm(at[0], slope, {}, mean, variance, false, 0.1, 1e-5, false)};
  });
  check_not_local("batch statistics", {x}, [&](const Tensors& at) -> Tensors {
    return {at::batch_norm(at[0], slope, {}, {}, {}, true, 0.1, 1e-5, false)};
  });
  check("glu", {x}, [](const Tensors& at) -> Tensors { return {at::glu(at[0], 1)}; });
  check("dropout", {x}, [](const Tensors& at) -> Tensors { return {at::dropout(at[0], 0.5, false)}; });
  check_not_local("places that hold", {x}, [](const Tensors& at) -> Tensors { return at::where(at[0]); });
  check_not_local("no batch of its own", {lm::values({4, 5}, 1)},
                  [](const Tensors& at) -> Tensors { return {x * at[0]}; });
  check_not_local("one row for all", {lm::values({1, 6, 4, 5}, 1)},
                  [](const Tensors& at) -> Tensors { return {x * at[0]}; });
}

DOCTEST_TEST_CASE("other dimensions: views, permutations, new and dropped ones") {
  check("flatten", {x}, [](const Tensors& at) -> Tensors { return {at[0].flatten(1)}; });
  check("flatten places", {x}, [](const Tensors& at) -> Tensors { return {at[0].flatten(2)}; });
  check("view", {x}, [](const Tensors& at) -> Tensors { return {at[0].view({2, 2, 3, 4, 5})}; });
  check("reshape and merge", {x},
        [](const Tensors& at) -> Tensors { return {at[0].reshape({2, 3, 2, 20})}; });
  check(
      "crossing", {x}, [](const Tensors& at) -> Tensors { return {at[0].reshape({2, 4, 6, 5})}; },
      Hold::AtLeast);
  check("unflatten", {x}, [](const Tensors& at) -> Tensors { return {at[0].view({2, 3, 2, 2, 2, 5})}; });
  check("unsqueeze", {x}, [](const Tensors& at) -> Tensors { return {at[0].unsqueeze(2)}; });
  check("squeeze", {x.unsqueeze(1).unsqueeze(-1)},
        [](const Tensors& at) -> Tensors { return {at[0].squeeze(1)}; });
  check("all singles", {lm::values({2, 1, 3, 1}, 1)},
        [](const Tensors& at) -> Tensors { return {at[0].squeeze()}; });
  check_not_local("the batch merged", {x},
                  [](const Tensors& at) -> Tensors { return {at[0].flatten(0, 1)}; });
  check("permute", {x}, [](const Tensors& at) -> Tensors { return {at[0].permute({0, 2, 3, 1})}; });
  check("transpose", {x}, [](const Tensors& at) -> Tensors { return {at[0].transpose(-1, 1)}; });
  check("swapaxes", {x}, [](const Tensors& at) -> Tensors { return {at[0].swapaxes(2, 1)}; });
  check("mT", {x}, [](const Tensors& at) -> Tensors { return {at[0].mT()}; });
  check("movedim", {x}, [](const Tensors& at) -> Tensors { return {at[0].movedim(1, -1)}; });
  check("moved dims", {x}, [](const Tensors& at) -> Tensors { return {at[0].movedim({3, 1}, {1, 2})}; });
  check_not_local("the batch moved", {x},
                  [](const Tensors& at) -> Tensors { return {at[0].transpose(0, 1)}; });
  check_not_local("the batch permuted", {x},
                  [](const Tensors& at) -> Tensors { return {at[0].permute({1, 0, 2, 3})}; });
  check("expand", {lm::values({2, 1, 4, 1}, 1)},
        [](const Tensors& at) -> Tensors { return {at[0].expand({2, 3, 4, 5})}; });
  check("view as", {x, y.flatten(1)}, [](const Tensors& at) -> Tensors { return {at[0].view_as(at[1])}; });
}

DOCTEST_TEST_CASE("parts and lists: crops, splits, cat, stack") {
  for (int trial = 0; trial < 10; ++trial) {
    const std::int64_t dim = lm::pick(draw, 1, 3), size = x.size(dim), start = lm::pick(draw, 0, size - 2);
    const std::int64_t length = lm::pick(draw, 1, size - start), step = lm::pick(draw, 1, 3);
    check("narrow", {x}, [&](const Tensors& at) -> Tensors { return {at[0].narrow(dim, start, length)}; });
    check("slice", {x}, [&](const Tensors& at) -> Tensors {
      return {at[0].slice(dim, start - size, start + length, step)};
    });
    check("select", {x}, [&](const Tensors& at) -> Tensors { return {at[0].select(dim, start)}; });
    check("select behind", {x},
          [&](const Tensors& at) -> Tensors { return {at[0].select(dim - 4, start - size)}; });
    check("split", {x}, [&](const Tensors& at) -> Tensors { return at[0].split(2, dim); });
    check("chunk", {x}, [&](const Tensors& at) -> Tensors { return at[0].chunk(lm::pick(draw, 2, 2), dim); });
    check("sizes", {x},
          [&](const Tensors& at) -> Tensors { return at[0].split_with_sizes({1, size - 2, 1}, dim); });
    check("tensor_split", {x}, [&](const Tensors& at) -> Tensors { return at[0].tensor_split(3, dim); });
    check("unbind", {x}, [&](const Tensors& at) -> Tensors { return at[0].unbind(dim); });
    check("cat", {x, x.narrow(dim, 0, 2).clone(), y},
          [&](const Tensors& at) -> Tensors { return {at::cat({at[0], at[1], at[2]}, dim)}; });
    check("cat with constants", {x},
          [&](const Tensors& at) -> Tensors { return {at::cat({y, at[0], y}, dim - 4)}; });
    check("stack", {x, y}, [&](const Tensors& at) -> Tensors { return {at::stack({at[0], at[1]}, dim)}; });
    check("flip", {x}, [&](const Tensors& at) -> Tensors { return {at[0].flip({dim})}; });
    check("roll", {x},
          [&](const Tensors& at) -> Tensors { return {at[0].roll({start, -1}, {dim, dim == 1 ? 2 : 1})}; });
    check("repeat", {x}, [&](const Tensors& at) -> Tensors { return {at[0].repeat({1, 2, 1, 3})}; });
    check("repeat_interleave", {x},
          [&](const Tensors& at) -> Tensors { return {at[0].repeat_interleave(2, dim)}; });
    const Tensor index = at::tensor({1, 0, 1}, at::kLong);
    check("index_select", {x},
          [&](const Tensors& at) -> Tensors { return {at[0].index_select(dim, index)}; });
  }
  check("last as a new one", {x, y},
        [](const Tensors& at) -> Tensors { return {at::stack({at[0], at[1]}, -1)}; });
  check("hstack", {x, y}, [](const Tensors& at) -> Tensors { return {at::hstack({at[0], at[1]})}; });
  check_not_local("vstack", {x, y},
                  [](const Tensors& at) -> Tensors { return {at::vstack({at[0], at[1]})}; });
  check_not_local("a row", {x}, [](const Tensors& at) -> Tensors { return {at[0].select(0, 1)}; });
  check_not_local("rows", {x}, [](const Tensors& at) -> Tensors { return {at[0].slice(0, 1, 2)}; });
  check_not_local("flipped rows", {x}, [](const Tensors& at) -> Tensors { return {at[0].flip({0, 2})}; });
}

DOCTEST_TEST_CASE("pads of every mode, and crops by negative ones") {
  for (int trial = 0; trial < 10; ++trial) {
    const auto amount = [] { return lm::pick(draw, 0, 3); };
    const std::vector<std::int64_t> two{amount(), amount(), amount(), amount()};
    const std::vector<std::int64_t> mixed{-1, amount(), amount(), -2, -1, 1};
    const std::vector<std::int64_t> three{amount(), amount(), amount(), amount(), amount(), amount()};
    check("constant", {x},
          [&](const Tensors& at) -> Tensors { return {at::constant_pad_nd(at[0], mixed, 3)}; });
    check("reflect", {x}, [&](const Tensors& at) -> Tensors { return {at::reflection_pad2d(at[0], two)}; });
    check("replicate", {x},
          [&](const Tensors& at) -> Tensors { return {at::replication_pad2d(at[0], two)}; });
    check("replicate volume", {x.unsqueeze(1)},
          [&](const Tensors& at) -> Tensors { return {at::replication_pad3d(at[0], three)}; });
    for (const char* mode : {"constant", "reflect", "replicate", "circular"}) {
      check(mode, {x}, [&](const Tensors& at) -> Tensors { return {at::pad(at[0], two, mode)}; });
    }
  }
}

DOCTEST_TEST_CASE("channels into places and back") {
  for (const std::int64_t r : {1, 2, 3}) {
    const Tensor deep = lm::values({2, 2 * r * r, 2, 3}, 1), wide = lm::values({2, 2, 2 * r, 1 * r}, 2);
    check("pixel_shuffle", {deep},
          [&](const Tensors& at) -> Tensors { return {at::pixel_shuffle(at[0], r)}; });
    check("pixel_unshuffle", {wide},
          [&](const Tensors& at) -> Tensors { return {at::pixel_unshuffle(at[0], r)}; });
    check("channel_shuffle", {x},
          [&](const Tensors& at) -> Tensors { return {at::channel_shuffle(at[0], r)}; });
  }
}

DOCTEST_TEST_CASE("lists of places, windows as columns, places of maxima") {
  const Tensor list = at::tensor({2, -1, 0, 0}, at::kLong),
               kept = at::tensor({1, 0, 1, 0, 0, 1}, at::kLong).to(at::kBool);
  using Lists = c10::List<c10::optional<Tensor>>;
  check("listed", {x},
        [&](const Tensors& at) -> Tensors { return {at::index(at[0], Lists({c10::nullopt, list}))}; });
  check("kept", {x},
        [&](const Tensors& at) -> Tensors { return {at::index(at[0], Lists({c10::nullopt, kept}))}; });
  check("columns", {x}, [&](const Tensors& at) -> Tensors {
    return {at::index(at[0], Lists({c10::nullopt, c10::nullopt, c10::nullopt, list}))};
  });
  check_not_local("rows", {x}, [&](const Tensors& at) -> Tensors {
    return {at::index(at[0], Lists({at::tensor({1}, at::kLong)}))};
  });
  for (int trial = 0; trial < 8; ++trial) {
    const std::vector<std::int64_t> kernel{lm::pick(draw, 1, 2), lm::pick(draw, 1, 3)},
        stride{lm::pick(draw, 1, 2), lm::pick(draw, 1, 3)};
    const std::vector<std::int64_t> padding{lm::pick(draw, 0, 1), lm::pick(draw, 0, 1)},
        dilation{lm::pick(draw, 1, 2), 1};
    const Tensor image = lm::values({2, 2, 4, 5}, draw());
    const Tensor folded = at::im2col(image, kernel, dilation, padding, stride);
    check(
        "im2col", {image},
        [&](const Tensors& at) -> Tensors { return {at::im2col(at[0], kernel, dilation, padding, stride)}; },
        Hold::AtLeast);
    check(
        "col2im", {folded},
        [&](const Tensors& at) -> Tensors {
          return {at::col2im(at[0], {4, 5}, kernel, dilation, padding, stride)};
        },
        Hold::AtLeast);
    check(
        "unfold", {image},
        [&](const Tensors& at) -> Tensors { return {at[0].unfold(lm::pick(draw, 2, 2), 2, stride[0])}; },
        Hold::AtLeast);
  }
  const auto [values, places] = at::max_pool2d_with_indices(x, {2, 2});
  const Tensor at_maxima = places;
  check(
      "max_unpool2d", {values},
      [&](const Tensors& at) -> Tensors { return {at::max_unpool2d(at[0], at_maxima, {4, 5})}; },
      Hold::AtLeast);
}

DOCTEST_TEST_CASE("what reads only a shape reads nothing") {
  const auto steps = lm::steps_of({x, y}, [] { return x.view_as(y); });
  DOCTEST_CHECK(lumen::empty(op::needed(steps[0], 1, lumen::whole(steps[0].result_sizes[0]))));
  DOCTEST_CHECK(op::is_local(steps[0]));
}

DOCTEST_TEST_CASE("boxes that leave the plane are met with it; an empty box needs nothing") {
  const auto steps = lm::steps_of({x}, [] { return at::relu(x); });
  const lumen::Box found = op::needed(steps[0], 0, {{-3, 2}, {1, 9}, {0, 5}});
  DOCTEST_CHECK(lm::same(found, {{0, 2}, {1, 4}, {0, 5}}));
  DOCTEST_CHECK(lumen::empty(op::needed(steps[0], 0, {{0, 2}, {7, 9}, {0, 5}})));
}

DOCTEST_TEST_CASE("no entry is the whole value, and is told") {
  const auto steps = lm::steps_of({x}, [] { return at::fft_fft(x); });
  DOCTEST_CHECK_FALSE(op::is_local(steps[0]));
  DOCTEST_CHECK(lm::same(op::needed(steps[0], 0, {{0, 1}, {0, 1}, {0, 1}}), {{0, 6}, {0, 4}, {0, 5}}));
  DOCTEST_CHECK_THROWS_AS((void)op::geometry(steps[0], 1), lumen::Error);
}
