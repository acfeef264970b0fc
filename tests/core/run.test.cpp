// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/run.hpp>

#include <doctest/doctest.h>

#include <type_traits>

static_assert(std::is_aggregate_v<lumen::Run>);

DOCTEST_TEST_CASE("a run is silent, keyed by position, and takes 128 MiB unless told otherwise") {
  const lumen::Run run;
  DOCTEST_CHECK(run.memory == 128LL * 1024 * 1024);
  DOCTEST_CHECK_FALSE(static_cast<bool>(run.progress));
  DOCTEST_CHECK(run.samples.empty());
  DOCTEST_CHECK(run.row_bytes == 0);

  const lumen::Run own{.memory = 1, .samples = {4, 2}};
  DOCTEST_CHECK(own.memory == 1);
  DOCTEST_CHECK(own.samples == std::vector<std::int64_t>{4, 2});
}
