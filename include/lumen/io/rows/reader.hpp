// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/row_chunk.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/mapping.hpp>
#include <lumen/io/rows/encoding.hpp>
#include <lumen/io/rows/index.hpp>

namespace lumen::io {

/// A file of windowed rows, read in part: opening it reads the index alone, and what is asked for is then read from
/// memory that the file is mapped to. A stream for `influence::Reduce` as it is.
///
///     const io::RowFile file("rows.lrow");
///     const Tensor window = file.row(40, 60).values;                    // one output pixel's
///     const auto found = influence::Reduce{}(file, influence::Count{});  // as if they were computed
class RowFile {
 public:
  /// @param unfinished  also open what a writer has not finished, as far as its chunks are whole
  /// @throws Error naming the path: missing, foreign, truncated, damaged, or not finished
  explicit RowFile(const std::filesystem::path& path, bool unfinished = false) : path_(path) {
    naming(path, [&] {
      mapping_ = std::make_shared<const Mapping>(path);
      index_ = std::make_shared<const rows::Index>(rows::read_index(mapping_->bytes()));
      require(index_->finished || unfinished, [&] {
        return text("the file of rows is not whole: ", index_->why_not, "; ", index_->places.size(),
                    " rows before that are, and a RowWriter with the same purpose goes on after them");
      });
    });
    sound_ = std::make_shared<Sound>();
    sound_->chunks.resize(index_->chunks.size());
  }

  [[nodiscard]] const rows::Header& header() const { return index_->header; }
  [[nodiscard]] bool finished() const { return index_->finished; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(index_->places.size()); }
  [[nodiscard]] bool contains(std::int64_t row, std::int64_t column) const {
    return in_output(row, column) && index_->places.contains(row * header().out_width + column);
  }

  /// The row of one output pixel, alone in a chunk.
  /// @throws Error if it is not in the file, or its chunk is damaged
  [[nodiscard]] influence::RowChunk row(std::int64_t row, std::int64_t column) const {
    require(contains(row, column), [&] {
      return text(path_, " holds no row of the output's pixel (row ", row, ", column ", column, ")");
    });
    const auto [chunk, b] = index_->places.at(row * header().out_width + column);
    return read(chunk, b, 1);
  }

  /// Gives all rows to a sink, in the order that they were written. Float32 and float64 are read in place.
  void operator()(const influence::RowSink& sink) const {
    std::int64_t first = 0;
    for (std::size_t c = 0; c < index_->chunks.size(); ++c) {
      influence::RowChunk chunk = read(c, 0, index_->chunks[c].table.size());
      chunk.first = first;
      chunk.total = size();
      first += chunk.size();
      sink(chunk);
    }
  }

 private:
  struct Sound {
    std::mutex mutex;
    std::vector<bool> chunks;
  };

  [[nodiscard]] bool in_output(std::int64_t row, std::int64_t column) const {
    return row >= 0 && row < header().out_height && column >= 0 && column < header().out_width;
  }

  /// A chunk's checksum is looked at once, when it is first read.
  void check(std::size_t c) const {
    const std::lock_guard lock(sound_->mutex);
    if (sound_->chunks[c]) return;
    const rows::Chunk& chunk = index_->chunks[c];
    require(crc32(mapping_->bytes().subspan(chunk.values, chunk.bytes)) == chunk.crc,
            [&] { return text(path_, ": the values of chunk ", c, " are damaged; compute the rows again"); });
    sound_->chunks[c] = true;
  }

  [[nodiscard]] influence::RowChunk read(std::size_t c, std::size_t begin, std::size_t count) const {
    check(c);
    const rows::Chunk& chunk = index_->chunks[c];
    const auto n = static_cast<std::int64_t>(count);
    influence::RowChunk out{.origins = at::empty({n, 2}, at::kLong),
                            .places = at::empty({n, 2}, at::kLong),
                            .index = at::empty({n}, at::kLong),
                            .height = header().height,
                            .width = header().width,
                            .out_height = header().out_height,
                            .out_width = header().out_width,
                            .total = n};
    Tensor low = at::empty({n}, at::kDouble), high = at::empty({n}, at::kDouble),
           scores = at::empty({n}, at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) {
      const rows::TableRow& row = chunk.table[begin + static_cast<std::size_t>(i)];
      out.index.data_ptr<std::int64_t>()[i] = row.index;
      out.places.data_ptr<std::int64_t>()[2 * i] = row.index / header().out_width;
      out.places.data_ptr<std::int64_t>()[2 * i + 1] = row.index % header().out_width;
      out.origins.data_ptr<std::int64_t>()[2 * i] = row.top;
      out.origins.data_ptr<std::int64_t>()[2 * i + 1] = row.left;
      low.data_ptr<double>()[i] = row.low;
      high.data_ptr<double>()[i] = row.high;
      scores.data_ptr<double>()[i] = row.score;
    }
    const std::size_t each = chunk.bytes / chunk.table.size();
    auto* const from = mapping_->bytes().data() + chunk.values + begin * each;
    const Tensor stored = at::from_blob(
        from, {n, header().channels, chunk.height, chunk.width}, [mapping = mapping_](void*) {},
        rows::stored_type(header().encoding));
    out.values = rows::restored(stored, low, high, header().encoding);
    out.scores = scores.to(out.values.scalar_type());
    clear_outside(out);
    return out;
  }

  /// A range that does not hold 0 exactly would give values to places outside the image.
  void clear_outside(influence::RowChunk& chunk) const {
    if (header().encoding != rows::Encoding::Byte && header().encoding != rows::Encoding::FileByte) return;
    for (std::int64_t b = 0; b < chunk.size(); ++b) {
      const auto [row, height, column, width] = chunk.inside(b);
      if (height == chunk.values.size(2) && width == chunk.values.size(3)) continue;
      const Tensor inside = chunk.values[b].narrow(1, row, height).narrow(2, column, width).clone();
      chunk.values[b].zero_();
      chunk.values[b].narrow(1, row, height).narrow(2, column, width).copy_(inside);
    }
  }

  std::filesystem::path path_;
  std::shared_ptr<const Mapping> mapping_;
  std::shared_ptr<const rows::Index> index_;
  std::shared_ptr<Sound> sound_;
};

}  // namespace lumen::io
