// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/parse_pickle.hpp>

#include <utility>

#include <doctest/doctest.h>

#include "io/weights_bytes.hpp"

using namespace lumen;
using namespace lumen::testing;
using io::PickleKind;

namespace {

std::string refusal(const std::string& bytes) {
  const Bytes file = to_bytes(bytes);
  return message_of([&] { (void)io::parse_pickle(file); });
}

}  // namespace

DOCTEST_TEST_CASE("a tensor as torch.save describes it") {
  const Bytes bytes = to_bytes(pickle(dictionary(word("w") + tensor(storage("7", 12), 1, {2, 3}, {3, 1}))));
  const io::Pickle read = io::parse_pickle(bytes);
  DOCTEST_REQUIRE(read.tensors.size() == 1);
  const io::PickledTensor& tensor = read.tensors[0];
  DOCTEST_CHECK(tensor.type->torch == "float32");
  DOCTEST_CHECK(tensor.offset == 1);
  DOCTEST_CHECK(tensor.shape == std::vector<std::int64_t>{2, 3});
  DOCTEST_CHECK(tensor.stride == std::vector<std::int64_t>{3, 1});
  DOCTEST_CHECK(read.nodes[tensor.storage].text == "7");
  DOCTEST_CHECK(read.nodes[tensor.storage].number == 12);
  DOCTEST_CHECK((read.nodes[read.root].kind == PickleKind::Dictionary));
  DOCTEST_CHECK(read.nodes[read.nodes[read.root].items[0]].text == "w");
}

DOCTEST_TEST_CASE("numbers, texts, lists and the memo, in every spelling") {
  using namespace std::string_literals;
  const Bytes bytes = to_bytes(
      "\x80\x04\x95"s + le(99, 8) + "](K\xFFM\x00\x01J\xFE\xFF\xFF\xFF\x8a\x00\x8a\x01\x80\x8a\x09"s +
      std::string(9, '\1') + "G12345678N\x88\x89)"s + word("a") + "\x94\x8c\x01" + "b\x8d"s + le(1, 8) +
      "cU\x01" + "d" + "h\x00\x87"s + "j\x00\x00\x00\x00\x85"s + "e."s);
  const io::Pickle read = io::parse_pickle(bytes);
  const auto& items = read.nodes[read.root].items;
  const auto node = [&](std::size_t i) { return read.nodes[items.at(i)]; };
  DOCTEST_CHECK(node(0).number == 255);
  DOCTEST_CHECK(node(1).number == 256);
  DOCTEST_CHECK(node(2).number == -2);
  DOCTEST_CHECK(node(3).number == 0);
  DOCTEST_CHECK(node(4).number == -128);
  DOCTEST_CHECK((node(5).kind == PickleKind::Other));
  DOCTEST_CHECK((node(6).kind == PickleKind::Other));
  DOCTEST_CHECK((node(7).kind == PickleKind::None));
  DOCTEST_CHECK((node(8).kind == PickleKind::Boolean));
  DOCTEST_CHECK((node(9).kind == PickleKind::Boolean));
  DOCTEST_CHECK((node(10).kind == PickleKind::Tuple));
  DOCTEST_CHECK(node(11).text == "a");
  DOCTEST_CHECK(node(12).text == "b");
  DOCTEST_REQUIRE(node(13).items.size() == 3);
  DOCTEST_CHECK(read.nodes[node(13).items[0]].text == "c");
  DOCTEST_CHECK(read.nodes[node(13).items[1]].text == "d");
  DOCTEST_CHECK(read.nodes[node(13).items[2]].text == "a");
  DOCTEST_CHECK(read.nodes[node(14).items[0]].text == "a");
}

DOCTEST_TEST_CASE("nothing is run: what a function that is not known makes is passed over, under its name") {
  using namespace std::string_literals;
  const std::string call = "(" + word("echo lumen") + "tR";
  const std::pair<std::string, std::string> cases[] = {
      {pickle("cos\nsystem\n" + call), "'os.system'"},
      {pickle("cbuiltins\neval\n" + call), "'builtins.eval'"},
      {pickle("ctorch\nload\n" + call), "'torch.load'"},
      {pickle("c__main__\nNet\n)\x81}(" + word("a") + "Nub"), "'__main__.Net'"},
      {pickle("c__main__\nNet\n)}\x92(" + word("a") + "Nu(NNeNb"), "'__main__.Net'"},
      {pickle("ccopyreg\n_reconstructor\n(cargparse\nNamespace\nNNtR}b"), "'argparse.Namespace'"},
      {pickle("ctorch\nfloat3\n"), "'torch.float3'"},
      {"\x80\x04\x8c\x02os\x8c\x06system\x93."s, "'os.system'"},
      {pickle("cos\nsystem\n(" + std::string(40, 'N') + "tR"), "'os.system'"},
  };
  for (const auto& [bytes, name] : cases) {
    DOCTEST_INFO(bytes);
    const Bytes file = to_bytes(bytes);
    const io::Pickle read = io::parse_pickle(file);
    const io::PickleNode& root = read.nodes[read.root];
    DOCTEST_REQUIRE((root.kind == PickleKind::Foreign));
    DOCTEST_CHECK(read.foreign[static_cast<std::size_t>(root.number)].words() == name);
    DOCTEST_CHECK(root.items.empty());
  }
  DOCTEST_CHECK(holds(io::PickleForeign{std::string_view("x\x01"), "y"}.words(), "'x"));
}

