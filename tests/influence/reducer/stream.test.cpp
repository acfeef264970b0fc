// SPDX-License-Identifier: BSD-3-Clause
// Rows of a network, reduced, stored and read again, as a user writes it; against the dense Jacobian.
#include <lumen/influence/reducer/reduce.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <tuple>

#include <unistd.h>

#include <doctest/doctest.h>

#include <lumen/influence/except.hpp>
#include <lumen/influence/field/effective.hpp>
#include <lumen/influence/field/gaussian.hpp>
#include <lumen/influence/normalise.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/io/rows/reader.hpp>
#include <lumen/io/rows/writer.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace lm = lumen;
using lm::Tensor;
using lm::testing::all_close;
namespace nets = lm::testing::nets;

namespace {

const nets::Segmentation net;
const Tensor image = nets::random({1, 1, 10, 9}, 31);

/// [90, 90]: every row by a backward pass of its own.
Tensor dense_jacobian() {
  const at::AutoGradMode enable(true);
  const Tensor x = image.clone().requires_grad_(true);
  const Tensor probability = at::softmax(net(x), 1)[0][1].flatten();
  std::vector<Tensor> rows;
  for (std::int64_t p = 0; p < 90; ++p)
    rows.push_back(torch::autograd::grad({probability[p]}, {x}, {}, /*retain_graph=*/true).front().flatten());
  return at::stack(rows);
}

}  // namespace

DOCTEST_TEST_CASE("rows of a network are reduced in one pass") {
  //! [reduce]
  namespace inf = lm::influence;
  const lm::AnyTarget vessel = lm::target::Softmax{lm::target::Class{.index = 1}};
  const auto stream = [&](const inf::RowSink& sink) { inf::rows(net, image, inf::All{}, {vessel}, sink); };

  const inf::Threshold of_image{.level = 0.01, .of = inf::Threshold::Of::Image, .signed_maximum = true};
  const inf::Threshold of_row{.level = 0.1, .of = inf::Threshold::Of::Row};
  const auto found = inf::Reduce{}(stream, inf::Count{of_image}, inf::Fulfilment{of_row}, inf::PositiveMass{},
                                   inf::ActivationMaps{}, inf::EffectiveField{});
  const auto& [count, fulfilment, mass, of_input, fields] =
      found.results;  // [H, W] each, maps of the input, fields
  const inf::Gaussian field = inf::fit_gaussian(fields[0].energy);
  const Tensor shown = inf::by_range(count);  // in [0, 1]; 0 where all counts are equal
  //! [reduce]
  const Tensor j = dense_jacobian();
  const double threshold = 0.01 * j.max().item<double>();
  DOCTEST_CHECK(all_close(count.flatten(), j.abs().gt(threshold).sum(1).to(at::kDouble)));
  DOCTEST_CHECK(all_close(mass.flatten(), j.clamp_min(0).sum(1), 1e-12));
  DOCTEST_CHECK(all_close(of_input.mean.flatten(), j.mean(0), 1e-12));
  DOCTEST_CHECK(all_close(of_input.highest.flatten(), j.amax(0), 1e-12));
  DOCTEST_CHECK(found.peaks.highest == doctest::Approx(j.max().item<double>()).epsilon(1e-12));
  DOCTEST_CHECK(fulfilment.le(1).all().item<bool>());
  DOCTEST_CHECK(fields[0].energy.size(0) <= 19);
  DOCTEST_CHECK(field.sigma_row < 3);
  DOCTEST_CHECK(shown.max().item<double>() == 1);
}

DOCTEST_TEST_CASE("a stream that is stopped leaves the statistics of what came until then") {
  const lm::AnyTarget vessel = lm::target::Softmax{lm::target::Class{.index = 1}};
  int asked = 0;
  const auto late = [&] { return ++asked > 2; };
  namespace inf = lm::influence;
  inf::Options options{.run = {.memory = 1}};  // one row a chunk
  //! [stopped]
  options.run.stop = late;
  const auto stream = [&](const inf::RowSink& sink) {
    try {
      inf::rows(net, image, inf::All{}, {vessel}, sink, options);
    } catch (const lm::Stopped&) {  // what came until then is kept
    }
  };
  const auto found = inf::Reduce{}(stream, inf::Mass{});
  const Tensor mass = std::get<0>(found.results);  // NaN at the pixels that were not reached
  //! [stopped]
  const Tensor reached = mass.flatten().isnan().logical_not();
  DOCTEST_CHECK(found.rows > 0);
  DOCTEST_CHECK(found.rows < 90);
  DOCTEST_CHECK(reached.sum().item<std::int64_t>() == found.rows);
  DOCTEST_CHECK(
      all_close(mass.flatten().index({reached}), dense_jacobian().abs().sum(1).index({reached}), 1e-12));
}

DOCTEST_TEST_CASE("rows are stored, and reduced from the file as often as wanted") {
  const auto path =
      std::filesystem::temp_directory_path() / ("lumen-stream-" + std::to_string(::getpid()) + ".lrow");
  std::filesystem::remove(path);
  //! [store]
  namespace inf = lm::influence;
  const lm::AnyTarget vessel = lm::target::LogOdds{lm::target::Class{.index = 1}};
  lm::io::RowWriter writer(
      path, {.encoding = lm::io::rows::Encoding::Float64, .purpose = "my net, image 7, log-odds"});
  if (!writer.finished()) {  // a file that a killed run left behind is continued
    inf::rows(net, image, inf::Except{inf::All{}, writer.done()}, {vessel}, std::ref(writer));
    writer.finish();
  }
  const lm::io::RowFile file(path);
  const Tensor one = file.row(4, 5).dense();  // [1, C, H, W], read from its place in the file
  const auto found = lm::influence::Reduce{}(file, inf::Count{}, inf::Mass{});  // a file is a stream
  //! [store]
  const auto [count, mass] = found.results;
  DOCTEST_CHECK(mass[4][5].item<double>() == doctest::Approx(one.abs().sum().item<double>()).epsilon(1e-12));
  const auto direct = inf::Reduce{}(
      [&](const inf::RowSink& sink) { inf::rows(net, image, inf::All{}, {vessel}, sink); }, inf::Count{});
  DOCTEST_CHECK(at::equal(count, std::get<0>(direct.results)));
  std::filesystem::remove(path);
}
