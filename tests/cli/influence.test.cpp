// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <csignal>

#include <sys/wait.h>

#include <lumen/influence/normalise.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/io/rows/reader.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

namespace lm = lumen;
namespace cli = lumen::testing::cli;
namespace inf = lumen::influence;
using cli::World;
using lumen::Tensor;
using nlohmann::json;

namespace {

const lm::AnyTarget probability = lm::target::Softmax{lm::target::Class{.index = 1}};

std::string asked(const World& world, const std::string& more) {
  return "influence --model " + world.at("dense.pt") + " --input " + world.at("gray.npy") +
         " --target softmax:1 " + more;
}

Tensor x_of(const World& world) { return world.gray.unsqueeze(0); }

template <class... S>
auto reduced(const World& world, const inf::Outputs& outputs, S... statistics) {
  const lm::script::Network net = lm::script::load(world.at("dense.pt"));
  return inf::Reduce{}(
      [&](const inf::RowSink& sink) { inf::rows(net, x_of(world), outputs, {probability}, sink); },
      std::move(statistics)...);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && at::allclose(a, b, 1e-4, 1e-7, /*equal_nan=*/true);
}

}  // namespace

DOCTEST_TEST_CASE("influence writes one image a reducer, equal to the library's, and what it found") {
  const World world;
  const std::string out = world.at("found");
  const cli::Ran ran = world.run(asked(
      world,
      "--json --reduce count:global-signed:0.01 --reduce positive-mass --reduce fulfilment:own:0.1 --out " +
          out));
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const auto found =
      reduced(world, inf::All{}, inf::Count{{.level = 0.01, .signed_maximum = true}}, inf::PositiveMass{},
              inf::Fulfilment{{.level = 0.1, .of = inf::Threshold::Of::Row}});
  const auto& [count, mass, fulfilment] = found.results;
  DOCTEST_CHECK(same(lm::io::read_npy(out + "/count-global-signed-0.01.npy"), count));
  DOCTEST_CHECK(same(lm::io::read_npy(out + "/positive-mass.npy"), mass));
  DOCTEST_CHECK(same(lm::io::read_npy(out + "/fulfilment-own-0.1.npy"), fulfilment));
  DOCTEST_CHECK(lm::io::read_npy(out + "/input-mean.npy").sizes() == at::IntArrayRef({8, 10}));
  const json summary = ran.json();
  DOCTEST_CHECK(summary == json::parse(cli::contents(out + "/summary.json")));
  DOCTEST_CHECK(summary["rows"] == 80);
  DOCTEST_CHECK(summary["highest"].get<double>() == doctest::Approx(found.peaks.highest).epsilon(1e-4));
  const json& line = summary["reducers"][1];
  DOCTEST_CHECK(line["reducer"] == "count:global-signed:0.01");
  DOCTEST_CHECK(line["values"]["max"].get<double>() == count.max().item<double>());
  const Tensor score = lm::io::read_npy(out + "/score.npy");
  DOCTEST_CHECK(line["against_score"]["slope"].get<double>() ==
                doctest::Approx(inf::linear_fit(score, count).slope).epsilon(1e-3));
  DOCTEST_CHECK(lm::io::read_image(out + "/count-global-signed-0.01.png").size(0) == 3);
  DOCTEST_CHECK_FALSE(std::filesystem::exists(out + "/rows.lrow"));
}

DOCTEST_TEST_CASE("pixels that are left out are NaN; rows are written dense, and kept as windows") {
  const World world;
  const std::string out = world.at("few");
  const cli::Ran ran =
      world.run(asked(world, "--outputs 'pixels:5,7;0,1' --reduce mass --save-rows " + world.at("rows.npy") +
                                 " --store " + world.at("rows.lrow") + " --out " + out));
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const auto found = reduced(world, inf::Pixels{{{5, 7}, {0, 1}}}, inf::Mass{});
  const Tensor mass = lm::io::read_npy(out + "/mass.npy");
  DOCTEST_CHECK(same(mass, std::get<0>(found.results)));
  DOCTEST_CHECK(mass.isnan().sum().item<std::int64_t>() == 78);
  const Tensor rows = lm::io::read_npy(world.at("rows.npy"));
  DOCTEST_CHECK(rows.sizes() == at::IntArrayRef({2, 1, 8, 10}));
  DOCTEST_CHECK(rows[1].abs().sum().item<double>() ==
                doctest::Approx(mass[5][7].item<double>()).epsilon(1e-5));
  const lm::io::RowFile file(world.at("rows.lrow"));
  DOCTEST_CHECK(same(file.row(0, 1).dense()[0], rows[0]));

  lm::io::write_npy(world.at("mask.npy"), at::eye(8, 10).to(at::kByte) * 255);
  DOCTEST_REQUIRE(
      world.run(asked(world, "--outputs " + world.at("mask.npy") + " --no-resume --reduce mass --out " + out))
          .code == 0);
  DOCTEST_CHECK(lm::io::read_npy(out + "/mass.npy").isnan().sum().item<std::int64_t>() == 72);
}

