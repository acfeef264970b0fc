// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/safetensors.hpp>

#include <string>

#include <doctest/doctest.h>

#include "io/weights_bytes.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

std::string refusal(const Bytes& file) {
  return message_of([&] { (void)io::parse_safetensors(file); });
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

}  // namespace

DOCTEST_TEST_CASE("tensors survive a file") {
  const Folder folder;
  const std::filesystem::path path = folder / "net.safetensors";
  //! [safetensors]
  const lumen::io::StateDict weights{{"fc.weight", at::rand({2, 3})}, {"fc.bias", at::rand({2})}};
  lumen::io::write_safetensors(path, weights);  // safetensors.torch.load_file(path) reads it
  const lumen::io::StateDict back = lumen::io::read_state_dict(path);
  //! [safetensors]
  DOCTEST_REQUIRE(back.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    DOCTEST_CHECK(back[i].name == weights[i].name);
    DOCTEST_CHECK(at::equal(back[i].tensor, weights[i].tensor));
  }
}

DOCTEST_TEST_CASE("every type, shape and name goes round") {
  const Tensor all = at::arange(24).remainder(3).reshape({2, 3, 4});
  io::StateDict state;
  for (const auto type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
                          at::kBFloat16, at::kFloat, at::kDouble, at::kComplexFloat}) {
    const Tensor t = all.to(type);
    const std::string name = c10::toString(type);
    state.push_back({name, t});
    state.push_back({name + " \"quoted\"\n\x01\\ \xC3\xA9", t.transpose(0, 2)});
    state.push_back({name + ".number", t[1][2][3]});
    state.push_back({name + ".none", t.narrow(1, 0, 0)});
  }
  state.push_back({"conjugated", at::full({2}, c10::complex<float>(1, 2), at::kComplexFloat).conj()});
  const io::StateDict back = io::decode_state_dict(io::encode_safetensors(state));
  DOCTEST_REQUIRE(back.size() == state.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    DOCTEST_INFO(state[i].name);
    DOCTEST_CHECK(back[i].name == state[i].name);
    DOCTEST_CHECK((back[i].tensor.scalar_type() == state[i].tensor.scalar_type()));
    DOCTEST_CHECK((back[i].tensor.sizes() == state[i].tensor.sizes()));
    DOCTEST_CHECK(at::equal(back[i].tensor, state[i].tensor.resolve_conj()));
  }
  DOCTEST_CHECK(io::decode_state_dict(io::encode_safetensors({})).empty());
}

DOCTEST_TEST_CASE("what the format cannot hold is refused") {
  const auto why = [](const io::StateDict& state) {
    return message_of([&] { (void)io::encode_safetensors(state); });
  };
  DOCTEST_CHECK(holds(why({{"a", at::ones(1)}, {"a", at::ones(1)}}), "two tensors named 'a'"));
  DOCTEST_CHECK(holds(why({{"a", Tensor()}}), "undefined"));
  DOCTEST_CHECK(holds(why({{"__metadata__", at::ones(1)}}), "reserved name"));
  DOCTEST_CHECK(holds(why({{"a", at::ones(1, at::kComplexDouble)}}), "of type ComplexDouble"));
}

DOCTEST_TEST_CASE("names with escapes, blanks, metadata, keys in any order") {
  const Bytes file = safetensors(
      R"({ "__metadata__" : {"format":"pt","x":""}, "a\u00e9\ud83d\ude00\n\/" : {"shape": [ 2 ,1], "data_offsets":[0,2],)"
      R"("dtype":"I8"}, "b":{"dtype":"F32","shape":[],"data_offsets":[2,6]} }    )",
      std::string("\1\2\0\0\x80\x3F", 6));
  const auto state = io::decode_state_dict(file);
  DOCTEST_REQUIRE(state.size() == 2);
  DOCTEST_CHECK(state[0].name == "a\xC3\xA9\xF0\x9F\x98\x80\n/");
  DOCTEST_CHECK(at::equal(state[0].tensor, at::tensor({1, 2}, at::kChar).reshape({2, 1})));
  DOCTEST_CHECK(state[1].tensor.item<float>() == 1.0F);
}

