// SPDX-License-Identifier: BSD-3-Clause
// Files of windowed rows: written, read in part, continued after a kill, and refused when they are not whole.
#include <lumen/io/rows/writer.hpp>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <lumen/influence/except.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/io/rows/dense.hpp>
#include <lumen/io/rows/reader.hpp>

#include "io/files.hpp"
#include "support/allclose.hpp"
#include "support/influence.hpp"
#include "support/message.hpp"

namespace fs = std::filesystem;
namespace inf = lumen::influence;
namespace io = lumen::io;
using io::rows::Encoding;
using lumen::Tensor;
using lumen::testing::Folder;
using lumen::testing::holds;
using lumen::testing::Jacobian;
using lumen::testing::message_of;

namespace {

void write(const fs::path& path, const Jacobian& j, io::RowStorage storage, std::int64_t size = 7) {
  io::RowWriter writer(path, std::move(storage));
  j.stream(std::ref(writer), size);
  writer.finish();
}

/// All rows of a stream, [P, C, H, W] by output.
template <class Stream>
Tensor dense_of(const Stream& stream, const Jacobian& j) {
  Tensor all = at::full_like(j.dense, std::nan(""));
  stream([&](const inf::RowChunk& chunk) {
    all.index_copy_(0, chunk.index, chunk.dense().to(all.scalar_type()));
  });
  return all;
}

std::vector<std::uint8_t> bytes_of(const fs::path& path) { return io::read_file(path); }

void put(const fs::path& path, const std::vector<std::uint8_t>& bytes) { io::write_file(path, bytes); }

}  // namespace

DOCTEST_TEST_CASE("rows come back as they were, or as near as their encoding says") {
  const Folder folder;
  for (const auto type : {at::kFloat, at::kDouble}) {
    const Jacobian j = Jacobian{.channels = 2, .dtype = type}.made();
    const Tensor rows = j.chunk.values.to(at::kDouble).flatten(1);
    const double low = rows.min().item<double>(), high = rows.max().item<double>();
    const Tensor per_row = (rows.amax(1) - rows.amin(1)) / 510,
                 largest = rows.abs().amax(1) * std::ldexp(1.0, -12);
    const struct {
      Encoding encoding;
      Tensor bound;  // of each row
    } cases[] = {{Encoding::Float32, type == at::kFloat ? at::zeros({99}, at::kDouble) : largest * 0 + 3e-7},
                 {Encoding::Float64, at::zeros({99}, at::kDouble)},
                 {Encoding::Float16, largest},
                 {Encoding::Byte, per_row},
                 {Encoding::FileByte, at::full({99}, (high - low) / 510, at::kDouble)}};
    for (const auto& [encoding, bound] : cases) {
      const fs::path path = folder / "rows";
      write(path, j, {.encoding = encoding, .low = low, .high = high, .purpose = "a test"});
      const io::RowFile file(path);
      DOCTEST_INFO(static_cast<int>(encoding));
      DOCTEST_CHECK(file.size() == 99);
      DOCTEST_CHECK(file.header().purpose == "a test");
      const Tensor error = (dense_of(file, j) - j.dense).abs().to(at::kDouble).flatten(1).amax(1);
      DOCTEST_CHECK(error.le(bound * (1 + 1e-5) + 1e-7 * (encoding >= Encoding::Float16 ? 3.0 : 0.0))
                        .all()
                        .item<bool>());
      if (encoding >= Encoding::Byte)
        DOCTEST_CHECK(error.max().item<double>() > 0.2 * bound.max().item<double>());

      const inf::RowChunk one = file.row(5, 3);
      DOCTEST_CHECK(one.size() == 1);
      DOCTEST_CHECK(one.index.item<std::int64_t>() == 5 * 9 + 3);
      DOCTEST_CHECK(at::equal(one.origins[0], j.chunk.origins[5 * 9 + 3]));
      DOCTEST_CHECK(one.scores.item<double>() == 5 * 9 + 3);
      DOCTEST_CHECK(at::equal(one.dense()[0], dense_of(file, j)[5 * 9 + 3].to(one.values.scalar_type())));
      fs::remove(path);
    }
  }
}

