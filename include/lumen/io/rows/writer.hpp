// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
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

/// How rows are stored.
struct RowStorage {
  rows::Encoding encoding = rows::Encoding::Float32;
  double low = 0, high = 0;  ///< of Encoding::FileByte: the lowest and highest of all values
  /// Whose rows these are, in the writer's words: model, image, target, outputs. A file of another purpose is never
  /// continued.
  std::string purpose{};
};

/// A sink that stores rows. Every chunk is whole on its own: a writer that is killed loses at most the one that it was
/// writing, and the next one of the same path and purpose goes on after the last whole chunk.
///
///     io::RowWriter writer("rows.lrow", {.purpose = "net.pt, a.png, class 1"});
///     influence::rows(net, image, influence::Except{influence::All{}, writer.done()}, {target}, std::ref(writer));
///     writer.finish();
class RowWriter {
 public:
  /// @throws Error naming the path: the file is foreign, of another purpose or encoding, or cannot be written
  RowWriter(std::filesystem::path path, RowStorage storage)
      : path_(std::move(path)), storage_(std::move(storage)) {
    require(storage_.encoding != rows::Encoding::FileByte || storage_.low <= storage_.high,
            "RowWriter: the file's range is upside down; give low <= high");
    std::error_code failed;
    if (std::filesystem::exists(path_, failed) && std::filesystem::file_size(path_, failed) > 0) go_on();
  }

  /// The outputs whose rows the file holds already: int64, row * (width of the output) + column, ascending.
  [[nodiscard]] const Tensor& done() const { return done_; }
  /// Whether the file has its end mark: there is nothing to add.
  [[nodiscard]] bool finished() const { return finished_; }

  /// Adds rows. @throws Error if they are of another image than the rows before, or the disk is full
  void operator()(const influence::RowChunk& chunk) {
    require(!finished_, [&] { return text(path_, " is finished; write the rows to another file"); });
    const rows::Header header = header_of(chunk);
    if (!begun_) {
      const auto bytes = rows::encode(header);
      open(std::ios::trunc);
      put(bytes);
      header_ = header;
      begun_ = true;
    }
    require(header == header_, [&] {
      return text(path_, " holds rows of an image of ", header_.height, " x ", header_.width,
                  " and an output of ", header_.out_height, " x ", header_.out_width, "; these are of ",
                  chunk.height, " x ", chunk.width, " and ", chunk.out_height, " x ", chunk.out_width);
    });
    if (!out_.is_open()) open(std::ios::app);
    const auto [low, high] = rows::ranges(chunk.values.cpu(), header);
    const Tensor values = rows::stored(chunk.values.cpu().contiguous(), low, high, header.encoding);
    rows::Bytes table;
    const Tensor scores = chunk.scores.to(at::kCPU, at::kDouble);
    for (std::int64_t b = 0; b < chunk.size(); ++b) {
      const auto* origin = chunk.origins.data_ptr<std::int64_t>() + 2 * b;
      table.put(chunk.index[b].item<std::int64_t>()).put(origin[0]).put(origin[1]);
      table.put(low[b].item<double>()).put(high[b].item<double>()).put(scores[b].item<double>());
    }
    const std::span<const std::uint8_t> payload(static_cast<const std::uint8_t*>(values.data_ptr()),
                                                values.nbytes());
    rows::Bytes all;
    const auto word = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    all.put("ROWS").put(word(chunk.size())).put(word(values.size(2))).put(word(values.size(3)));
    all.put(static_cast<std::uint64_t>(payload.size()))
        .put(crc32(table.bytes))
        .put(crc32(payload))
        .check()
        .pad();
    all.bytes.insert(all.bytes.end(), table.bytes.begin(), table.bytes.end());
    all.pad();
    all.bytes.insert(all.bytes.end(), payload.begin(), payload.end());
    put(all.pad().bytes);
    rows_ += static_cast<std::uint64_t>(chunk.size());
  }

  /// Puts the end mark: the file is whole. @throws Error if there is no row, or the disk is full
  void finish() {
    if (finished_) return;
    require(begun_, [&] { return text(path_, ": no row was written; ask about at least one pixel"); });
    if (!out_.is_open()) open(std::ios::app);
    put(rows::Bytes{}.put("DONE").put(std::uint32_t{0}).put(rows_).check().pad().bytes);
    out_.close();
    finished_ = true;
  }

 private:
  void go_on() {
    naming(path_, [&] {
      const Mapping mapping(path_);
      const rows::Index index = rows::read_index(mapping.bytes());
      const rows::Header& found = index.header;
      const bool mine = found.purpose == storage_.purpose && found.encoding == storage_.encoding &&
                        (found.encoding != rows::Encoding::FileByte ||
                         (found.low == storage_.low && found.high == storage_.high));
      require(mine, [&] {
        return text("the file holds rows of another purpose or encoding ('", found.purpose, "'); expected '",
                    storage_.purpose, "': remove it, or name another");
      });
      // a machine that lost power may have kept a chunk's place and not its values
      std::size_t whole = index.whole, sound = 0;
      for (; sound < index.chunks.size(); ++sound) {
        const rows::Chunk& chunk = index.chunks[sound];
        if (crc32(mapping.bytes().subspan(chunk.values, chunk.bytes)) == chunk.crc) continue;
        whole = chunk.values -
                rows::aligned(rows::aligned(rows::chunk_bytes) + chunk.table.size() * rows::row_bytes);
        break;
      }
      std::vector<std::int64_t> indices;
      for (std::size_t c = 0; c < sound; ++c)
        for (const rows::TableRow& row : index.chunks[c].table) indices.push_back(row.index);
      std::sort(indices.begin(), indices.end());
      done_ = at::tensor(indices, at::kLong);
      rows_ = indices.size();
      header_ = found;
      begun_ = true;
      finished_ = index.finished && sound == index.chunks.size();
      if (!finished_) std::filesystem::resize_file(path_, whole);
    });
  }

  [[nodiscard]] rows::Header header_of(const influence::RowChunk& chunk) const {
    return {.encoding = storage_.encoding,
            .height = chunk.height,
            .width = chunk.width,
            .out_height = chunk.out_height,
            .out_width = chunk.out_width,
            .channels = chunk.values.size(1),
            .low = storage_.encoding == rows::Encoding::FileByte ? storage_.low : 0,
            .high = storage_.encoding == rows::Encoding::FileByte ? storage_.high : 0,
            .purpose = storage_.purpose};
  }

  void open(std::ios::openmode how) {
    out_.open(path_, std::ios::binary | how);
    require(out_.good(), [&] {
      return text("cannot open ", path_, " for writing; does its folder exist, and may you write there?");
    });
  }
  void put(std::span<const std::uint8_t> bytes) {
    out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out_.flush();
    require(out_.good(),
            [&] { return text("cannot write ", bytes.size(), " bytes to ", path_, "; is the disk full?"); });
  }

  std::filesystem::path path_;
  RowStorage storage_;
  rows::Header header_{};
  std::ofstream out_{};
  Tensor done_ = at::empty({0}, at::kLong);
  std::uint64_t rows_ = 0;
  bool begun_ = false, finished_ = false;
};

}  // namespace lumen::io
