// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/script/output.hpp>

#include <doctest/doctest.h>

#include <string>

#include <lumen/script/network.hpp>

#include <script/models.hpp>
#include <support/allclose.hpp>
#include <support/message.hpp>

namespace lumen {
namespace {

using namespace testing::script_models;
using script::Network;
using testing::holds;
using testing::max_error;
using testing::message_of;

torch::jit::Module returning(const std::string& type, const std::string& value) {
  torch::jit::Module made = module("Several");
  made.define("def forward(self, x) -> " + type + ":\n  return " + value + "\n");
  return made;
}

DOCTEST_TEST_CASE("A part of a dictionary is chosen by its key") {
  const auto made = returning("Dict[str, Tensor]", "{'out': x * 2.0, 'aux': x * 3.0}");
  const Tensor x = testing::nets::random({2, 3}, 1);
  //! [output]
  const lumen::script::Network net(made, {.output = {"out"}});
  //! [output]
  DOCTEST_CHECK(max_error(net.forward(x), x * 2.0) == 0.0);
  DOCTEST_CHECK(holds(
      message_of([&] { (void)Network(made).forward(x); }),
      "returns a dictionary {'out': tensor [2, 3], 'aux': tensor [2, 3]}, not a tensor; name the part"));
  const std::string missing = message_of([&] { (void)Network(made, {.output = {"main"}}).forward(x); });
  DOCTEST_CHECK(holds(missing, "has no 'main': it is a dictionary {'out'"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)Network(made, {.output = {0}}).forward(x); }), "has no element 0"));
}

DOCTEST_TEST_CASE("A part of a tuple or list is chosen by its position, steps go inwards") {
  const auto made =
      returning("Tuple[Tensor, Optional[Tensor], List[Tensor]]", "(x, None, [x + 1.0, x + 2.0])");
  const Tensor x = testing::nets::random({2, 3}, 1);
  DOCTEST_CHECK(max_error(Network(made, {.output = {0}}).forward(x), x) == 0.0);
  DOCTEST_CHECK(max_error(Network(made, {.output = {2, 1}}).forward(x), x + 2.0) == 0.0);
  DOCTEST_CHECK(holds(message_of([&] { (void)Network(made, {.output = {1}}).forward(x); }),
                      "returns None, not a tensor there"));
  DOCTEST_CHECK(holds(message_of([&] { (void)Network(made, {.output = {2}}).forward(x); }),
                      "returns a list [0: tensor [2, 3], 1: tensor [2, 3]]"));
  for (const std::int64_t index : {-1, 3}) {
    DOCTEST_CHECK(
        holds(message_of([&] { (void)Network(made, {.output = {index}}).forward(x); }),
              text("has no element ", index, ": it is a tuple (0: tensor [2, 3], 1: None, 2: a list")));
  }
}

DOCTEST_TEST_CASE("Named tuples have fields") {
  const auto schema =
      c10::TupleType::createNamed(c10::QualifiedName("Answer"), std::vector<std::string>{"logits", "aux"},
                                  std::vector<c10::TypePtr>{c10::TensorType::get(), c10::TensorType::get()});
  const c10::IValue value(c10::ivalue::Tuple::createNamed({at::ones({2}), at::zeros({3})}, schema));
  DOCTEST_CHECK(script::detail::chosen(value, {"aux"}).numel() == 3);
  DOCTEST_CHECK(script::detail::chosen(value, {0}).numel() == 2);
  DOCTEST_CHECK(holds(message_of([&] { (void)script::detail::chosen(value, {"main"}); }),
                      "has no 'main': it is a tuple (logits: tensor [2], aux: tensor [3])"));
}

DOCTEST_TEST_CASE("Long outputs are listed in part") {
  c10::List<Tensor> many;
  for (int i = 0; i < 40; ++i) many.push_back(at::ones({1}));
  const std::string said = script::detail::described(c10::IValue(many));
  DOCTEST_CHECK(holds(said, "11: tensor [1], ...]"));
  DOCTEST_CHECK_FALSE(holds(said, "12:"));
}

}  // namespace
}  // namespace lumen
