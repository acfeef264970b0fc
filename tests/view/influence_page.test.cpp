// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/influence_page.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>

#include <lumen/influence/rows.hpp>
#include <lumen/io/decode_image.hpp>
#include <lumen/io/raster_tensor.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"

using lumen::Tensor;
using lumen::testing::nets::random;
namespace influence = lumen::influence;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::view::InfluencePage;

namespace {

std::vector<std::uint8_t> from_base64(std::string_view text) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    group = (group << 6) | static_cast<std::uint32_t>(digits.find(c));
    if ((bits += 6) >= 8) bytes.push_back(static_cast<std::uint8_t>(group >> (bits -= 8)));
  }
  return bytes;
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  DOCTEST_REQUIRE(from != std::string::npos);
  return text.substr(from + begin.size(), text.find(end, from + begin.size()) - from - begin.size());
}

std::vector<double> list(const std::string& json, const std::string& name) {
  std::vector<double> values;
  std::string words = between(json, "\"" + name + "\":[", "]");
  std::replace(words.begin(), words.end(), ',', ' ');
  std::istringstream in(words);
  for (double value = 0; in >> value;) values.push_back(value);
  return values;
}

}  // namespace

DOCTEST_TEST_CASE("a page holds the rows to 1/254 of their largest magnitude, and names no other site") {
  const nets::Segmentation net;
  const Tensor image = random({1, 1, 9, 7}, 1);
  const lumen::Targets probability{target::Softmax{target::Class{.index = 1}}};
  InfluencePage page;
  std::vector<Tensor> expected(63);
  influence::rows(net, image, influence::Every{.step = 2}, probability,
                  [&](const influence::RowChunk& chunk) {
                    page(chunk);
                    const Tensor dense = chunk.dense().sum(1);
                    for (std::int64_t b = 0; b < chunk.size(); ++b)
                      expected[static_cast<std::size_t>(chunk.index[b].item<std::int64_t>())] = dense[b];
                  });
  DOCTEST_CHECK(page.rows() == 20);
  const Tensor shown = (image[0] - image.min()) / (image.max() - image.min());
  const std::string html =
      page.html(shown, net(image).softmax(1)[0][1], "A <title>", "A note.", "probability of \"1\"");
  DOCTEST_CHECK(html.find("A &lt;title&gt;") != std::string::npos);
  DOCTEST_CHECK(html.find("http://") == std::string::npos);
  DOCTEST_CHECK(html.find("https://") == std::string::npos);
  DOCTEST_CHECK(html.find("default-src 'none'") != std::string::npos);

  const std::string json = between(html, "id=\"data\">", "</script>");
  const std::vector<double> places = list(json, "places"), boxes = list(json, "boxes"),
                            offsets = list(json, "offsets"), scales = list(json, "scales");
  const std::string png =
      between(html, "<img id=\"rows\" hidden alt=\"\" src=\"data:image/png;base64,", "\"");
  const Tensor bytes = lumen::io::to_tensor(lumen::io::decode_image(from_base64(png)))[0].flatten();
  DOCTEST_REQUIRE(scales.size() == 20);
  const auto whole = [&](const std::string& name) {
    const std::string key = "\"" + name + "\":";
    return std::stoull(json.substr(json.find(key) + key.size()));
  };
  std::uint32_t sum = 0;  // by which a page sees that a browser changed its picture
  for (std::uint64_t i = 0; i < whole("bytes"); ++i)
    sum = sum * 31 + static_cast<std::uint32_t>(bytes[static_cast<std::int64_t>(i)].item<std::int64_t>());
  DOCTEST_CHECK(whole("sum") == sum);
  DOCTEST_CHECK(whole("bytes") <= static_cast<std::uint64_t>(bytes.numel()));
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const auto at = [&](const std::vector<double>& values, std::size_t k, std::size_t of) {
      return static_cast<std::int64_t>(values[of * i + k]);
    };
    const std::int64_t h = at(boxes, 2, 4), w = at(boxes, 3, 4);
    Tensor dense = at::zeros({9, 7}, at::kDouble);
    dense.narrow(0, at(boxes, 0, 4), h)
        .narrow(1, at(boxes, 1, 4), w)
        .copy_((bytes.narrow(0, at(offsets, 0, 1), h * w).reshape({h, w}).to(at::kDouble) - 128) / 127 *
               scales[i]);
    const Tensor& row = expected[static_cast<std::size_t>(at(places, 0, 2) * 7 + at(places, 1, 2))];
    DOCTEST_REQUIRE(row.defined());
    DOCTEST_CHECK((dense - row).abs().max().item<double>() <= scales[i] / 254 * (1 + 1e-6));
  }
}

DOCTEST_TEST_CASE("what makes no page is refused") {
  const nets::Segmentation net;
  const Tensor image = random({1, 1, 9, 7}, 1);
  InfluencePage page;
  DOCTEST_CHECK_THROWS_WITH_AS((void)page.html(image[0], image[0][0], "t", "n", "s"),
                               doctest::Contains("no row"), lumen::Error);
  influence::rows(net, image, influence::Pixels{{{1, 1}}}, {target::Class{.index = 1}}, std::ref(page));
  influence::RowChunk other;
  influence::rows(net, random({1, 1, 5, 7}, 2), influence::Pixels{{{1, 1}}}, {target::Class{.index = 1}},
                  [&](const influence::RowChunk& chunk) { other = chunk; });
  DOCTEST_CHECK_THROWS_WITH_AS(page(other), doctest::Contains("one target of one image"), lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)page.html(image[0].clamp(0, 1), at::zeros({5, 7}), "t", "n", "s"),
                               doctest::Contains("expected 9 rows"), lumen::Error);
}
