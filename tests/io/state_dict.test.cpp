// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/state_dict.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <torch/serialize.h>

#include "io/weights_bytes.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

std::filesystem::path corpus(const std::string& name) {
  return std::filesystem::path(LUMEN_SOURCE_DIR) / "tests/fuzz/corpus" / name;
}

std::string refusal(const Bytes& file) {
  return message_of([&] { (void)io::decode_state_dict(file); });
}

std::string refusal_of(const std::string& items, const std::string& bytes = std::string(8, '\0')) {
  return refusal(pth(dictionary(items), bytes));
}

/// What make_weights.py put into its files, for the types that this LibTorch has.
void check_everything(const io::StateDict& state, bool strided) {
  for (const auto& [name, tensor] : state) {
    DOCTEST_INFO(name);
    if (!name.starts_with("type.")) continue;
    const Tensor values = at::arange(6).remainder(name == "type.bool" ? 2 : 6).reshape({2, 3});
    DOCTEST_CHECK((tensor.sizes() == values.sizes()));
    DOCTEST_CHECK(at::equal(tensor.to(at::kComplexDouble), values.to(at::kComplexDouble)));
  }
  const Tensor shared = at::arange(60.0, at::kFloat).reshape({3, 4, 5});
  DOCTEST_CHECK(at::equal(io::find(state, "shared"), shared));
  DOCTEST_CHECK(at::equal(io::find(state, "transposed"), shared.transpose(0, 2)));
  DOCTEST_CHECK(
      at::equal(io::find(state, "slice"), at::tensor({21.0F, 31.0F, 41.0F, 51.0F}).reshape({2, 2})));
  DOCTEST_CHECK(at::equal(io::find(state, "expanded"),
                          at::tensor({1.0F, 1.0F, 1.0F, 2.0F, 2.0F, 2.0F}).reshape({2, 3})));
  DOCTEST_CHECK(io::find(state, "scalar").dim() == 0);
  DOCTEST_CHECK(io::find(state, "scalar").item<float>() == 3.5F);
  DOCTEST_CHECK((io::find(state, "empty").sizes() == at::IntArrayRef{0, 3}));
  DOCTEST_CHECK(at::equal(io::find(state, "parameter"), at::ones({2})));
  DOCTEST_CHECK(!io::find(state, "parameter").requires_grad());
  if (!strided) return;
  DOCTEST_CHECK((io::find(state, "transposed").strides() == at::IntArrayRef{1, 5, 20}));
  DOCTEST_CHECK((io::find(state, "expanded").strides() == at::IntArrayRef{1, 0}));
  DOCTEST_CHECK(io::find(state, "transposed").is_alias_of(io::find(state, "shared")));
  io::find(state, "shared")[0][0][1].fill_(-1);
  DOCTEST_CHECK(io::find(state, "transposed")[1][0][0].item<float>() == -1);
}

/// The tensors whose type this LibTorch has; the others must be refused by name.
io::StateDict known(std::vector<io::StoredTensor> stored) {
  std::erase_if(stored, [](const io::StoredTensor& tensor) {
    const std::string why = message_of([&] { (void)io::scalar_type_of(tensor); });
    if (why.empty()) return false;
    DOCTEST_CHECK(holds(why, "'" + tensor.name + "' is of type " + std::string(tensor.type->torch)));
    DOCTEST_CHECK((tensor.type->torch.starts_with("uint") || tensor.type->torch.starts_with("float8")));
    DOCTEST_CHECK((TORCH_VERSION_MAJOR == 1));
    return true;
  });
  return io::to_state_dict(stored);
}

}  // namespace

DOCTEST_TEST_CASE("a file of PyTorch 1.13") {
  //! [read]
  const std::filesystem::path path = corpus("pth/torch_1_13.pth");
  const lumen::io::StateDict weights = lumen::io::read_state_dict(path);
  const lumen::Tensor scalar = lumen::io::find(weights, "scalar");
  //! [read]
  DOCTEST_CHECK(scalar.item<float>() == 3.5F);
  DOCTEST_CHECK(weights.size() == 19);
  DOCTEST_CHECK(weights[0].name == "type.float32");
  DOCTEST_CHECK((io::find(weights, "type.bfloat16").scalar_type() == at::kBFloat16));
  DOCTEST_CHECK((io::find(weights, "type.complex128").scalar_type() == at::kComplexDouble));
  check_everything(weights, true);
}

