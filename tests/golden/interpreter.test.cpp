// SPDX-License-Identifier: BSD-3-Clause
#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <iostream>
#include <set>
#include <string>

#include <lumen/core/error.hpp>

#include "support/shared.hpp"

namespace golden = lumen::testing::golden;
using lumen::Tensor;
using lumen::text;

DOCTEST_TEST_CASE("every model of the golden file gives the recorded output on the inputs of every case") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const golden::File file = golden::read(*path);
  DOCTEST_REQUIRE(!file.cases.empty());
  int checked = 0;
  int without_output = 0;
  std::set<std::string> models;
  for (const golden::Case& one : file.cases) {
    DOCTEST_CAPTURE(one.id);
    DOCTEST_CHECK_MESSAGE(one.unreadable.empty(), one.unreadable);
    if (!one.model_output.defined()) {
      ++without_output;
      continue;
    }
    const golden::Model& model = file.model(one.model);
    const Tensor output = model.run(golden::arguments(one.inputs, one.additional)).to(at::kDouble);
    DOCTEST_REQUIRE(output.sizes() == one.model_output.sizes());
    const double scale = one.model_output.abs().max().item<double>();
    const double error = (output - one.model_output).abs().max().item<double>();
    DOCTEST_CHECK(error <= 1e-5 * (1.0 + scale));
    models.insert(one.model);
    ++checked;
  }
  std::cout << "golden: " << checked << " model outputs of " << file.cases.size() << " cases on "
            << models.size() << " models agree; " << without_output << " cases record none\n";
  DOCTEST_CHECK(checked + without_output == static_cast<int>(file.cases.size()));
  DOCTEST_CHECK(models.size() == file.models.size());
}

DOCTEST_TEST_CASE("a case that cannot be read says so, and leaves the others alone") {
  const auto read = [](const char* baselines) {
    const golden::Json json = golden::Json::parse(text(
        R"({"id": "a", "tier": "t", "kind": "attribution", "method": "Occlusion", "model": "m", "inputs": 1,
            "seed_independent": true, "expected": {"": {"value": 1, "tolerance": 0, "tolerance_mode": "max"}},
            "baselines": )",
        baselines, "}"));
    golden::Case one = golden::name_of_case(json);
    golden::read_or_say(json, one);
    return one;
  };
  DOCTEST_CHECK(read("0.5").unreadable.empty());
  DOCTEST_CHECK(read(R"({"callable": "lambda x: x"})").unreadable.find("lambda x: x") != std::string::npos);
  DOCTEST_CHECK(read(R"({"callable": "lambda x: x"})").method == "Occlusion");
}

DOCTEST_TEST_CASE("the interpreter knows every operator that the header names") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  for (const std::string name : {"linear",        "conv1d",       "conv2d",       "conv3d",
                                 "relu",          "tanh",         "sigmoid",      "elu",
                                 "leaky_relu",    "softplus",     "softmax",      "maxpool1d",
                                 "maxpool2d",     "maxpool3d",    "avgpool2d",    "adaptive_avgpool2d",
                                 "batchnorm2d",   "embedding",    "add",          "add_optional",
                                 "sub",           "rsub",         "mul",          "div",
                                 "cat",           "cat_flat",     "select",       "select_arg",
                                 "getitem",       "unsqueeze",    "sum",          "reshape",
                                 "reshape_batch", "identity",     "dropout_eval", "to_float",
                                 "coalesce",      "first_or_zero"})
    DOCTEST_CHECK_MESSAGE(golden::operators().contains(name), name);
}

DOCTEST_TEST_CASE("a hook sees every value by name and module, and may replace it") {
  const golden::Model model = golden::read_model("toy", golden::Json::parse(R"({
    "training_mode": false, "inputs": ["x", "y=null"], "output": "out", "params": {},
    "nodes": [{"out": "s", "op": "add_optional", "args": ["x", "y"]},
              {"out": "r", "op": "relu", "args": ["s"], "module": "act"},
              {"out": "out", "op": "mul", "args": ["r", 3]}]})"));
  const golden::List inputs{{at::tensor({-1.0, 2.0})}};
  DOCTEST_CHECK(model.run(inputs).equal(at::tensor({0.0, 6.0})));
  DOCTEST_CHECK(model.value_of("act", inputs).equal(at::tensor({0.0, 2.0})));
  DOCTEST_CHECK(model.value_of("s", inputs).equal(at::tensor({-1.0, 2.0})));
  const Tensor replaced = model.run(inputs, [](const golden::Node& node, const Tensor& value) {
    return node.module == "act" ? value + 1.0 : value;
  });
  DOCTEST_CHECK(replaced.equal(at::tensor({3.0, 9.0})));
  DOCTEST_CHECK_THROWS_AS((void)model.value_of("nowhere", inputs), std::runtime_error);
  DOCTEST_CHECK_THROWS_AS((void)model.run({}), std::runtime_error);
}

DOCTEST_TEST_CASE("the reader refuses what it does not understand") {
  DOCTEST_CHECK_THROWS_AS((void)golden::nested(golden::Json::parse("[[1, 2], [3]]")), std::runtime_error);
  DOCTEST_CHECK_THROWS_AS((void)golden::scalar_type("complex64"), std::runtime_error);
  const golden::Node node =
      golden::read_node(golden::Json::parse(R"({"out": "a", "op": "fold", "args": []})"));
  DOCTEST_CHECK_THROWS_AS((void)golden::apply(node, {}, {}), std::runtime_error);
}

DOCTEST_TEST_CASE("an expected value is met or missed by its own measure, and a wrong shape never meets it") {
  golden::Expected expected{"", at::tensor({1.0, 2.0}, at::kDouble), 0.1, true, false};
  DOCTEST_CHECK(expected.error(at::tensor({1.1, 2.1}, at::kDouble)) == doctest::Approx(0.2));
  expected.sum = false;
  DOCTEST_CHECK(expected.error(at::tensor({1.1, 2.1}, at::kDouble)) == doctest::Approx(0.1));
  DOCTEST_CHECK(std::isinf(expected.error(at::zeros({3}))));
  DOCTEST_CHECK(std::isinf(expected.error(Tensor())));
  DOCTEST_CHECK(!(expected.error(at::full({2}, std::nan(""))) <= 0.1));
}