DOCTEST_TEST_CASE("a file is a stream: what is reduced from it is what was reduced when it was written") {
  const Folder folder;
  const Jacobian j = Jacobian{.without = {4}}.made();
  write(folder / "rows", j, {.encoding = Encoding::Float64});
  const inf::Reduce reduce{.keep = 0};
  const auto made =
      reduce([&](const inf::RowSink& sink) { j.stream(sink, 5); }, inf::Count{}, inf::PositiveMass{});
  const auto read = reduce(io::RowFile(folder / "rows"), inf::Count{}, inf::PositiveMass{});
  DOCTEST_CHECK(at::allclose(std::get<0>(made.results), std::get<0>(read.results), 0, 0, true));
  DOCTEST_CHECK(at::allclose(std::get<1>(made.results), std::get<1>(read.results), 1e-14, 1e-14, true));
  const io::RowFile file(folder / "rows");
  DOCTEST_CHECK_FALSE(file.contains(0, 4));
  DOCTEST_CHECK_FALSE(file.contains(-1, 9));
  DOCTEST_CHECK(file.contains(0, 5));
  DOCTEST_CHECK(holds(message_of([&] { (void)file.row(0, 4); }), "holds no row"));
}

DOCTEST_TEST_CASE("rows that are constant or zero are stored without a NaN") {
  const Folder folder;
  Jacobian j = Jacobian{}.made();
  for (std::int64_t p = 0; p < 99; ++p) {
    const auto [r, h, c, w] = j.chunk.inside(p);
    j.chunk.values[p].narrow(1, r, h).narrow(2, c, w).fill_(p % 2 == 0 ? 0.0 : 0.25);
  }
  j.dense = j.chunk.dense();
  for (const Encoding encoding : {Encoding::Float16, Encoding::Byte}) {
    const fs::path path = folder / ("constant" + std::to_string(static_cast<int>(encoding)));
    write(path, j, {.encoding = encoding});
    DOCTEST_CHECK(at::allclose(dense_of(io::RowFile(path), j), j.dense, 0, 1e-7));
  }
}

DOCTEST_TEST_CASE("a writer that is killed loses at most its chunk, and the next one goes on") {
  const Folder folder;
  const fs::path path = folder / "rows";
  const Jacobian j = Jacobian{.seed = 3}.made();
  const io::RowStorage storage{.encoding = Encoding::Float64, .purpose = "killed"};
  const pid_t child = ::fork();
  if (child == 0) {
    // in the middle of the fifth chunk: the file gets a part of one, as if the kill came while it was written
    io::RowWriter writer(path, storage);
    int chunks = 0;
    j.stream(
        [&](const inf::RowChunk& chunk) {
          if (++chunks == 5) {
            std::ofstream(path, std::ios::app | std::ios::binary) << "ROWS" << std::string(1000, 'x');
            ::kill(::getpid(), SIGKILL);
          }
          writer(chunk);
        },
        7);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  DOCTEST_REQUIRE(WIFSIGNALED(status));
  DOCTEST_CHECK(holds(message_of([&] { io::RowFile{path}; }), "28 rows before that are"));
  DOCTEST_CHECK(io::RowFile(path, /*unfinished=*/true).size() == 28);

  io::RowWriter writer(path, storage);
  DOCTEST_CHECK(writer.done().size(0) == 28);
  DOCTEST_CHECK_FALSE(writer.finished());
  const Tensor left = inf::Except{inf::All{}, writer.done()}(11, 9);
  DOCTEST_CHECK(left.size(0) == 99 - 28);
  Jacobian rest = j;
  rest.which = left.select(1, 0) * 9 + left.select(1, 1);
  rest.stream(std::ref(writer), 10);
  writer.finish();
  DOCTEST_CHECK(at::equal(dense_of(io::RowFile(path), j), j.dense));
  io::RowWriter again(path, storage);
  DOCTEST_CHECK(again.finished());
  DOCTEST_CHECK(again.done().size(0) == 99);
  DOCTEST_CHECK(holds(message_of([&] { again(j.chunk); }), "is finished"));
}

DOCTEST_TEST_CASE(
    "whatever a file is cut to, it is refused or opened as far as it is whole, and can be continued") {
  const Folder folder;
  const Jacobian j = Jacobian{.height = 4, .width = 3, .out_height = 4, .out_width = 3, .radius = 1}.made();
  write(folder / "whole", j, {.encoding = Encoding::Float64}, 5);
  const auto all = bytes_of(folder / "whole");
  const fs::path path = folder / "cut";
  for (std::size_t length = 1; length < all.size(); length += 23) {
    put(path, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(length)});
    DOCTEST_INFO(length, " of ", all.size());
    DOCTEST_CHECK(!message_of([&] { io::RowFile{path}; }).empty());
    if (length < 128) continue;  // within the header there is nothing to continue
    io::RowWriter writer(path, {.encoding = Encoding::Float64});
    const Tensor left = inf::Except{inf::All{}, writer.done()}(4, 3);
    Jacobian rest = j;
    rest.which = left.select(1, 0) * 3 + left.select(1, 1);
    if (left.size(0) > 0) rest.stream(std::ref(writer), 2);
    writer.finish();
    DOCTEST_CHECK(at::equal(dense_of(io::RowFile(path), j), j.dense));
  }
}

