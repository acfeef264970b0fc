// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/script/load.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/target/element.hpp>
#include <lumen/trace/layer.hpp>
#include <lumen/trace/observe.hpp>
#include <lumen/trace/suffix.hpp>

#include <caffe2/serialize/inline_container.h>

#include <script/models.hpp>
#include <support/allclose.hpp>
#include <support/message.hpp>
#include <support/zoo_files.hpp>

namespace lumen {
namespace {

using namespace testing::script_models;
using testing::holds;
using testing::max_error;
using testing::message_of;

/// A file of this test, removed at its end.
class Scratch {
 public:
  explicit Scratch(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / text("lumen_script_", ::getpid(), "_", name)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  [[nodiscard]] std::string read() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};

std::string refusal(const Scratch& file) {
  return message_of([&] { (void)script::load(file.path()); });
}

std::vector<std::string> names_of(const std::vector<trace::Operation>& operations) {
  std::vector<std::string> names;
  for (const trace::Operation& operation : operations) names.push_back(operation.name);
  return names;
}

script::Network load(const testing::ZooFile& file) {
  return script::load(file.path, {.output = file.tuple ? script::Output{"logits"} : script::Output{}});
}

DOCTEST_TEST_CASE("A saved network computes the same when it is loaded") {
  const torch::jit::Module original = residual();
  const Scratch file("net.pt");
  original.save(file.path());
  const std::string path = file.path();
  const Tensor image = images();
  //! [load]
  const auto net = lumen::script::load(path);
  const auto why = lumen::Saliency{}(net, image, lumen::target::Class{.index = 1});
  //! [load]
  const script::Network here(original);
  DOCTEST_CHECK(max_error(net.forward(image), here.forward(image)) == 0.0);
  DOCTEST_CHECK(max_error(why.map, Saliency{}(here, image, target::Class{.index = 1}).map) == 0.0);
  DOCTEST_CHECK(net.layers().size() == 6);
  DOCTEST_CHECK(net.layers().back().kind == "Conv2d");
  DOCTEST_CHECK((script::load(path, {.device = at::kCPU, .dtype = at::kFloat}).dtype() == at::kFloat));
  if (at::hasCUDA()) return;
  DOCTEST_CHECK(holds(message_of([&] { (void)script::load(path, {.device = at::kCUDA}); }),
                      "onto cuda: LibTorch sees no CUDA device here"));
}

DOCTEST_TEST_CASE("Files that hold no TorchScript program are refused, saying what they are") {
  const Scratch file("other.pt");
  DOCTEST_CHECK(holds(refusal(file), "there is no file"));
  file.write("");
  DOCTEST_CHECK(holds(refusal(file), "shorter than any"));
  file.write("P5 2 2 255 abcd");
  DOCTEST_CHECK(holds(refusal(file), "is no TorchScript file; write one with torch.jit.script"));
  file.write("\x80\x02}q.abcdef");
  DOCTEST_CHECK(holds(refusal(file), "but a Python pickle"));
  {
    caffe2::serialize::PyTorchStreamWriter writer(file.path());
    writer.writeRecord("data.pkl", "abc", 3);
    writer.writeEndOfFile();
  }
  DOCTEST_CHECK(holds(refusal(file), "no TorchScript program but weights of torch.save"));
  DOCTEST_CHECK(holds(message_of([] { (void)script::load(std::filesystem::temp_directory_path()); }),
                      "there is no file"));
}

DOCTEST_TEST_CASE("A truncated file is refused wherever it ends") {
  const Scratch file("cut.pt");
  residual().save(file.path());
  const std::string all = file.read();
  for (std::size_t part = 0; part < 64; ++part) {
    file.write(all.substr(0, all.size() * part / 64));
    DOCTEST_CAPTURE(part);
    DOCTEST_CHECK_FALSE(refusal(file).empty());
  }
  file.write(all.substr(0, all.size() - 1));
  DOCTEST_CHECK(holds(refusal(file), "damaged or cut off"));
}

DOCTEST_TEST_CASE("A flipped bit is found in the weights, the program and the directory") {
  const Scratch file("flipped.pt");
  residual().save(file.path());
  const std::string all = file.read();
  const auto flipped = [&](std::size_t at) {
    std::string bytes = all;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    file.write(bytes);
    return refusal(file);
  };
  caffe2::serialize::PyTorchStreamReader archive(file.path());
  DOCTEST_CHECK(holds(flipped(archive.getRecordOffset("data/0") + 9), "data/0' is damaged"));
  DOCTEST_CHECK(holds(flipped(archive.getRecordOffset("data.pkl") + 40), "data.pkl' is damaged"));
  DOCTEST_CHECK_FALSE(flipped(all.size() - 30).empty());
  std::size_t found = 0, tried = 0;
  for (std::size_t at = 0; at < all.size(); at += 37, ++tried) found += flipped(at).empty() ? 0 : 1;
  DOCTEST_CHECK(2 * found > tried);  // the rest is padding
}

DOCTEST_TEST_CASE("The zoo: what PyTorch computes, the same operators in every pass") {
  for (const testing::ZooFile& file : testing::zoo_files()) {
    DOCTEST_CAPTURE(file.name());
    const script::Network net = load(file);
    const Tensor x = io::read_npy(file.input);
    DOCTEST_CHECK(max_error(net.forward(x), io::read_npy(file.output)) < 1e-10);
    DOCTEST_CHECK((net.dtype() == at::kDouble));
    Tensor y;
    const auto first = names_of(trace::observe([&] { y = net.forward(x); }));
    for (int pass = 0; pass < 2; ++pass)
      DOCTEST_CHECK(names_of(trace::observe([&] { y = net.forward(x); })) == first);
    const auto parts = script::layers(net);
    DOCTEST_CHECK(std::count(first.begin(), first.end(), "aten::conv2d") +
                      std::count(first.begin(), first.end(), "aten::_convolution") ==
                  std::count_if(parts.begin(), parts.end(),
                                [](const script::Part& part) { return part.kind == "Conv2d"; }));
  }
}

DOCTEST_TEST_CASE("ResNet-18, scripted and traced: one gradient, repeatable, and at layers by path") {
  std::vector<std::vector<std::string>> operators;
  std::vector<std::vector<std::string>> paths;
  for (const testing::ZooFile& file : testing::zoo_files()) {
    if (file.family != "resnet18") continue;
    DOCTEST_CAPTURE(file.name());
    const script::Network net = load(file);
    const Tensor x = io::read_npy(file.input);
    const auto question = target::Class{.index = 3};
    const Tensor map = Saliency{}(net, x, question).map;
    operators.push_back(names_of(trace::observe([&] { (void)net.forward(x); })));
    DOCTEST_CHECK(std::count(operators.back().begin(), operators.back().end(), "aten::relu_") == 17);
    for (int pass = 0; pass < 2; ++pass)
      DOCTEST_CHECK(max_error(Saliency{}(net, x, question).map, map) == 0.0);

    torch::jit::Module module = torch::jit::load(file.path.string());
    const auto plain = [&](const Tensor& input) { return module.forward({input}).toTensor(); };
    DOCTEST_CHECK(max_error(map, Saliency{}(plain, x, question).map) <
                  1e-12 * map.abs().max().item<double>());

    Tensor other;
    std::thread thread([&] { other = Saliency{}(net, x, question).map; });
    DOCTEST_CHECK(max_error(Saliency{}(net, x, question).map, map) == 0.0);
    thread.join();
    DOCTEST_CHECK(max_error(other, map) == 0.0);

    const auto function = engine::bind<Tensor>(net);
    const Tensors inner =
        trace::head(function, {layer::tap("layer4.1.relu", 1), layer::input(layer::tap("avgpool"))}, {x});
    DOCTEST_CHECK(max_error(inner[0], inner[1]) == 0.0);
    DOCTEST_CHECK(inner[0].sizes() == at::IntArrayRef({2, 512, 2, 2}));
    const Tensor weight = net.tensor("fc.weight"), bias = net.tensor("fc.bias");
    DOCTEST_CHECK(max_error(at::linear(inner[0].mean({2, 3}), weight, bias), net.forward(x)) < 1e-10);
    paths.emplace_back();
    for (const script::Part& part : net.layers()) paths.back().push_back(part.path + text(" ", part.calls));
  }
  if (operators.empty()) return;
  DOCTEST_REQUIRE(operators.size() == 2);
  DOCTEST_CHECK(operators[0].size() == operators[1].size());
  DOCTEST_CHECK(paths[0] == paths[1]);
}

}  // namespace
}  // namespace lumen
