// SPDX-License-Identifier: BSD-3-Clause
// The list holds every method of the library, and says of each what is so.
#include "support/catalogue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <lumen/catalogue/words.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"

namespace catalogue = lumen::catalogue;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::methods;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// "GradCamPlusPlus" as the list writes it: "grad-cam-plus-plus".
std::string with_hyphens(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !out.empty()) out += '-';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

/// The headers of attribution/ that users include.
std::vector<std::filesystem::path> headers() {
  std::vector<std::filesystem::path> all;
  const std::filesystem::path root = std::filesystem::path(LUMEN_SOURCE_DIR) / "include/lumen/attribution";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.path().extension() == ".hpp" && entry.path().parent_path().filename() != "detail")
      all.push_back(entry.path());
  return all;
}

/// The types in a header's text that are called with a model, an input and perhaps a target.
std::set<std::string> types_in(const std::string& text) {
  static const std::regex type(R"(\nstruct (\w+) \{([^]*?)\n\};)");
  static const std::regex alias(R"(\nusing (\w+Cam\w*) = \w+<)");
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), type), end; it != end; ++it)
    if ((*it)[2].str().find("operator()(M&& model, const X& x") != std::string::npos) names.insert((*it)[1]);
  for (std::sregex_iterator it(text.begin(), text.end(), alias), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

const catalogue::Entry& named(const std::string& name) {
  const auto found = std::ranges::find(methods(), name, &catalogue::Entry::name);
  DOCTEST_REQUIRE(found != methods().end());
  return *found;
}

}  // namespace

DOCTEST_TEST_CASE("every method of the library is in the list, under its own name, and in the docs") {
  // what changes where or how a method runs is asked for beside the method; of families the members are listed
  // and so is what another one is made from by default
  const std::set<std::string> combinators{
      "AtLayer", "AtLayers", "AtNeuron", "Piped", "GradientCam", "GradientCams", "BlackAndWhiteGradients"};
  // what methods are made of
  const std::set<std::string> helpers{"blur_path", "cam_map",    "conservation", "guided_path", "layout",
                                      "path",      "regression", "sampler",      "similarity",  "upsample"};
  // the programs explain images one by one; these are about a batch
  const std::set<std::string> of_batches{"FeaturePermutation"};
  std::set<std::string> types;
  for (const std::filesystem::path& header : headers()) {
    DOCTEST_CAPTURE(header);
    const std::set<std::string> here = types_in(read(header));
    DOCTEST_CHECK(here.empty() == helpers.contains(header.stem().string()));
    types.insert(here.begin(), here.end());
  }
  DOCTEST_CHECK(types.size() >= 30);
  DOCTEST_CHECK(types.contains("IntegratedGradients"));
  DOCTEST_CHECK(types.contains("LayerCam"));
  std::string pages;
  for (const auto& page :
       std::filesystem::directory_iterator(std::filesystem::path(LUMEN_SOURCE_DIR) / "docs"))
    if (page.path().extension() == ".md") pages += read(page.path());
  for (const std::string& type : types) {
    DOCTEST_CAPTURE(type);
    if (combinators.contains(type)) continue;
    DOCTEST_CHECK(pages.find(type) != std::string::npos);
    if (of_batches.contains(type)) continue;
    DOCTEST_CHECK(std::ranges::count(methods(), with_hyphens(type), &catalogue::Entry::name) == 1);
  }
  std::set<std::string> names;
  for (const std::string& type : types) names.insert(with_hyphens(type));
  for (const catalogue::Entry& entry : methods()) {
    DOCTEST_CAPTURE(entry.name);
    DOCTEST_CHECK(names.contains(entry.name));
    DOCTEST_CHECK_FALSE(entry.what.empty());
    DOCTEST_CHECK(std::regex_search(entry.paper, std::regex("(19|20)[0-9][0-9]")));  // a year
  }
}

DOCTEST_TEST_CASE("a type with a method's name in the headers that the list lacks would be found") {
  const std::string header =
      "\ntemplate <Baseline B>\nstruct NewMethod {\n  template <Input X>\n  [[nodiscard]] Answer<X, T> "
      "operator()(M&& model, const X& x, const T& target) const;\n};\nusing NewCam = GradientCam<int>;\n"
      "\nstruct Helper {\n  int x = 0;\n};\n";
  DOCTEST_CHECK(types_in(header) == std::set<std::string>{"NewCam", "NewMethod"});
  DOCTEST_CHECK(with_hyphens("XGradCam") == "x-grad-cam");
  DOCTEST_CHECK(with_hyphens("Lrp") == "lrp");
  DOCTEST_CHECK(std::ranges::count(methods(), "no-such-method", &catalogue::Entry::name) == 0);
}

