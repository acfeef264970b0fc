// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/row_chunk.hpp>
#include <lumen/influence/windows.hpp>
#include <lumen/io/image.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/detail/influence_page_script.hpp>
#include <lumen/view/html.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/picture.hpp>
#include <lumen/view/report_style.hpp>

namespace lumen::view {

/// A page that answers for many pixels of one image without a server: rows of the influence stream in one HTML file,
/// looked at by pointing, clicking and keys. Give it to `influence::rows` as the sink, then `html`.
///
/// Each row is kept as bytes: its channels' sum, rounded to 1/127 of its largest magnitude (so values are off by at most
/// 1/254 of that), in the smallest box that holds what is not 0 then. Bytes and boxes are packed into one PNG.
class InfluencePage {
 public:
  /// Takes rows of one target. @throws Error for rows of several, or of images of several sizes
  void operator()(const influence::RowChunk& chunk) {
    require(
        chunk.target == 0 && (scales_.empty() || (height_ == chunk.out_height && width_ == chunk.out_width)),
        "InfluencePage: rows of another target or image; one page shows one target of one image");
    require(chunk.height == chunk.out_height && chunk.width == chunk.out_width, [&] {
      return text("InfluencePage: the output has ", chunk.out_height, " x ", chunk.out_width,
                  " pixels and the image ", chunk.height, " x ", chunk.width, "; the page needs the same");
    });
    height_ = chunk.out_height;
    width_ = chunk.out_width;
    const influence::Windows rows(chunk);
    const Tensor values = rows.on_cpu().to(at::kFloat).contiguous(),
                 scores = chunk.scores.cpu().to(at::kDouble).contiguous();
    for (std::int64_t b = 0; b < chunk.size(); ++b) {
      const auto* place = chunk.places.data_ptr<std::int64_t>() + 2 * b;
      places_.insert(places_.end(), {place[0], place[1]});
      scores_.push_back(scores.data_ptr<double>()[b]);
      pack(values[b], rows.top().data_ptr<std::int64_t>()[b], rows.left().data_ptr<std::int64_t>()[b]);
    }
  }

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(scales_.size()); }

  /// The page.
  /// @param image        [C, H, W] or [H, W], as `picture` takes it
  /// @param probability  [H, W], in [0, 1]; where it is above 0.5 is outlined
  /// @param title, note  plain text
  /// @param score        what was differentiated, in words: "probability of vessel"
  /// @throws Error if there is no row, or a size differs
  [[nodiscard]] std::string html(const Tensor& image, const Tensor& probability, std::string_view title,
                                 std::string_view note, std::string_view score) const {
    require(!scales_.empty(), "InfluencePage: no row was given; ask about at least one pixel");
    const Tensor base = picture(image);
    require(base.size(1) == height_ && base.size(2) == width_ && probability.dim() == 2 &&
                probability.size(0) == height_ && probability.size(1) == width_,
            [&] {
              return text("InfluencePage: the image is ", image.sizes(), " and the probability ",
                          probability.sizes(), "; expected ", height_, " rows and ", width_, " columns");
            });
    std::string page =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">";
    page += text("<title>", escape(title), "</title><style>", report_style, detail::influence_page_style,
                 "</style></head>");
    page += text("<body><main class=\"page\"><header><h1>", escape(title), "</h1><p class=\"note\">",
                 escape(note), " ", rows(),
                 " pixels are stored, each with its values rounded to 1/127 of its largest. ",
                 "Point at the image or move with the arrow keys; a click or Enter pins.</p></header>");
    page +=
        "<p id=\"trouble\" role=\"alert\" hidden></p><div class=\"tools\"><label>Threshold "
        "<input id=\"percent\" type=\"number\" min=\"0.8\" max=\"100\" step=\"any\" value=\"10\"> % of the "
        "pixel's "
        "maximum</label><label>Colours <select "
        "id=\"colors\"><option>rd-yl-gn</option><option>rd-bu</option></select>"
        "</label><label><input id=\"alone\" type=\"checkbox\"> influence without the image</label></div>"
        "<div class=\"panels\">";
    for (const auto& [id, name, key] :
         {std::tuple{"image", "Image", true}, std::tuple{"probability", "Probability", true},
          std::tuple{"influence", "Influence", true}, std::tuple{"detail", "Detail", false}}) {
      page += text("<figure><canvas id=\"", id, "-panel\" ",
                   key ? "tabindex=\"0\" role=\"application\"" : "role=\"img\"", " aria-label=\"", name,
                   "\"></canvas><figcaption><b>", name, "</b><span id=\"", id,
                   "-text\"></span></figcaption></figure>");
    }
    page +=
        "</div><h2 id=\"numbers-title\">Numbers</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-labelledby=\"numbers-title\"><table class=\"data\"><thead><tr>";
    for (const char* name :
         {"", "Pixel", "Score", "Pixels", "Area", "Fulfilment", "Positive mass", "Negative mass"}) {
      page += *name == 0 ? "<td></td>" : text("<th scope=\"col\">", name, "</th>");
    }
    page +=
        "</tr></thead><tbody id=\"numbers\"></tbody></table></div><p id=\"live\" class=\"unseen\" "
        "role=\"status\"></p>";
    const auto hidden = [&](const char* id, const std::vector<std::uint8_t>& png) {
      page += text("<img id=\"", id, "\" hidden alt=\"\" src=\"data:image/png;base64,", base64(png), "\">");
    };
    hidden("image", io::encode_png(base));
    hidden("probability", io::encode_png(tint(colorize(probability, colormap::viridis, {0.0, 1.0}),
                                              outline(probability.gt(0.5)), {53, 208, 255})));
    hidden("rows", io::encode_png(packed()));
    page += text("<script type=\"application/json\" id=\"data\">", data(score), "</script><script>",
                 detail::influence_page_script, "</script></main></body></html>\n");
    return page;
  }

