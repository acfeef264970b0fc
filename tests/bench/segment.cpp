// SPDX-License-Identifier: BSD-3-Clause
// Superpixels, skeletons and fillings of a picture of vessels of 256 x 256, on one thread, against scikit-image's.
//   bench_segment [--python PYTHON --peer peer_segment.py] [--seconds S]
#include <unistd.h>

#include <ATen/Parallel.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <lumen/baseline/inpaint.hpp>
#include <lumen/data/synthetic.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/perturb/segment/branches.hpp>
#include <lumen/perturb/segment/felzenszwalb.hpp>
#include <lumen/perturb/segment/slic.hpp>

#include "bench/measure.hpp"
#include "bench/peer.hpp"

namespace bench = lumen::bench;
namespace fs = std::filesystem;
namespace perturb = lumen::perturb;
using lumen::Tensor;

int main(int argc, char** argv) try {
  std::string python, script;
  double seconds = 10.0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--python")
      python = value;
    else if (name == "--peer")
      script = value;
    else if (name == "--seconds")
      seconds = std::stod(value);
    else
      throw std::runtime_error("unknown option " + name);
  }
  at::set_num_threads(1);
  const auto sample = lumen::data::SyntheticVessels{.size = 256, .seed = 5}(3);
  const Tensor gray = sample.image.unsqueeze(0), rgb = at::cat({gray, gray.square(), gray.sqrt()}, 1),
               mask = sample.label.reshape({1, 1, 256, 256});
  std::unique_ptr<bench::Peer> peer;
  if (!python.empty()) {
    const fs::path file =
        fs::temp_directory_path() / ("lumen-bench-segment-" + std::to_string(getpid()) + ".npy");
    lumen::io::write_npy(file, at::cat({rgb[0], sample.label.unsqueeze(0).to(at::kFloat)}));
    peer = std::make_unique<bench::Peer>(python, script);
    (void)peer->ask("image " + file.string());
    fs::remove(file);
  }
  struct Case {
    std::string name;
    std::function<void()> work;
    bool theirs = true;
  };
  const std::vector<Case> cases{
      {"slic-50", [&] { (void)perturb::Slic{.segments = 50}(gray); }},
      {"slic-50-rgb", [&] { (void)perturb::Slic{.segments = 50}(rgb); }},
      {"slic-500-rgb", [&] { (void)perturb::Slic{.segments = 500}(rgb); }},
      {"felzenszwalb", [&] { (void)perturb::Felzenszwalb{}(gray); }},
      {"felzenszwalb-rgb", [&] { (void)perturb::Felzenszwalb{}(rgb); }},
      {"skeleton", [&] { (void)lumen::map::skeleton(lumen::map::view<std::int64_t>(sample.label)); }},
      {"branches", [&] { (void)perturb::Branches{perturb::GivenLabels{sample.label}}(gray); }, false},
      {"inpaint", [&] { (void)lumen::baseline::harmonic_filling(gray, mask); }, false},
  };
  std::cout << "case, ms, scikit-image ms, ratio\n" << std::fixed << std::setprecision(2);
  for (const Case& each : cases) {
    std::vector<bench::Timed> sides{bench::timed(each.work)};
    if (peer && each.theirs)
      sides.push_back([&](int repetitions) {
        return std::stod(peer->ask("time " + each.name + " " + std::to_string(repetitions)));
      });
    const auto times = bench::interleaved(sides, seconds);
    const double ours = bench::median(times[0]) * 1e3;
    std::cout << each.name << ", " << ours;
    if (times.size() > 1)
      std::cout << ", " << bench::median(times[1]) * 1e3 << ", " << bench::median(times[1]) * 1e3 / ours;
    std::cout << std::endl;
  }
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
