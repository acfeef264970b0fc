// SPDX-License-Identifier: BSD-3-Clause
// Every row of one image with every reducer: seconds, rows a second and the most memory that the process held. Beside it
// the way of the published study, a whole backward pass a row, on a sample of rows.
//
//     bench_all_rows --vessmap FOLDER [--every K] [--whole ROWS] [--threads N]
#include <ATen/Parallel.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include <lumen/core/error.hpp>
#include <lumen/data/vessmap.hpp>
#include <lumen/influence/field/effective.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/extremes.hpp>
#include <lumen/influence/reducer/histogram.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/influence/statistic/sparsity.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "bench/measure.hpp"

namespace influence = lumen::influence;
using Clock = std::chrono::steady_clock;
using lumen::Tensor;

namespace {

double since(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

void tell(const std::string& what, std::int64_t rows, double seconds, std::int64_t all) {
  const double rate = static_cast<double>(rows) / seconds;
  std::cout << what << ": " << rows << " rows in " << seconds << " s, " << rate << " rows/s";
  if (rows < all) std::cout << "; all " << all << " would take " << static_cast<double>(all) / rate << " s";
  std::cout << ", most memory of the process " << (lumen::bench::process_bytes("VmHWM") >> 20) << " MiB"
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  std::string vessmap;
  std::int64_t every = 1, whole = 16;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--vessmap")
      vessmap = value;
    else if (key == "--every")
      every = std::stoll(value);
    else if (key == "--whole")
      whole = std::stoll(value);
    else if (key == "--threads")
      at::set_num_threads(std::stoi(value));
    else
      throw lumen::Error("unknown option " + key);
  }
  lumen::require(std::filesystem::is_directory(vessmap),
                 "give --vessmap a folder of VessMAP (images, labels)");
  const auto sample = lumen::data::read_vessmap(vessmap).front();
  const Tensor x = sample.image.unsqueeze(0), vessels = sample.label > 0;
  auto net = lumen::net::seeded(1, [] { return lumen::net::UNet(); });
  net->eval();
  const auto run = [&](const Tensor& at) { return net->forward(at); };
  const lumen::Targets probability{lumen::target::Softmax{lumen::target::Class{.index = 1}}};
  const std::int64_t all = x.size(2) * x.size(3);
  std::cout << "U-Net of 482,466 parameters, " << x.size(2) << " x " << x.size(3)
            << ", threads: " << at::get_num_threads() << std::endl;

  influence::Report report;
  double in_sinks = 0.0;
  const auto begin = Clock::now();
  const influence::Threshold of_image{
      .level = 0.01, .of = influence::Threshold::Of::Image, .signed_maximum = true},
      of_row{.level = 0.1, .of = influence::Threshold::Of::Row};
  const auto found = influence::Reduce{}(
      [&](const influence::RowSink& sink) {
        report = influence::rows(run, x, influence::Every{.step = every}, probability, sink);
        in_sinks += report.sink_seconds;
      },
      influence::Count{of_image}, influence::BoxArea{of_image}, influence::Fulfilment{of_row},
      influence::PositiveMass{}, influence::NegativeMass{}, influence::Mass{}, influence::NetMass{},
      influence::Energy{}, influence::Highest{}, influence::Lowest{}, influence::Peak{}, influence::Gini{},
      influence::Hoyer{}, influence::EnergyRadius{}, influence::CentroidOffset{},
      influence::CentroidDistance{}, influence::MassInside{vessels}, influence::ActivationMaps{},
      influence::ValueHistogram{}, influence::Extremes{influence::Mass{}}, influence::EffectiveField{});
  tell("every reducer", found.rows, since(begin), all);
  std::cout << "  of which " << in_sinks << " s in the reducers; the rows were computed " << found.streams
            << (found.streams == 1 ? " time" : " times")
            << ", window by window: " << (report.way == influence::Way::Whole ? report.why : "yes")
            << std::endl;

  influence::Pixels some;
  for (std::int64_t i = 0; i < whole; ++i)
    some.places.push_back({(i * 37) % x.size(2), (i * 101) % x.size(3)});
  const auto dense = Clock::now();
  (void)influence::rows(run, x, some, probability, [](const influence::RowChunk&) {},
                        {.way = influence::Way::Whole});
  tell("a whole backward pass a row", whole, since(dense), all);
  return EXIT_SUCCESS;
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