DOCTEST_TEST_CASE("files of PyTorch 2.13: its new types, protocol 4, no checksums") {
  const Bytes file = io::read_file(corpus("pth/torch_2_13.pth"));
  const auto stored = io::parse_pth(file);
  DOCTEST_CHECK(stored.size() == 24);
  check_everything(known(stored), true);
  const auto net = io::read_state_dict(corpus("pth/no_checksum.pth"));
  DOCTEST_REQUIRE(net.size() == 7);
  DOCTEST_CHECK(net[0].name == "0.weight");
  DOCTEST_CHECK((net[0].tensor.sizes() == at::IntArrayRef{1, 2}));
  DOCTEST_CHECK(net[6].name == "1.num_batches_tracked");
  DOCTEST_CHECK((net[6].tensor.scalar_type() == at::kLong));
}

DOCTEST_TEST_CASE("a safetensors file of Python") {
  const Bytes file = io::read_file(corpus("safetensors/everything.safetensors"));
  check_everything(known(io::parse_safetensors(file)), false);
}

DOCTEST_TEST_CASE("a checkpoint: nested names, and what is no tensor passed over") {
  const auto path = corpus("pth/checkpoint.pth");
  //! [below]
  const lumen::io::StateDict checkpoint = lumen::io::read_state_dict(path);    // model.0.weight, ...
  const lumen::io::StateDict weights = lumen::io::below(checkpoint, "model");  // 0.weight, ...
  //! [below]
  DOCTEST_CHECK(checkpoint.size() == 8);
  DOCTEST_CHECK(checkpoint[0].name == "model.0.weight");
  DOCTEST_CHECK(checkpoint[7].name == "list.1.1");
  DOCTEST_CHECK(weights.size() == 7);
  DOCTEST_CHECK(weights[0].name == "0.weight");
  DOCTEST_CHECK(message_of([&] { (void)io::below(checkpoint, "net"); }) ==
                "no name begins with 'net.'; the first is 'model.0.weight'");
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::find(weights, "fc"); }), "no tensor 'fc' among the 7: 0.weight, "));
}

DOCTEST_TEST_CASE(
    "a checkpoint with objects of all kinds: they are passed over by name, the tensors are read") {
  for (const char* name : {"pth/foreign_2.pth", "pth/foreign_4.pth"}) {
    DOCTEST_INFO(name);
    //! [skipped]
    std::vector<lumen::io::SkippedObject> skipped;
    const lumen::io::StateDict state = lumen::io::read_state_dict(corpus(name), &skipped);
    // skipped[0].name == "args", skipped[0].type == "'argparse.Namespace'"
    //! [skipped]
    DOCTEST_CHECK(at::equal(io::find(state, "groups.weight"), at::arange(3.0, at::kFloat)));
    DOCTEST_CHECK(at::equal(io::find(state, "last"), at::ones({2})));
    DOCTEST_CHECK(at::equal(io::find(state, "tagged"), at::ones({2})));
    DOCTEST_CHECK(io::below(state, "state_dict").size() == 7);
    DOCTEST_CHECK(state.size() == 10);
    DOCTEST_REQUIRE(skipped.size() >= 8);
    DOCTEST_CHECK(skipped[0].name == "args");
    DOCTEST_CHECK(skipped[0].type == "'argparse.Namespace'");
    DOCTEST_CHECK(skipped[1].name == "best");
    DOCTEST_CHECK(holds(skipped[1].type, "multiarray.scalar'"));
    DOCTEST_CHECK(std::ranges::find(skipped, "'torch.device'", &io::SkippedObject::type) != skipped.end());
  }
  std::vector<io::SkippedObject> skipped{{"old", "old"}};
  (void)io::read_state_dict(corpus("pth/no_checksum.pth"), &skipped);
  DOCTEST_CHECK(skipped.empty());
}

DOCTEST_TEST_CASE("a whole model, or objects alone, hold no tensor that can be read: said by name") {
  const std::string object =
      "c__main__\nNet\n)\x81}(" + word("w") + tensor(storage("0", 2), 0, {2}, {1}) + "ub";
  DOCTEST_CHECK(
      holds(refusal(pth(object)), "an object of '__main__.Net', which was not run, and no dictionary"));
  DOCTEST_CHECK(holds(refusal_of(word("model") + object), "'model', an object of '__main__.Net'"));
  DOCTEST_CHECK(
      holds(refusal_of("K\1\x85" + tensor(storage("0", 2), 0, {2}, {1})), "neither text nor an integer"));
}

DOCTEST_TEST_CASE("the index of sharded weights says what it is") {
  DOCTEST_CHECK(
      holds(refusal(to_bytes("{\"metadata\": {}, \"weight_map\": {\"a\": \"model-1.safetensors\"}}")),
            "several files"));
}

