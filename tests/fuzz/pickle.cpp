// SPDX-License-Identifier: BSD-3-Clause
// Whatever bytes come as the pickle of a .pth file, every tensor lies inside its storage, or lumen::Error is
// thrown. Here the archive around it is whole, so that the fuzzer spends its time on the pickle.
#include <lumen/io/parse_pth.hpp>

#include <array>

#include "fuzz/inside.hpp"

namespace {

constexpr std::array<std::uint8_t, 4096> zeros{};

/// An archive that has the records that the pickle asks for, as long as it says, up to 4096 bytes.
struct Obliging {
  [[nodiscard]] std::span<const std::uint8_t> read(const std::string& name) const {
    for (const lumen::io::PickleNode& node : pickle.nodes)
      if (node.kind == lumen::io::PickleKind::Storage && name == lumen::text("data/", node.text)) {
        const auto width = static_cast<std::int64_t>(node.type == nullptr ? 1 : node.type->bytes);
        if (node.number <= static_cast<std::int64_t>(zeros.size()) / width)
          return std::span(zeros).first(static_cast<std::size_t>(node.number * width));
      }
    return zeros;
  }
  const lumen::io::Pickle& pickle;
  bool big = false;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lumen::io::Pickle pickle = lumen::io::parse_pickle({data, size});
    const Obliging archive{pickle};
    lumen::testing::check_inside(lumen::io::pth_detail::Collector(pickle, archive).collect(), zeros);
  } catch (const lumen::Error&) {
  }
  return 0;
}