DOCTEST_TEST_CASE("tensors of a kind that is not read are refused by name, not passed over") {
  for (const char* name : {"ctorch.storage\n_load_from_bytes\n", "ctorch._utils\n_rebuild_qtensor\n",
                           "ctorch._utils\n_rebuild_sparse_tensor\n", "ctorch\nQInt8Storage\n",
                           "ctorch\nStorage\n", "ctorch.cuda\nFloatStorage\n"}) {
    DOCTEST_INFO(name);
    DOCTEST_CHECK(holds(refusal(pickle(name)), "the file asks for 'torch"));
    DOCTEST_CHECK(holds(refusal(pickle(name)), "nothing was run"));
  }
}

DOCTEST_TEST_CASE("bytes, sets and what is taken from the stack again") {
  using namespace std::string_literals;
  const Bytes bytes =
      to_bytes("\x80\x04](C\x02" + "abB"s + le(1, 4) + "a\x8e" + le(1, 8) + "a\x96" + le(1, 8) +
               "a\x8f(KKN\x90(N\x91\x8b"s + le(9, 4) + std::string(9, '\1') + "N0(NN1e.");
  const io::Pickle read = io::parse_pickle(bytes);
  const auto& items = read.nodes[read.root].items;
  DOCTEST_REQUIRE(items.size() == 7);
  for (const std::uint32_t item : items) DOCTEST_CHECK((read.nodes[item].kind == PickleKind::Other));
}

DOCTEST_TEST_CASE("a damaged or hostile pickle is refused, at every length and for every lie") {
  const std::string of = storage("0", 2);
  const std::string whole = pickle(dictionary(word("w") + tensor(of, 0, {2}, {1})));
  for (std::size_t length = 0; length < whole.size(); ++length)
    DOCTEST_CHECK(!refusal(whole.substr(0, length)).empty());
  const std::string list(70, 'N');
  struct Case {
    std::string bytes, part;
  };
  const Case cases[] = {
      {whole + "N", "something follows its end"},
      {"\x80\x01N.", "protocol is not 2 to 5"},
      {"\x80\x06N.", "protocol is not 2 to 5"},
      {pickle("NN"), "does not end with one value"},
      {pickle("(N"), "does not end with one value"},
      {pickle("t"), "a mark is missing"},
      {pickle("\x85"), "a value is missing"},
      {pickle("N(\x85"), "a value is missing"},
      {pickle("h\x05"), "a memo is missing"},
      {pickle("Nr\xFF\xFF\xFF\xFF"), "a memo is out of order"},
      {pickle("Nq\x01"), "a memo is out of order"},
      {"\x80\x02Nq", "ends too early"},
      {pickle("X\xFF\xFF\xFF\x7F"), "ends too early"},
      {pickle("\x8d\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "ends too early"},
      {pickle("NNs"), "a value is missing"},
      {pickle("NNNs"), "no list or dictionary"},
      {pickle("NNa"), "no list or dictionary"},
      {pickle("]NNs"), "no list or dictionary"},
      {pickle("}(Nu"), "a key has no value"},
      {pickle("N)R"), "what is no function is called"},
      {pickle("NNR"), "arguments are no tuple"},
      {pickle("ccollections\nOrderedDict\n(NtR"), "an OrderedDict is made of items"},
      {pickle("ctorch._utils\n_rebuild_parameter\n)R"), "a parameter has no tensor"},
      {pickle("ctorch._utils\n_rebuild_parameter\n(NtR"), "a parameter has no tensor"},
      {pickle("ctorch\nSize\n)R"), "no argument"},
      {pickle("NQ"), "arguments are no tuple"},
      {pickle(")Q"), "no storage"},
      {pickle("(NNNNNtQ"), "a storage has no key"},
      {pickle(storage("0", -1)), "a storage has a negative length"},
      {pickle("(" + std::string(17, 'N') + "tQ"), "over 16 arguments"},
      {pickle("ctorch._utils\n_rebuild_tensor_v2\n)R"), "the wrong arguments"},
      {pickle("ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR"), "a tensor has no storage"},
      {pickle(tensor(storage("0", 8, "UntypedStorage"), 0, {2}, {1})), "a tensor has no type"},
      {pickle(tensor(of, 0, std::vector<std::int64_t>(65, 1), {1})), "over 64 axes"},
      {pickle(tensor(of, 0, {2}, {1}, "}(" + word("conj") + "\x88u")), "resolve_conj"},
      {pickle(tensor(of, 0, {2}, {1}, "NN")), "the wrong arguments"},
      {pickle("NNb"), "attributes are no dictionary"},
      {pickle("N}b"), "what is no dictionary"},
      {pickle("0"), "a value is missing"},
      {pickle("1"), "a mark is missing"},
      {pickle("\x81"), "a value is missing"},
      {pickle("NN\x81"), "the arguments of an object are no tuple"},
      {pickle("N)\x81"), "an object is of no class"},
      {pickle("(N\x90"), "a value is missing"},
      {pickle("](N\x90"), "what is no set"},
      {pickle("ctorch._tensor\n_rebuild_from_type_v2\n(NN)NtR"), "a tensor has no maker"},
      {pickle("2"), "the opcode 50"},
      {pickle("P1\n"), "the opcode 80"},
      {pickle(std::string(1025, '(')), "nested over 1024 deep"},
      {pickle(std::string((1u << 20) + 1, 'N')), "over 2^20 values"},
      {pickle("ctorch\nFloatStorage"), "a name has no end"},
  };
  for (const Case& c : cases) {
    DOCTEST_INFO(c.part, " <- ", refusal(c.bytes));
    DOCTEST_CHECK(holds(refusal(c.bytes), c.part));
  }
  std::string repeated = "N\x94";
  for (std::size_t i = 0; i < (1u << 23) + 2; ++i) repeated += std::string("h\0", 2);
  DOCTEST_CHECK(holds(refusal("\x80\x04" + repeated), "repeats its values too often"));
}
