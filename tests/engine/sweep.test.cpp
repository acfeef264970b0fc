// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/sweep.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

using lumen::Error;
using lumen::Run;
using lumen::Tensor;

namespace {

constexpr std::int64_t kKilobyte = 1024;
using Chunks = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// The chunks of a sweep whose every row takes `row_bytes` for its time and `kept` bytes for good.
Chunks chunks(std::int64_t rows, std::int64_t granule, std::int64_t memory, std::int64_t row_bytes,
              std::int64_t kept = 0, std::int64_t bound = 0) {
  Chunks seen;
  std::vector<Tensor> keep;
  const auto visit = [&](std::int64_t first, std::int64_t count) {
    seen.emplace_back(first, count);
    const Tensor scratch = at::empty({count * row_bytes}, at::kByte);
    if (kept > 0) keep.push_back(at::empty({count * kept}, at::kByte));
  };
  lumen::sweep(rows, granule, Run{.memory = memory}, "rows", visit, bound);
  return seen;
}

void check_cover(const Chunks& seen, std::int64_t rows, std::int64_t granule) {
  std::int64_t next = 0;
  for (const auto& [first, count] : seen) {
    DOCTEST_CHECK(first == next);
    DOCTEST_CHECK(count > 0);
    DOCTEST_CHECK(count % granule == 0);
    next += count;
  }
  DOCTEST_CHECK(next == rows);
}

}  // namespace

DOCTEST_TEST_CASE("every row is visited once, in order, in whole granules") {
  for (const std::int64_t granule : {1, 2, 3, 7}) {
    for (std::int64_t granules = 1; granules <= 20; ++granules) {
      for (const std::int64_t memory : {1L, 1L, 3 * kKilobyte, 10 * kKilobyte, 1000 * kKilobyte}) {
        check_cover(chunks(granules * granule, granule, memory, kKilobyte), granules * granule, granule);
      }
    }
  }
}

//! [sweep]
DOCTEST_TEST_CASE("the first granule is measured, the rest fill the budget") {
  const Chunks seen = chunks(101, 1, 10 * kKilobyte, kKilobyte);
  DOCTEST_REQUIRE(seen.size() == 11);
  DOCTEST_CHECK(seen.front().second == 1);
  for (std::size_t i = 1; i < seen.size(); ++i) DOCTEST_CHECK(seen[i].second == 10);
}
//! [sweep]

DOCTEST_TEST_CASE("a known bound of a row's cost decides the first chunk, its measured cost the rest") {
  DOCTEST_CHECK(chunks(50, 1, 100 * kKilobyte, kKilobyte, 0, 2 * kKilobyte) == Chunks{{0, 50}});
  DOCTEST_CHECK(chunks(51, 1, 100 * kKilobyte, kKilobyte, 0, 2 * kKilobyte) == Chunks{{0, 26}, {26, 25}});
  DOCTEST_CHECK(chunks(60, 2, 8 * kKilobyte, kKilobyte, 0, 2 * kKilobyte).front().second == 4);
  DOCTEST_CHECK(chunks(60, 2, 8 * kKilobyte, kKilobyte, 0, 2 * kKilobyte)[1].second == 8);
  DOCTEST_CHECK(chunks(60, 2, 3 * kKilobyte, kKilobyte, 0, 2 * kKilobyte).front().second == 2);
}

DOCTEST_TEST_CASE("a run can hold the bound, which a sweep's own comes before") {
  const auto first = [](std::int64_t of_run, std::int64_t own) {
    std::int64_t rows = 0;
    const Run run{.memory = 100 * kKilobyte, .row_bytes = of_run};
    const auto visit = [&](std::int64_t, std::int64_t count) { rows = rows == 0 ? count : rows; };
    lumen::sweep(100, 1, run, "rows", visit, own);
    return rows;
  };
  DOCTEST_CHECK(first(0, 0) == 1);
  DOCTEST_CHECK(first(2 * kKilobyte, 0) == 50);
  DOCTEST_CHECK(first(2 * kKilobyte, 10 * kKilobyte) == 10);
  DOCTEST_CHECK_THROWS_WITH_AS((void)first(-1, 0),
                               doctest::Contains("run.row_bytes is -1, expected a number"), Error);
}