DOCTEST_TEST_CASE("what LibTorch itself writes") {
  c10::Dict<std::string, Tensor> weights;
  weights.insert("a.weight", at::arange(6).reshape({2, 3}).t());
  weights.insert("b", at::ones({2}, at::kHalf));
  const std::vector<char> file = torch::pickle_save(weights);
  const auto back = io::decode_state_dict(Bytes(file.begin(), file.end()));
  DOCTEST_REQUIRE(back.size() == 2);
  DOCTEST_CHECK(at::equal(io::find(back, "a.weight"), weights.at("a.weight")));
  DOCTEST_CHECK(at::equal(io::find(back, "b"), weights.at("b")));
}

DOCTEST_TEST_CASE("big-endian numbers are turned round") {
  const std::string value = dictionary(word("w") + tensor(storage("0", 2), 0, {2}, {1}));
  const auto file = [&](const std::string& order) {
    return to_bytes(zip({{"net/data.pkl", pickle(value)},
                         {"net/byteorder", order},
                         {"net/data/0", std::string("\x3F\x80\0\0\x40\0\0\0", 8)}}));
  };
  DOCTEST_CHECK(at::equal(io::decode_state_dict(file("big"))[0].tensor, at::tensor({1.0F, 2.0F})));
  DOCTEST_CHECK(!at::equal(io::decode_state_dict(file("little"))[0].tensor, at::tensor({1.0F, 2.0F})));
  DOCTEST_CHECK(holds(refusal(file("middle")), "the byte order 'middle'"));
}

DOCTEST_TEST_CASE("other formats are refused by name, with what to do") {
  DOCTEST_CHECK(
      holds(message_of([&] { (void)io::read_state_dict(corpus("pth/legacy.pth")); }), "legacy format"));
  DOCTEST_CHECK(holds(message_of([&] { (void)io::read_state_dict(corpus("pth/legacy.pth")); }),
                      "torch.save(torch.load"));
  std::string tar(512, '\0');
  DOCTEST_CHECK(holds(refusal(to_bytes(tar.replace(257, 5, "ustar"))), "tar format"));
  DOCTEST_CHECK(holds(refusal(bytes("\x80\x02}.")), "it is no zip archive"));
  DOCTEST_CHECK(holds(refusal(bytes("\x89HDF")), "it is no zip archive"));
  DOCTEST_CHECK(holds(refusal({}), "it is no zip archive"));
  DOCTEST_CHECK(holds(refusal(to_bytes(zip({{"a/b", "c"}}))), "no data.pkl"));
  DOCTEST_CHECK(
      holds(refusal(to_bytes(zip({{"a/data.pkl", pickle("}")}, {"a/constants.pkl", ""}}))), "TorchScript"));
  DOCTEST_CHECK(holds(refusal(to_bytes(zip({{"a/data.pkl", pickle("}")}, {"b/x", ""}}))), "not inside 'a/'"));
  std::string packed = zip({{"a/data.pkl", pickle("}")}});
  DOCTEST_CHECK(refusal(to_bytes(packed)).empty());
  DOCTEST_CHECK(holds(refusal(to_bytes(packed.replace(packed.find("PK\x01\x02") + 10, 1, "\x08"))),
                      "the record 'data.pkl' is compressed"));
  DOCTEST_CHECK(holds(refusal(pth("N")), "no dictionary of tensors"));
  DOCTEST_CHECK(holds(refusal(pth(tensor(storage("0", 2), 0, {2}, {1}))), "no dictionary of tensors"));
  const Folder folder;
  refuses_bad_paths([](const auto& path) { (void)io::read_state_dict(path); }, folder);
}