DOCTEST_TEST_CASE("every option takes its own default, and refuses what it says that it does not take") {
  const nets::ConvNet net;
  const lumen::engine::Function model = [&](const Tensors& x) { return net(x[0]); };
  const Tensors x{nets::random({1, 1, 8, 8}, 1).abs()};
  for (const catalogue::Entry& entry : methods()) {
    catalogue::Choices choices;
    if (entry.traits.layer == catalogue::LayerUse::Required) choices.layer = layer::nth("relu", 1);
    if (entry.both) choices.neuron = target::Element{{1, 2, 2}};
    for (const catalogue::OptionInfo& option : entry.options) {
      DOCTEST_CAPTURE(entry.name);
      DOCTEST_CAPTURE(option.name);
      DOCTEST_CHECK_FALSE(option.type.empty());
      DOCTEST_CHECK_FALSE(option.what.empty());
      if (!option.value.empty()) {
        choices.settings = {{option.name, option.value}};
        DOCTEST_CHECK_NOTHROW((void)entry.prepare(choices));
      }
      if (!option.range.starts_with(">")) continue;
      const bool strict = option.range.starts_with("> ");
      const std::string least =
          option.range.substr(strict ? 2 : 3, option.range.find(',') - (strict ? 2 : 3));
      const double below = strict ? catalogue::to_number(least) : catalogue::to_number(least) - 1;
      choices.settings = {{option.name, catalogue::written_number(below)}};
      DOCTEST_CHECK_THROWS_AS((void)entry.prepare(choices)(model, x, {target::Class{1}}, {}), lumen::Error);
    }
    choices.settings = {{"no-such-option", "1"}};
    DOCTEST_CHECK_THROWS_AS((void)entry.prepare(choices), lumen::Error);
  }
}

DOCTEST_TEST_CASE("an entry demands the layer, neuron and baseline that its method needs, and no others") {
  for (const catalogue::Entry& entry : methods()) {
    DOCTEST_CAPTURE(entry.name);
    if (entry.name == "smooth") continue;  // as its method
    const bool required = entry.traits.layer == catalogue::LayerUse::Required;
    DOCTEST_CHECK_THROWS_AS((void)entry.prepare({.neuron = target::Element{{0}}}), lumen::Error);
    if (required) DOCTEST_CHECK_THROWS_AS((void)entry.prepare({}), lumen::Error);
    if (entry.traits.layer == catalogue::LayerUse::None)
      DOCTEST_CHECK_THROWS_AS((void)entry.prepare({.layer = layer::nth("relu", 0)}), lumen::Error);
    if (entry.baseline.empty())
      DOCTEST_CHECK_THROWS_AS((void)entry.prepare({.baseline = catalogue::to_baseline("zero")}),
                              lumen::Error);
  }
}

DOCTEST_TEST_CASE(
    "LRP without stabilisers, of convolutions, linear layers and sums alike, is input times gradient") {
  const Tensor w = nets::weight({3, 1, 3, 3}, 5), x = nets::random({1, 1, 6, 6}, 6);
  const auto model = [&](const Tensors& parts) {
    const Tensor h = at::relu(at::conv2d(parts[0], w, {}, 1, 1));
    return (h + 1e-5 * parts[0]).mean({2, 3});  // sums near 0, where a stabiliser shows
  };
  const auto map = [&](const char* method, const catalogue::Settings& settings) {
    return named(method).prepare({.settings = settings})(model, {x}, {target::Class{1}}, {}).front().map[0];
  };
  const Tensor expected = map("input-x-gradient", {}),
               found = map("lrp", {{"composite", "epsilon"}, {"epsilon", "0"}});
  DOCTEST_CHECK((found - expected).abs().max().item<double>() < 1e-12);
}

DOCTEST_TEST_CASE("settings reach the method: patches and windows of all ranks") {
  const auto model = [](const Tensors& x) { return x[0].square().flatten(1).sum(1, true); };
  const Tensor x = nets::random({1, 1, 6}, 3);
  const auto map = named("feature-ablation")
                       .prepare({.settings = {{"features", "grid:4"}}})(model, {x}, {target::Output{}}, {})
                       .front()
                       .map[0];
  const Tensor squares = x.square();
  DOCTEST_CHECK(at::allclose(map[0][0].slice(0, 0, 4), squares[0][0].slice(0, 0, 4).sum().expand({4})));
  DOCTEST_CHECK(at::allclose(map[0][0].slice(0, 4), squares[0][0].slice(0, 4).sum().expand({2})));
  const auto each = named("feature-ablation")
                        .prepare({.settings = {{"features", "elements"}}})(model, {x}, {target::Output{}}, {})
                        .front()
                        .map[0];
  DOCTEST_CHECK(at::allclose(each, squares));
  const auto features =
      named("feature-ablation").prepare({})(model, {x[0]}, {target::Output{}}, {}).front().map[0];
  DOCTEST_CHECK(at::allclose(features, squares[0]));
}