DOCTEST_TEST_CASE("hostile safetensors files are refused, at every length and for every lie") {
  const std::string header = R"({"a":)" + entry("F32", "[2]", "[0,8]") + "}";
  const Bytes whole = safetensors(header, std::string(8, '\0'));
  DOCTEST_CHECK(refusal(whole).empty());
  for (std::size_t length = 0; length < whole.size(); ++length)
    DOCTEST_CHECK(
        !refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))).empty());
  Bytes longer = whole;
  longer.push_back(0);
  DOCTEST_CHECK(holds(refusal(longer), "byte 8 is of no tensor"));
  for (const std::uint64_t length : {~0ull, 1ull << 63, 100'000'001ull, 1ull, 0ull, 1000ull})
    DOCTEST_CHECK(holds(refusal(to_bytes(le(length, 8) + header)), "its header would take"));

  const auto one = [](const std::string& value) { return R"({"a":)" + value + "}"; };
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":)" + a + R"(,"b":)" + b + "}";
  };
  std::string axes = "1";
  for (int i = 0; i < 64; ++i) axes += ",1";
  struct Case {
    std::string header, part;
  };
  const Case cases[] = {
      {one(entry("F32", "[3]", "[0,8]")), "a larger shape than its 8 bytes"},
      {one(entry("F32", "[1]", "[0,8]")), "a smaller shape than its 8 bytes"},
      {one(entry("F32", "[0]", "[0,8]")), "a smaller shape than its 8 bytes"},
      {one(entry("F32", "[4294967296,4294967296]", "[0,8]")), "a larger shape"},
      {one(entry("F32", "[4294967296,4294967296,0]", "[0,0]")), "is of no tensor"},
      {one(entry("F64", "[2]", "[0,8]")), "a larger shape"},
      {one(entry("F32", "[2]", "[0,9]")), "lies outside the file"},
      {one(entry("F32", "[2]", "[8,0]")), "lies outside the file"},
      {one(entry("F32", "[0]", "[8,8]")), "byte 0 is of no tensor"},
      {one(entry("F32", "[2]", "[0,288230376151711743]")), "lies outside the file"},
      {one(entry("F32", "[2]", "[0,18446744073709551624]")), "a number below 2^58"},
      {one(entry("F32", "[-2]", "[0,8]")), "a whole number"},
      {one(entry("F32", "[2.0]", "[0,8]")), "expected ']'"},
      {one(entry("F32", "[2e0]", "[0,8]")), "expected ']'"},
      {one(entry("F32", "[02]", "[0,8]")), "a whole number"},
      {one(entry("F32", "[" + axes + "]", "[0,4]")), "at most 64 axes"},
      {one(entry("F4", "[4]", "[0,8]")), "the type 'F4', which is not supported"},
      {one(entry("BOOL", "[8]", "[0,8]")), ""},
      {two(entry("F32", "[1]", "[0,4]"), entry("F32", "[2]", "[0,8]")), "byte 0 is of two tensors"},
      {two(entry("F32", "[2]", "[0,8]"), entry("F32", "[1]", "[4,8]")), "byte 4 is of two tensors"},
      {two(entry("I8", "[3]", "[0,3]"), entry("F32", "[1]", "[4,8]")), "byte 3 is of no tensor"},
      {R"({"a":)" + entry("F32", "[1]", "[0,4]") + R"(,"a":)" + entry("F32", "[1]", "[4,8]") + "}",
       "two tensors named 'a'"},
      {R"({"__metadata__":{"x":"1","x":"2"}})", "one value for each word"},
      {R"({"__metadata__":{},"__metadata__":{}})", "one __metadata__"},
      {R"({"__metadata__":{"x":1}})", "expected '\"'"},
      {one(R"({"dtype":"F32","shape":[2]})"), "dtype, shape and data_offsets of each"},
      {one(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "one each of dtype"},
      {one(R"({"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]})"), "one each of dtype"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1})"), "one each of dtype"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,9]})"), "expected ']'"},
      {one("[]"), "expected '{'"},
      {one(std::string(10000, '{')), "expected '\"'"},
      {header + "x", "nothing after the closing brace"},
      {R"({"a)", "a closing quote"},
      {"{\"a\n\":1}", "a closing quote"},
      {R"({"\x":1})", "an escape that JSON knows"},
      {R"({"\u12g4":1})", "four hexadecimal digits"},
      {R"({"\ud800":1})", "a pair of surrogates"},
      {R"({"\udc00":1})", "a pair of surrogates"},
      {R"({"\ud800\u0041":1})", "a pair of surrogates"},
  };
  for (const Case& c : cases) {
    const std::string why = refusal(safetensors(c.header, std::string(8, '\0')));
    DOCTEST_INFO(c.part, " <- ", why);
    DOCTEST_CHECK((c.part.empty() ? why.empty() : holds(why, c.part)));
  }
  DOCTEST_CHECK(holds(refusal(safetensors(one(entry("BOOL", "[2]", "[0,2]")), "\1\2")), "neither 0 nor 1"));
}
