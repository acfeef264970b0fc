// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/row_chunk.hpp>
#include <lumen/io/npy.hpp>

namespace lumen::io {

/// A sink that writes rows at the image's size into one .npy file, [H', W', C, H, W] if all outputs are asked about, else
/// [P, C, H, W], in the order of the outputs row by row. Holds no more than a chunk; the file has the size of the dense
/// Jacobian.
class DenseRows {
 public:
  /// @param index  int64 [P]: the outputs that will come, row * (width of the output) + column; undefined: all of them
  explicit DenseRows(std::filesystem::path path, const Tensor& index = {}) : path_(std::move(path)) {
    if (!index.defined()) return;
    const Tensor sorted = std::get<0>(index.cpu().sort());
    order_.assign(sorted.data_ptr<std::int64_t>(), sorted.data_ptr<std::int64_t>() + sorted.numel());
  }

  /// @throws Error naming the path: it cannot be written, or a row comes that was not announced
  void operator()(const influence::RowChunk& chunk) {
    const Tensor dense = chunk.dense().cpu().contiguous();
    const std::int64_t outputs = chunk.out_height * chunk.out_width;
    if (!out_.is_open()) {
      const std::vector<std::int64_t> image{dense.size(1), dense.size(2), dense.size(3)};
      std::vector<std::int64_t> shape{static_cast<std::int64_t>(order_.size())};
      if (order_.empty()) shape = {chunk.out_height, chunk.out_width};
      shape.insert(shape.end(), image.begin(), image.end());
      head_ = npy_head(sample_of(dense), shape);
      expected_ = order_.empty() ? outputs : static_cast<std::int64_t>(order_.size());
      out_.open(path_, std::ios::binary | std::ios::trunc);
      require(out_.good(),
              [&] { return text("cannot open ", path_, " for writing; does its folder exist?"); });
      out_.write(reinterpret_cast<const char*>(head_.data()), static_cast<std::streamsize>(head_.size()));
    }
    const auto bytes = static_cast<std::int64_t>(dense[0].nbytes());
    for (std::int64_t b = 0; b < chunk.size(); ++b) {
      std::int64_t place = chunk.index[b].item<std::int64_t>();
      if (!order_.empty()) {
        const auto found = std::lower_bound(order_.begin(), order_.end(), place);
        require(found != order_.end() && *found == place,
                [&] { return text(path_, ": the row of output ", place, " was not announced"); });
        place = found - order_.begin();
      }
      out_.seekp(static_cast<std::streamoff>(head_.size()) + place * bytes);
      out_.write(static_cast<const char*>(dense[b].data_ptr()), bytes);
    }
    require(out_.good(), [&] { return text("cannot write to ", path_, "; is the disk full?"); });
    rows_ += chunk.size();
  }

  /// @throws Error if rows are missing, or the disk is full
  void finish() {
    require(out_.is_open() && rows_ == expected_, [&] {
      return text(path_, ": ", rows_, " rows came, expected ", expected_,
                  "; name the outputs that are asked about, or ask about all");
    });
    out_.close();
    require(!out_.fail(), [&] { return text("cannot write ", path_, "; is the disk full?"); });
  }

 private:
  std::filesystem::path path_;
  std::vector<std::int64_t> order_{};
  std::vector<std::uint8_t> head_{};
  std::ofstream out_{};
  std::int64_t rows_ = 0, expected_ = 0;
};

}  // namespace lumen::io