DOCTEST_TEST_CASE("no chunk but a lone granule takes more than the budget") {
  for (const std::int64_t memory : {1 * kKilobyte, 2 * kKilobyte, 7 * kKilobyte, 50 * kKilobyte}) {
    for (const auto& [first, count] : chunks(60, 2, memory, kKilobyte, 100)) {
      DOCTEST_CHECK((count == 2 || count * (kKilobyte + 100) <= memory));
    }
  }
}

DOCTEST_TEST_CASE("on a processor no tensor of a pass gets larger than 16 MiB, whatever the budget") {
  constexpr std::int64_t megabyte = kKilobyte * kKilobyte, memory = std::int64_t{1} << 40;
  const auto counts = [&](std::int64_t row, std::int64_t same, std::int64_t granule, std::int64_t known) {
    std::vector<std::int64_t> seen;
    const auto visit = [&](std::int64_t, std::int64_t count) {
      seen.push_back(count);
      const Tensor grows = at::empty({count * row}, at::kByte), constant = at::empty({same}, at::kByte);
    };
    lumen::sweep(60, granule, Run{.memory = memory}, "rows", visit, known > 0 ? 1 : 0, known);
    return seen;
  };
  using Counts = std::vector<std::int64_t>;
  // 1 row tells that 5 of 3 MiB go; 6 would not
  DOCTEST_CHECK(counts(3 * megabyte, 1, 1, 0) == Counts{1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 4});
  DOCTEST_CHECK(counts(3 * megabyte, 1, 2, 0)[1] == 4);
  // rows of more than that go one by one, once two have shown that it is they who take it
  DOCTEST_CHECK(counts(20 * megabyte, 1, 1, 0)[1] == 2);
  DOCTEST_CHECK(counts(20 * megabyte, 1, 1, 0)[2] == 1);
  // what is as large for any number of rows limits nothing
  DOCTEST_CHECK(counts(kKilobyte, 20 * megabyte, 1, 0) == Counts{1, 2, 57});
  // known beforehand, it decides the first chunk already
  DOCTEST_CHECK(counts(4 * megabyte, 1, 1, 4 * megabyte).front() == 4);
  DOCTEST_CHECK(counts(kKilobyte, 1, 1, kKilobyte) == Counts{60});
  // memory that is not a processor's is no matter
  DOCTEST_CHECK(lumen::engine::detail::Widest(0).granules() > 1'000'000);
}

DOCTEST_TEST_CASE("chunks are of nearly equal size") {
  const Chunks seen = chunks(1 + 11, 1, 10 * kKilobyte, kKilobyte);
  DOCTEST_REQUIRE(seen.size() == 3);
  DOCTEST_CHECK(seen[1].second == 6);
  DOCTEST_CHECK(seen[2].second == 5);
}

DOCTEST_TEST_CASE("a row that turns out dearer makes the following chunks smaller") {
  Chunks seen;
  lumen::sweep(64, 1, Run{.memory = 16 * kKilobyte}, "rows", [&](std::int64_t first, std::int64_t count) {
    seen.emplace_back(first, count);
    const Tensor scratch = at::empty({count * (first < 10 ? 1 : 4) * kKilobyte}, at::kByte);
  });
  check_cover(seen, 64, 1);
  DOCTEST_CHECK(seen.back().second <= 4);
  DOCTEST_CHECK(seen[1].second > 10);
}

DOCTEST_TEST_CASE("a budget below one granule still works, one granule at a time") {
  DOCTEST_CHECK(chunks(6, 2, 1, kKilobyte) == Chunks{{0, 2}, {2, 2}, {4, 2}});
}

DOCTEST_TEST_CASE("what fits one granule is one visit") {
  DOCTEST_CHECK(chunks(5, 5, 1, kKilobyte) == Chunks{{0, 5}});
  DOCTEST_CHECK(chunks(1, 1, 1, kKilobyte) == Chunks{{0, 1}});
}