DOCTEST_TEST_CASE("whatever byte is changed, no row is silently another") {
  const Folder folder;
  const Jacobian j = Jacobian{.height = 4, .width = 3, .out_height = 4, .out_width = 3, .radius = 1}.made();
  write(folder / "whole", j, {.encoding = Encoding::Float64}, 5);
  const auto all = bytes_of(folder / "whole");
  const fs::path path = folder / "changed";
  std::size_t refused = 0, same = 0;
  for (std::size_t at = 0; at < all.size(); at += 5) {
    auto bytes = all;
    bytes[at] ^= 0x40;
    put(path, bytes);
    Tensor read;
    if (message_of([&] { read = dense_of(io::RowFile(path), j); }).empty()) {
      DOCTEST_INFO("byte ", at);
      DOCTEST_CHECK(at::equal(read, j.dense));  // padding
      ++same;
    } else {
      ++refused;
    }
  }
  DOCTEST_CHECK(refused > same);
}

DOCTEST_TEST_CASE("foreign files and other purposes are refused, and left as they are") {
  const Folder folder;
  const fs::path path = folder / "rows";
  put(path, std::vector<std::uint8_t>(500, 'a'));
  DOCTEST_CHECK(holds(message_of([&] { io::RowFile{path}; }), "no file of windowed rows"));
  DOCTEST_CHECK(holds(message_of([&] { io::RowWriter(path, {}); }), "no file of windowed rows"));
  DOCTEST_CHECK(fs::file_size(path) == 500);
  DOCTEST_CHECK(holds(message_of([&] { io::RowFile{folder / "missing"}; }), "no such file"));

  const Jacobian j = Jacobian{}.made();
  const fs::path mine = folder / "mine";
  write(mine, j, {.purpose = "one"});
  DOCTEST_CHECK(holds(message_of([&] { io::RowWriter(mine, {.purpose = "two"}); }), "another purpose"));
  DOCTEST_CHECK(holds(
      message_of([&] { io::RowWriter(mine, {.encoding = Encoding::Byte, .purpose = "one"}); }), "encoding"));
  io::RowWriter writer(folder / "new", {});
  writer(j.chunk);
  const Jacobian other = Jacobian{.height = 12}.made();
  DOCTEST_CHECK(holds(message_of([&] { writer(other.chunk); }), "these are of 12 x 9"));
  io::RowWriter empty(folder / "empty", {});
  DOCTEST_CHECK(holds(message_of([&] { empty.finish(); }), "no row was written"));
  DOCTEST_CHECK(
      holds(message_of([&] { io::RowWriter(folder / "no" / "folder", {})(j.chunk); }), "cannot open"));
  io::RowWriter narrow(folder / "narrow", {.encoding = Encoding::FileByte, .low = -0.1, .high = 0.1});
  DOCTEST_CHECK(holds(message_of([&] { narrow(j.chunk); }), "beyond the file's range"));
  Jacobian broken = j;
  broken.chunk.values = j.chunk.values.clone();
  broken.chunk.values[3][0][3][3] = INFINITY;
  DOCTEST_CHECK(
      holds(message_of([&] { io::RowWriter(folder / "infinite", {})(broken.chunk); }), "NaN or infinite"));
}

DOCTEST_TEST_CASE("dense rows are one npy array, of all outputs or of those that were announced") {
  const Folder folder;
  const Jacobian j = Jacobian{.channels = 2}.made();
  io::DenseRows all(folder / "all.npy");
  j.stream(std::ref(all), 10);
  all.finish();
  const Tensor read = io::read_npy(folder / "all.npy");
  DOCTEST_CHECK(read.sizes() == at::IntArrayRef({11, 9, 2, 11, 9}));
  DOCTEST_CHECK(at::equal(read.flatten(0, 1), j.dense));

  Jacobian some = j;
  some.which = at::tensor({7, 50, 90}, at::kLong);
  io::DenseRows few(folder / "few.npy", at::tensor({90, 7, 50}, at::kLong));
  some.stream(std::ref(few), 2);
  few.finish();
  DOCTEST_CHECK(at::equal(io::read_npy(folder / "few.npy"), j.dense.index_select(0, some.which)));
  io::DenseRows unknown(folder / "unknown.npy", at::tensor({7}, at::kLong));
  DOCTEST_CHECK(holds(message_of([&] { some.stream(std::ref(unknown), 2); }), "not announced"));
  io::DenseRows missing(folder / "missing.npy");
  some.stream(std::ref(missing), 2);
  DOCTEST_CHECK(holds(message_of([&] { missing.finish(); }), "3 rows came, expected 99"));
}
