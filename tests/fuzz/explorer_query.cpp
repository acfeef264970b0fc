// SPDX-License-Identifier: BSD-3-Clause
// What the explorer reads of a request: parameters, targets, hosts. Anything but a Refusal is a finding.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "../../examples/explorer/guard.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto quiet = [](const auto& ask) {
    try {
      ask();
    } catch (const explorer::Refusal& refusal) {
      if (refusal.status < 400 || refusal.status > 499) __builtin_trap();
    }
  };
  quiet([&] {
    const explorer::Asked asked = explorer::parse_asked(all, 37, 41);
    if (asked.row < 0 || asked.row_end > 37 || asked.row >= asked.row_end || asked.column < 0 ||
        asked.column_end > 41 || asked.column >= asked.column_end)
      __builtin_trap();
  });
  quiet([&] {
    std::multimap<std::string, std::string> given;
    std::string_view rest = all;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const std::size_t equals = std::min(line.find('='), line.size());
      given.emplace(std::string(line.substr(0, equals)),
                    std::string(line.substr(std::min(line.size(), equals + 1))));
    }
    const explorer::Query query(given, {"a", "b", "set.*"});
    (void)query.settings();
    quiet([&] {
      const std::int64_t a = query.integer("a", -3, 9);
      if (a < -3 || a > 9) __builtin_trap();
    });
    quiet([&] {
      const double b = query.number("b", 0, 100);
      if (!(b > 0 && b <= 100)) __builtin_trap();
    });
  });
  (void)explorer::host_allowed(all, {"127.0.0.1", "localhost"}, 8050);
  (void)explorer::origin_allowed(all, {"127.0.0.1"}, 8050);
  if (explorer::shown_name(all).size() > 80) __builtin_trap();
  return 0;
}