DOCTEST_TEST_CASE("a run that was killed goes on where it was, and ends as if it had not been") {
  const World world;
  lm::io::write_npy(world.at("wide.npy"),
                    at::sigmoid(lm::testing::nets::random({1, 40, 50}, 9, 1.0)).to(at::kFloat));
  const std::string all = "influence --model " + world.at("dense.pt") + " --input " + world.at("wide.npy") +
                          " --target softmax:1 --way whole --memory 2000 --reduce count --reduce gini --out ";
  DOCTEST_REQUIRE(world.run(all + world.at("whole")).code == 0);
  // killed as soon as there are rows on the disk; 2000 of them take seconds
  const std::string out = world.at("killed"), rows = out + "/rows.lrow";
  const std::string script = "{ " + std::string(LUMEN_PROGRAM) + " " + all + out +
                             " >/dev/null 2>&1 & } ; pid=$!; for i in $(seq 3000); do "
                             "[ \"$(stat -c %s " +
                             rows +
                             " 2>/dev/null || echo 0)\" -gt 20000 ] && break; "
                             "sleep 0.01; done; kill -9 $pid";
  (void)std::system(script.c_str());
  DOCTEST_REQUIRE(std::filesystem::exists(rows));
  const cli::Ran ran = world.run(all + out + " --json");
  DOCTEST_INFO(ran.err);
  DOCTEST_REQUIRE(ran.code == 0);
  const auto resumed = ran.json()["stream"]["resumed_rows"].get<std::int64_t>();
  DOCTEST_INFO("rows that were there: ", resumed);
  DOCTEST_CHECK(resumed > 0);
  DOCTEST_CHECK(resumed < 2000);
  for (const char* name : {"/count.npy", "/gini.npy", "/input-mean.npy"})
    DOCTEST_CHECK(
        same(lm::io::read_npy(world.at("killed") + name), lm::io::read_npy(world.at("whole") + name)));
}

DOCTEST_TEST_CASE("what influence cannot do is told in one line") {
  const World world;
  const auto error = [&](const std::string& more) {
    const cli::Ran ran = world.run(asked(world, more + " --out " + world.at("no")));
    DOCTEST_CHECK(ran.code == 1);
    return ran.err;
  };
  const auto holds = [](const std::string& all, const char* part) {
    return all.find(part) != std::string::npos;
  };
  DOCTEST_CHECK(holds(error("--reduce cuont"), "there is no such reducer"));
  DOCTEST_CHECK(holds(error("--reduce count:global:x"), "x"));
  DOCTEST_CHECK(holds(error("--reduce count:all:1"), "none of global"));
  DOCTEST_CHECK(holds(error("--reduce mass --reduce mass"), "given twice"));
  DOCTEST_CHECK(holds(error("--reduce mass --outputs every:0"), "expected a step"));
  DOCTEST_CHECK(holds(error("--reduce mass --outputs pixels:80,1"), "outside the output"));
  DOCTEST_CHECK(holds(error("--reduce mass --outputs nowhere.png"), "nowhere.png"));
  DOCTEST_CHECK(holds(error(""), "nothing is asked for"));
  DOCTEST_CHECK(holds(error("--reduce mass --store-as byte"), "--store"));
  lm::io::write_npy(world.at("flat.npy"), at::ones({3}));
  const cli::Ran flat = world.run("influence --model " + world.at("dense.pt") + " --input " +
                                  world.at("flat.npy") + " --target 1 --reduce mass --out " + world.at("no"));
  DOCTEST_CHECK(flat.code == 1);
}
