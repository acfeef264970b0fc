// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/io/npy.hpp>

namespace lumen::testing {

/// Whether each label of int64 [H, W] is one piece, found by growing each from its first pixel.
inline bool all_connected(const Tensor& labels, bool corners) {
  const auto at = labels.accessor<std::int64_t, 2>();
  const std::int64_t rows = labels.size(0), columns = labels.size(1);
  std::set<std::int64_t> known;
  Tensor seen = at::zeros_like(labels);
  auto was = seen.accessor<std::int64_t, 2>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) {
      if (was[r][c] != 0) continue;
      if (!known.insert(at[r][c]).second) return false;
      std::vector<std::pair<std::int64_t, std::int64_t>> todo{{r, c}};
      while (!todo.empty()) {
        const auto [y, x] = todo.back();
        todo.pop_back();
        if (was[y][x] != 0) continue;
        was[y][x] = 1;
        for (std::int64_t i = std::max<std::int64_t>(y - 1, 0); i <= std::min(y + 1, rows - 1); ++i)
          for (std::int64_t j = std::max<std::int64_t>(x - 1, 0); j <= std::min(x + 1, columns - 1); ++j)
            if ((corners || i == y || j == x) && at[i][j] == at[y][x]) todo.emplace_back(i, j);
      }
    }
  return true;
}

/// Whether two labellings divide the pixels alike, whatever their numbers.
inline bool same_partition(const Tensor& a, const Tensor& b) {
  std::map<std::int64_t, std::int64_t> to, from;
  const Tensor x = a.reshape({-1}).contiguous(), y = b.reshape({-1}).contiguous();
  if (x.numel() != y.numel()) return false;
  const auto *p = x.data_ptr<std::int64_t>(), *q = y.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    if (to.try_emplace(p[i], q[i]).first->second != q[i]) return false;
    if (from.try_emplace(q[i], p[i]).first->second != p[i]) return false;
  }
  return true;
}

/// The adjusted Rand index of two labellings: 1 for the same partition, about 0 for unrelated ones. Hubert and Arabie 1985.
inline double rand_index(const Tensor& a, const Tensor& b) {
  std::map<std::int64_t, double> rows, columns;
  std::map<std::pair<std::int64_t, std::int64_t>, double> both;
  const Tensor x = a.reshape({-1}).contiguous(), y = b.reshape({-1}).contiguous();
  const auto *p = x.data_ptr<std::int64_t>(), *q = y.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < x.numel(); ++i) ++rows[p[i]], ++columns[q[i]], ++both[{p[i], q[i]}];
  const auto pairs = [](const auto& counts) {
    double total = 0;
    for (const auto& [label, n] : counts) total += n * (n - 1) / 2;
    return total;
  };
  const double n = static_cast<double>(x.numel()), all = n * (n - 1) / 2, left = pairs(rows),
               right = pairs(columns), chance = left * right / all;
  return (pairs(both) - chance) / ((left + right) / 2 - chance);
}

/// The share of the variance of `values` [H, W] that the means of the segments explain, 0 to 1.
inline double explained(const Tensor& values, const Tensor& labels) {
  const Tensor v = values.reshape({-1}).to(at::kDouble), l = labels.reshape({-1});
  const std::int64_t most = l.max().item<std::int64_t>() + 1;
  const Tensor sums = at::zeros({most}, at::kDouble).index_add_(0, l, v),
               counts = at::zeros({most}, at::kDouble).index_add_(0, l, at::ones_like(v));
  const Tensor means = (sums / counts.clamp_min(1)).index_select(0, l);
  return ((means - v.mean()).square().sum() / (v - v.mean()).square().sum()).item<double>();
}

/// What scikit-image makes of `values` (float64): int64. Nothing, and a line that says SKIPPED, without it:
/// LUMEN_PEER_PYTHON names a Python that has it. @param call  an expression of `x` and the module `skimage`
inline std::optional<Tensor> by_scikit_image(const std::string& call, const Tensor& values) {
  const char* python = std::getenv("LUMEN_PEER_PYTHON");
  const std::string probe = python == nullptr ? "" : std::string(python) + " -c 'import skimage' 2>/dev/null";
  if (python == nullptr || std::system(probe.c_str()) != 0) {
    std::cout << "SKIPPED: no scikit-image (LUMEN_PEER_PYTHON names a Python that has it)\n";
    return std::nullopt;
  }
  const auto folder = std::filesystem::temp_directory_path() / "lumen_scikit_image";
  std::filesystem::create_directories(folder);
  const std::string in = (folder / "x.npy").string(), out = (folder / "labels.npy").string();
  std::filesystem::remove(out);
  io::write_npy(in, values.to(at::kDouble).contiguous());
  std::ofstream(folder / "call.py") << "import numpy, skimage, skimage.segmentation, skimage.morphology\n"
                                    << "x = numpy.load('" << in << "')\nnumpy.save('" << out
                                    << "', numpy.asarray(" << call << ", dtype=numpy.int64))\n";
  if (std::system((std::string(python) + " " + (folder / "call.py").string()).c_str()) != 0) std::abort();
  return io::read_npy(out);
}

}  // namespace lumen::testing
