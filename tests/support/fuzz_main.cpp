// SPDX-License-Identifier: BSD-3-Clause
// Drives a fuzz target where libFuzzer is absent: every file named on the command line as it is, cut at
// many lengths, and mutated at random from a fixed seed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr int mutations_per_file = 2000;
constexpr std::size_t cuts_per_file = 500;

Bytes read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::ios_base::failure(std::string("cannot read ") + path);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

Bytes mutate(Bytes bytes, std::mt19937_64& random) {
  static constexpr std::uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (std::size_t left = 1 + below(8); left > 0; --left) {
    if (bytes.empty()) bytes.push_back(static_cast<std::uint8_t>(below(256)));
    // Headers decide most: half of the changes fall into the first 64 bytes.
    const std::size_t at = below(below(2) == 0 ? std::min<std::size_t>(bytes.size(), 64) : bytes.size());
    switch (below(5)) {
      case 0:
        bytes[at] = telling[below(std::size(telling))];
        break;
      case 1:
        bytes[at] = static_cast<std::uint8_t>(below(256));
        break;
      case 2:
        bytes[at] ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 3:
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      default:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), telling[below(std::size(telling))]);
    }
  }
  return bytes;
}

void run(const Bytes& bytes) { LLVMFuzzerTestOneInput(bytes.data(), bytes.size()); }

}  // namespace

int main(int argc, char** argv) {
  std::vector<Bytes> seeds;
  for (int i = 1; i < argc; ++i) seeds.push_back(read(argv[i]));
  if (seeds.empty()) seeds.emplace_back();
  std::mt19937_64 random(1);
  std::size_t inputs = 0;
  for (const Bytes& seed : seeds) {
    run(seed);
    const std::size_t step = std::max<std::size_t>(1, seed.size() / cuts_per_file);
    for (std::size_t n = 0; n < seed.size(); n += step, ++inputs) {
      run(Bytes(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(n)));
    }
    for (int i = 0; i < mutations_per_file; ++i, ++inputs) run(mutate(seed, random));
  }
  std::cout << inputs << " inputs from " << seeds.size() << " files, none of them harmful\n";
}