 private:
  /// One row's window as bytes, without the border that rounds to 0.
  void pack(const Tensor& window, std::int64_t top, std::int64_t left) {
    const double most = window.abs().max().item<double>();
    require(std::isfinite(most), "InfluencePage: a row holds NaN or infinite values");
    const Tensor steps = most > 0 ? (window * (127.0 / most)).round() : window;
    const auto ends = [](const Tensor& any) {
      const Tensor places = any.nonzero().flatten();
      return places.numel() == 0
                 ? std::pair<std::int64_t, std::int64_t>{0, 0}
                 : std::pair{places[0].item<std::int64_t>(), places[-1].item<std::int64_t>() + 1};
    };
    const auto [r0, r1] = ends(steps.ne(0).any(1));
    const auto [c0, c1] = ends(steps.ne(0).any(0));
    const Tensor kept =
        (steps.narrow(0, r0, r1 - r0).narrow(1, c0, c1 - c0) + 128).to(at::kByte).contiguous();
    boxes_.insert(boxes_.end(), {top + r0, left + c0, r1 - r0, c1 - c0});
    offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
    scales_.push_back(most);
    const auto* first = kept.data_ptr<std::uint8_t>();
    bytes_.insert(bytes_.end(), first, first + kept.numel());
  }

  /// All bytes, as a gray picture.
  [[nodiscard]] Tensor packed() const {
    constexpr std::int64_t width = 2048;
    const std::int64_t lines =
        std::max<std::int64_t>(1, (static_cast<std::int64_t>(bytes_.size()) + width - 1) / width);
    Tensor picture = at::zeros({1, lines, width}, at::kByte);
    std::copy(bytes_.begin(), bytes_.end(), picture.data_ptr<std::uint8_t>());
    return picture;
  }

  [[nodiscard]] std::string data(std::string_view score) const {
    std::string json = text("{\"rows\":", height_, ",\"columns\":", width_);
    const auto list = [&](const char* name, const auto& values) {
      std::ostringstream out;
      out.precision(9);
      out << ",\"" << name << "\":[";
      for (std::size_t i = 0; i < values.size(); ++i) out << (i > 0 ? "," : "") << values[i];
      json += out.str() + "]";
    };
    list("places", places_);
    list("boxes", boxes_);
    list("offsets", offsets_);
    list("scales", scales_);
    list("scores", scores_);
    std::uint32_t sum = 0;  // a browser may not give pictures as they are
    for (const std::uint8_t byte : bytes_) sum = sum * 31 + byte;
    json += text(",\"bytes\":", bytes_.size(), ",\"sum\":", sum);
    std::string words;
    for (const char c : score)
      words += c == '"' || c == '\\' || c == '<' || static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return json + text(",\"score\":\"", words, "\",\"maps\":{\"rd-yl-gn\":\"", colormap::rd_yl_gn.anchors,
                       "\",\"rd-bu\":\"", colormap::rd_bu.anchors, "\"}}");
  }

  std::int64_t height_ = 0, width_ = 0;
  std::vector<std::int64_t> places_, boxes_, offsets_;
  std::vector<double> scales_, scores_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace lumen::view
