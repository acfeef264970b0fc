// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/op/needed.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include "op/reads.hpp"

namespace lm = lumen::testing;
using lm::Hold;
using lumen::Tensor;
using lumen::Tensors;

namespace {

std::mt19937_64 draw(21);

void check(const std::string& what, const Tensors& inputs, const lm::Operator& run, bool local = true) {
  lm::check_geometry(what, inputs, run, draw, Hold::Exactly, local);
}

const Tensor x = lm::values({2, 6, 3, 4}, 1);

}  // namespace

DOCTEST_TEST_CASE("sums, means and extremes over dimensions") {
  for (const bool keep : {false, true}) {
    for (const std::vector<std::int64_t>& dims :
         std::vector<std::vector<std::int64_t>>{{1}, {2}, {-1, 2}, {1, 2, 3}}) {
      check("sum", {x}, [&](const Tensors& at) -> Tensors { return {at[0].sum(dims, keep)}; });
      check("mean", {x}, [&](const Tensors& at) -> Tensors { return {at[0].mean(dims, keep)}; });
      check("amax", {x}, [&](const Tensors& at) -> Tensors { return {at[0].amax(dims, keep)}; });
      check("logsumexp", {x}, [&](const Tensors& at) -> Tensors { return {at[0].logsumexp(dims, keep)}; });
      check("var", {x}, [&](const Tensors& at) -> Tensors { return {at[0].var(dims, true, keep)}; });
      check("norm", {x}, [&](const Tensors& at) -> Tensors { return {at[0].norm(2, dims, keep)}; });
    }
    check("max", {x}, [&](const Tensors& at) -> Tensors { return {std::get<0>(at[0].max(1, keep))}; });
    check("prod", {x}, [&](const Tensors& at) -> Tensors { return {at[0].prod(2, keep)}; });
    check(
        "the batch", {x},
        [&](const Tensors& at) -> Tensors { return {at[0].sum(at::IntArrayRef{0, 1}, keep)}; }, false);
  }
  check("all", {x}, [](const Tensors& at) -> Tensors { return {at[0].sum()}; }, false);
  check("largest of all", {x}, [](const Tensors& at) -> Tensors { return {at[0].max()}; }, false);
  check("larger of two", {x, x + 1}, [](const Tensors& at) -> Tensors { return {at::max(at[0], at[1])}; });
  check("cumsum", {x}, [](const Tensors& at) -> Tensors { return {at[0].cumsum(2)}; });
  check("cumprod", {x}, [](const Tensors& at) -> Tensors { return {at[0].cumprod(-1)}; });
}

DOCTEST_TEST_CASE("rows: softmax, sorting") {
  for (const std::int64_t dim : {1, 2, -1}) {
    check("softmax", {x}, [&](const Tensors& at) -> Tensors { return {at[0].softmax(dim)}; });
    check("log_softmax", {x}, [&](const Tensors& at) -> Tensors { return {at[0].log_softmax(dim)}; });
    lm::check_geometry(
        "topk", {x}, [&](const Tensors& at) -> Tensors { return {std::get<0>(at[0].topk(2, dim))}; }, draw,
        Hold::AtLeast);
  }
  check("over the batch", {x}, [](const Tensors& at) -> Tensors { return {at[0].softmax(0)}; }, false);
}

DOCTEST_TEST_CASE("normalisation by a sample's own statistics") {
  check("layer norm", {x}, [](const Tensors& at) -> Tensors { return {at::layer_norm(at[0], {3, 4})}; });
  check("layer norm of a row", {x},
        [](const Tensors& at) -> Tensors { return {at::layer_norm(at[0], {4})}; });
  check("group norm", {x}, [](const Tensors& at) -> Tensors { return {at::group_norm(at[0], 3)}; });
  check("instance norm", {x}, [](const Tensors& at) -> Tensors {
    return {at::instance_norm(at[0], {}, {}, {}, {}, true, 0.1, 1e-5, false)};
  });
  const Tensor mean = lm::values({6}, 6), variance = lm::values({6}, 7).square() + 1;
  check("instance norm by fixed statistics", {x}, [&](const Tensors& at) -> Tensors {
    return {at::instance_norm(at[0], {}, {}, mean, variance, false, 0.1, 1e-5, false)};
  });
}