//! [progress]
DOCTEST_TEST_CASE("progress is told after every visit, up to the total") {
  std::vector<std::int64_t> heard;
  const lumen::Progress sink = [&](std::string_view what, std::int64_t done, std::int64_t total) {
    DOCTEST_CHECK(what == "rows");
    DOCTEST_CHECK(total == 4);
    heard.push_back(done);
  };
  lumen::sweep(4, 1, lumen::Run{.memory = 1, .progress = sink}, "rows",
               [](std::int64_t, std::int64_t) { (void)at::ones({4}); });
  DOCTEST_CHECK(heard == std::vector<std::int64_t>{1, 2, 3, 4});
}
//! [progress]

DOCTEST_TEST_CASE("a lone visit is told of too") {
  std::string heard;
  const Run run{.progress = [&](std::string_view what, std::int64_t done, std::int64_t total) {
    heard += std::string(what) + std::to_string(done) + "/" + std::to_string(total);
  }};
  lumen::sweep(3, 3, run, "x", [](std::int64_t, std::int64_t) {});
  DOCTEST_CHECK(heard == "x3/3");
}

DOCTEST_TEST_CASE("a budget that is not positive is refused") {
  for (const std::int64_t memory : {0L, -1L}) {
    DOCTEST_CHECK_THROWS_WITH_AS(
        lumen::sweep(4, 1, Run{.memory = memory}, "x", [](std::int64_t, std::int64_t) {}),
        doctest::Contains("give run.memory a positive number of bytes"), Error);
  }
}

DOCTEST_TEST_CASE("an exception inside passes through, and leaves no meter behind") {
  const auto slot = [] { return c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::PROFILER_STATE); };
  DOCTEST_CHECK_THROWS_WITH_AS(lumen::sweep(4, 1, Run{}, "x",
                                            [&](std::int64_t, std::int64_t) {
                                              DOCTEST_CHECK(slot() != nullptr);
                                              throw std::runtime_error("inside");
                                            }),
                               "inside", std::runtime_error);
  DOCTEST_CHECK(slot() == nullptr);
  const Run run{
      .progress = [](std::string_view, std::int64_t, std::int64_t) { throw std::runtime_error("enough"); }};
  DOCTEST_CHECK_THROWS_WITH_AS(lumen::sweep(4, 1, run, "x", [](std::int64_t, std::int64_t) {}), "enough",
                               std::runtime_error);
  DOCTEST_CHECK(slot() == nullptr);
}

DOCTEST_TEST_CASE("a sweep inside a sweep is measured by both") {
  std::int64_t inner_visits = 0;
  std::vector<std::int64_t> outer;
  lumen::sweep(9, 1, Run{.memory = 8 * kKilobyte}, "outer", [&](std::int64_t, std::int64_t count) {
    outer.push_back(count);
    lumen::sweep(count * 2, 1, Run{.memory = 1}, "inner", [&](std::int64_t, std::int64_t rows) {
      ++inner_visits;
      const Tensor scratch = at::empty({rows * 2 * kKilobyte}, at::kByte);
    });
  });
  DOCTEST_CHECK(inner_visits == 18);
  DOCTEST_CHECK(outer.front() == 1);
  DOCTEST_CHECK(outer[1] == 4);
}

DOCTEST_TEST_CASE("run.stop ends it between chunks: loudly, or with the number of rows that were visited") {
  std::int64_t asked = 0;
  const Run run{.memory = 1, .stop = [&] { return ++asked == 3; }};
  std::int64_t visited = 0;
  const auto visit = [&](std::int64_t, std::int64_t count) {
    visited += count;
    (void)at::ones({4});
  };
  DOCTEST_CHECK(lumen::sweep_until_stopped(10, 1, run, "rows", visit) == 3);
  DOCTEST_CHECK(visited == 3);
  asked = 0;
  DOCTEST_CHECK_THROWS_AS(lumen::sweep(10, 1, run, "rows", visit), lumen::Stopped);
  asked = 2;  // what is finished is not stopped
  DOCTEST_CHECK_NOTHROW(lumen::sweep(1, 1, run, "rows", visit));
}