DOCTEST_TEST_CASE("hostile .pth files: sizes, offsets, names and types that lie") {
  const std::string of = storage("0", 2);
  const auto w = [](const std::string& value) { return word("w") + value; };
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  struct Case {
    std::string items, part;
  };
  const Case cases[] = {
      {w(tensor(of, 0, {3}, {1})), "the tensor 'w': its elements reach beyond the storage"},
      {w(tensor(of, 1, {2}, {1})), "reach beyond the storage"},
      {w(tensor(of, 2, {}, {})), "reach beyond the storage"},
      {w(tensor(of, 0, {2}, {2})), "reach beyond the storage"},
      {w(tensor(of, 0, {2, 2}, {1, 1})), "reach beyond the storage"},
      {w(tensor(of, -1, {2}, {1})), "its offset lies outside"},
      {w(tensor(of, huge, {2}, {1})), "its offset lies outside"},
      {w(tensor(of, 3, {0}, {1})), "its offset lies outside"},
      {w(tensor(of, 0, {-2}, {1})), "a side is negative"},
      {w(tensor(of, 0, {2}, {-1})), "a stride is negative"},
      {w(tensor(of, 0, {2}, {1, 1})), "differ in length"},
      {w(tensor(of, 0, {huge}, {1})), "too many elements"},
      {w(tensor(of, 0, {huge, huge}, {0, 0})), "too many elements"},
      {w(tensor(of, 0, {1 << 30, 1 << 30}, {0, 0})), "too many elements"},
      {w(tensor(of, 0, {0, huge}, {1, 1})), "too many elements"},
      {w(tensor(of, 0, {1}, {huge})), "a stride is too large"},
      {w(tensor(of, 0, {3}, {huge / (1 << 15)})), "reach beyond the storage"},
      {w(tensor(storage("0", 3), 0, {2}, {1})),
       "a storage of 3 x 4 bytes, and the record 'data/0' has 8 bytes"},
      {w(tensor(storage("0", huge), 0, {2}, {1})), "has 8 bytes"},
      {w(tensor(storage("0", 2, "DoubleStorage"), 0, {2}, {1})), "has 8 bytes"},
      {w(tensor(storage("1", 2), 0, {2}, {1})), "there is no record 'data/1'"},
      {w(tensor(storage("../version", 2), 0, {2}, {1})), "there is no record 'data/../version'"},
      {w(tensor(of, 0, {2}, {1})) + w(tensor(of, 0, {2}, {1})), "two tensors named 'w'"},
      {word("a.b") + tensor(of, 0, {2}, {1}) + word("a") + dictionary(word("b") + tensor(of, 0, {2}, {1})),
       "two tensors named 'a.b'"},
      {"N" + tensor(of, 0, {2}, {1}), "a key that is neither text nor an integer"},
      {word(std::string(2000, 'x')) + tensor(of, 0, {2}, {1}), "over 1024 characters"},
      {word("os") + "cos\nsystem\n(" + word("true") + "tR", "'os.system'"},
  };
  for (const Case& c : cases) {
    DOCTEST_INFO(c.part, " <- ", refusal_of(c.items));
    DOCTEST_CHECK(holds(refusal_of(c.items), c.part));
  }
  DOCTEST_CHECK(refusal_of(w(tensor(of, 0, {2}, {1}))).empty());
  DOCTEST_CHECK(refusal_of(w(tensor(of, 2, {0}, {1}))).empty());
  DOCTEST_CHECK(
      holds(refusal_of(w(tensor(storage("0", 2, "BoolStorage"), 0, {2}, {1})), "\1\2"), "neither 0 nor 1"));

  // Values inside themselves, nested too deep, or doubled at every level.
  DOCTEST_CHECK(holds(refusal(pth("}q\x01"
                                  "(" +
                                  word("a") + "h\x01u")),
                      "a memo is out of order"));
  DOCTEST_CHECK(holds(refusal(pth(std::string("}q\0(", 4) + word("a") + std::string("h\0u", 3))),
                      "nested over 32 deep"));
  std::string deep, bomb = "]\x94";
  for (int i = 0; i < 100; ++i) deep += "}(" + word("a");
  DOCTEST_CHECK(holds(refusal(pth(deep + "N" + std::string(100, 'u'))), "nested over 32 deep"));
  for (char i = 0; i < 25; ++i) bomb += "](h" + std::string(1, i) + "h" + std::string(1, i) + "e\x94";
  DOCTEST_CHECK(holds(refusal(pth("}(" + word("b") + "(" + bomb + "tu")), "over 2^20 values"));
}

DOCTEST_TEST_CASE("a flipped bit is noticed by its checksum") {
  Bytes file = io::read_file(corpus("pth/torch_1_13.pth"));
  const auto stored = io::parse_pth(file);
  const auto place = static_cast<std::size_t>(stored[0].storage.data() - file.data());
  file[place] ^= 1U;
  DOCTEST_CHECK(holds(refusal(file), "the checksum of 'data/0' is wrong"));
}

DOCTEST_TEST_CASE("a .pth file is refused at every length, and no byte of it does harm") {
  const Bytes whole = io::read_file(corpus("pth/no_checksum.pth"));
  for (std::size_t length = 0; length < whole.size(); length += 5)
    DOCTEST_CHECK(
        !refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))).empty());
}