DOCTEST_TEST_CASE("weighted sums and products of matrices") {
  const Tensor w = lm::values({3, 4}, 2), b = lm::values({3}, 3);
  check("linear", {x}, [&](const Tensors& at) -> Tensors { return {at::linear(at[0], w, b)}; });
  check("flat linear", {lm::values({2, 4}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::linear(at[0], w, b)}; });
  check("addmm", {lm::values({2, 4}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::addmm(b, at[0], w.t())}; });
  check("mm", {lm::values({2, 4}, 1)}, [&](const Tensors& at) -> Tensors { return {at::mm(at[0], w.t())}; });
  check(
      "mm from the right", {lm::values({4, 2}, 1)},
      [&](const Tensors& at) -> Tensors { return {at::mm(w, at[0])}; }, false);
  check("matmul", {x, lm::values({2, 6, 4, 2}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::matmul(at[0], at[1])}; });
  check("broadcast matmul", {lm::values({2, 1, 3, 4}, 1), lm::values({2, 6, 4, 2}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::matmul(at[0], at[1])}; });
  check("bmm", {x[0].narrow(0, 0, 2).clone(), lm::values({2, 4, 2}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::bmm(at[0], at[1])}; });
  check("baddbmm", {lm::values({2, 3, 2}, 5), lm::values({2, 3, 4}, 6), lm::values({2, 4, 2}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::baddbmm(at[0], at[1], at[2])}; });
  check("einsum", {x, lm::values({2, 6, 4}, 1)},
        [&](const Tensors& at) -> Tensors { return {at::einsum("nchw, ncw -> nhc", {at[0], at[1]})}; });
  check("einsum with constants", {x},
        [&](const Tensors& at) -> Tensors { return {at::einsum("nchw,kw->nkhc", {at[0], w})}; });
  check(
      "the batch contracted", {x},
      [&](const Tensors& at) -> Tensors { return {at::einsum("nchw->chw", {at[0]})}; }, false);
  lm::check_geometry(
      "looked up at places", {x, lm::values({2, 3, 4, 2}, 9).tanh()},
      [](const Tensors& at) -> Tensors { return {at::grid_sampler(at[0], at[1], 0, 0, false)}; }, draw,
      Hold::AtLeast);
}

DOCTEST_TEST_CASE("an operator's other names have its geometry: kernels and what exporters write") {
  const Tensor c = lm::values({6}, 2), variance = c.square() + 1;
  check("_softmax", {x}, [](const Tensors& at) -> Tensors { return {at::_softmax(at[0], 1, false)}; });
  check("native_layer_norm", {x}, [](const Tensors& at) -> Tensors {
    return {std::get<0>(at::native_layer_norm(at[0], {4}, {}, {}, 1e-5))};
  });
  check("native_group_norm", {x}, [](const Tensors& at) -> Tensors {
    return {std::get<0>(at::native_group_norm(at[0], {}, {}, 2, 6, 12, 3, 1e-5))};
  });
  check("native_batch_norm", {x}, [&](const Tensors& at) -> Tensors {
    return {std::get<0>(at::native_batch_norm(at[0], c, c, c, variance, false, 0.1, 1e-5))};
  });
  check("max_pool2d_with_indices", {x}, [](const Tensors& at) -> Tensors {
    return {std::get<0>(at::max_pool2d_with_indices(at[0], {2, 2}))};
  });
  check("_adaptive_avg_pool2d", {x},
        [](const Tensors& at) -> Tensors { return {at::_adaptive_avg_pool2d(at[0], {2, 3})}; });
  check("_unsafe_view", {x},
        [](const Tensors& at) -> Tensors { return {at::_unsafe_view(at[0], {2, 6, 12})}; });
  check("multiply", {x, x + 1}, [](const Tensors& at) -> Tensors { return {at::multiply(at[0], at[1])}; });
  check("slice_copy", {x}, [](const Tensors& at) -> Tensors { return {at::slice_copy(at[0], 1, 1, 6, 2)}; });
  check(
      "batch statistics", {x},
      [&](const Tensors& at) -> Tensors {
        return {
            std::get<0>(at::native_batch_norm(at[0], c, c, c.clone(), variance.clone(), true, 0.1, 1e-5))};
      },
      false);
}
