// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/image.hpp>
#include <lumen/view/html.hpp>
#include <lumen/view/picture.hpp>
#include <lumen/view/plot.hpp>
#include <lumen/view/report_style.hpp>
#include <lumen/view/table.hpp>

namespace lumen::view {

/// A picture with what is said about it.
struct Figure {
  Tensor picture{};       ///< uint8 [3, H, W]
  std::string title{};    ///< a few words, above the caption; may be empty
  std::string caption{};  ///< may be empty
  std::string alt{};      ///< what is seen, for those who do not see it; by default the title
};

/// A big number with what it measures.
struct Fact {
  std::string value{};  ///< "0.83"
  std::string label{};  ///< "test IoU"
  std::string note{};   ///< smaller, below; may be empty
};

/// A row of a matrix of small pictures.
struct MatrixRow {
  std::string label{};            ///< at the left, kept in sight
  std::string note{};             ///< smaller, beneath the label
  std::vector<Figure> figures{};  ///< as many as the matrix has columns; an undefined picture leaves a gap
};

/// Small multiples with names at the top and at the left: methods by views, images by stages.
struct Matrix {
  std::vector<std::string> columns{};
  std::vector<MatrixRow> rows{};
  int side = 200;  ///< width of a picture on the page, CSS pixels
};

/// A colour with its meaning.
struct Key {
  Rgb color{};
  std::string meaning{};
};

/// A part of a report, built up piece by piece in reading order. All words are plain text: HTML in them is
/// shown, and never obeyed.
class Section {
 public:
  explicit Section(std::string title) : title_(std::move(title)) {}

  [[nodiscard]] const std::string& title() const noexcept { return title_; }
  [[nodiscard]] const std::string& html() const noexcept { return html_; }

  Section& heading(std::string_view words) { return add("<h3>" + escape(words) + "</h3>\n"); }
  /// Paragraphs, parted by empty lines.
  Section& text(std::string_view words) { return paragraphs(words, ""); }
  /// The same, smaller and softer.
  Section& note(std::string_view words) { return paragraphs(words, " class=\"note\""); }
  /// A link to a file beside the report, by its relative path.
  /// @throws Error for another address: a report leads to nothing outside of its folder
  Section& link(std::string_view words, const std::filesystem::path& file) {
    const std::string path = file.generic_string();
    require(file.is_relative() && path.find(':') == std::string::npos && !path.starts_with("//"),
            [&] { return lumen::text("a report links to files beside it, not to ", path); });
    return add("<p><a href=\"" + escape(path) + "\">" + escape(words) + "</a></p>\n");
  }
  /// A command or code, as it is.
  Section& code(std::string_view words) { return add("<pre><code>" + escape(words) + "</code></pre>\n"); }
  Section& table(const Table& table) { return add(table.html()); }
  Section& table(std::vector<std::string> headers, std::vector<std::vector<std::string>> rows) {
    return table(Table{.headers = std::move(headers), .rows = std::move(rows)});
  }
  Section& facts(const std::vector<Fact>& facts);
  Section& key(const std::vector<Key>& keys);
  /// One picture at its own size, or as wide as the page; `zoom` magnifies it on the page, not in the file.
  Section& figure(const Figure& figure, int zoom = 1);
  Section& figure(Tensor picture, std::string caption, std::string alt, int zoom = 1) {
    return figure(Figure{.picture = std::move(picture), .caption = std::move(caption), .alt = std::move(alt)},
                  zoom);
  }
  /// Pictures beside one another, as many in a row as fit. `side`: the least width of each, CSS pixels.
  Section& grid(const std::vector<Figure>& figures, int side = 208);
  /// @throws Error when a row has another number of pictures than there are columns
  Section& matrix(const Matrix& matrix);
  Section& plot(const LineChart& chart, std::string_view caption = {}) { return plots({chart}, caption); }
  /// Charts beside one another.
  Section& plots(const std::vector<LineChart>& charts, std::string_view caption = {});

 private:
  Section& add(std::string_view html) {
    html_ += html;
    return *this;
  }
  Section& paragraphs(std::string_view words, std::string_view attributes);
  static std::string image(const Figure& figure, std::string_view attributes = {});
  static std::string caption(const Figure& figure);

  std::string title_;
  std::string html_{};
};

/// A page that stands alone: pictures inside it, no network, fonts or files besides. Light or dark by the
/// reader's preference. See docs/view.md.
struct Report {
  std::string title{};
  std::string lead{};              ///< what this is and what came out, in a few sentences
  std::string byline{};            ///< when, by what, on what; a small line
  std::deque<Section> sections{};  ///< in order; references stay valid while more are added
  std::vector<std::string> footnotes{};
  std::string language = "en";

  /// Adds a section at the end.
  Section& section(std::string name) { return sections.emplace_back(std::move(name)); }

  /// The whole page.
  [[nodiscard]] std::string html() const;

  /// Writes it.
  /// @throws Error naming the path
  void save(const std::filesystem::path& path) const {
    const std::string page = html();
    io::write_file(path, {reinterpret_cast<const std::uint8_t*>(page.data()), page.size()});
  }
};

inline Section& Section::paragraphs(std::string_view words, std::string_view attributes) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find("\n\n"), words.size());
    if (words.substr(0, end).find_first_not_of(" \n") != std::string_view::npos)
      add(lumen::text("<p", attributes, ">", escape(words.substr(0, end)), "</p>\n"));
    words.remove_prefix(std::min(end + 2, words.size()));
  }
  return *this;
}

inline std::string Section::image(const Figure& figure, std::string_view attributes) {
  require_picture(figure.picture);
  return lumen::text("<img src=\"data:image/png;base64,", base64(io::encode_png(figure.picture)),
                     "\" width=\"", figure.picture.size(2), "\" height=\"", figure.picture.size(1),
                     "\" alt=\"", escape(figure.alt.empty() ? figure.title : figure.alt), "\"", attributes,
                     ">");
}

inline std::string Section::caption(const Figure& figure) {
  if (figure.title.empty() && figure.caption.empty()) return {};
  return lumen::text("<figcaption>", figure.title.empty() ? "" : "<b>" + escape(figure.title) + "</b>",
                     escape(figure.caption), "</figcaption>");
}

inline Section& Section::facts(const std::vector<Fact>& facts) {
  add("<dl class=\"facts\">");
  for (const Fact& fact : facts)
    add(lumen::text("<div><dt>", escape(fact.label), "</dt><dd>", escape(fact.value),
                    fact.note.empty() ? "" : "<small>" + escape(fact.note) + "</small>", "</dd></div>"));
  return add("</dl>\n");
}

inline Section& Section::key(const std::vector<Key>& keys) {
  add("<ul class=\"key\">");
  for (const Key& key : keys)
    add(lumen::text("<li><i style=\"background:rgb(", int{key.color.red}, ",", int{key.color.green}, ",",
                    int{key.color.blue}, ")\"></i>", escape(key.meaning), "</li>"));
  return add("</ul>\n");
}

inline Section& Section::figure(const Figure& figure, int zoom) {
  require_picture(figure.picture);
  require(zoom >= 1 && zoom <= 64, "Section::figure: zoom lies in 1..64");
  return add(lumen::text("<figure class=\"single\">",
                         image(figure, lumen::text(" style=\"width:", figure.picture.size(2) * zoom, "px\"")),
                         caption(figure), "</figure>\n"));
}

inline Section& Section::grid(const std::vector<Figure>& figures, int side) {
  add(lumen::text("<div class=\"grid\" style=\"--side:", side, "px\">"));
  for (const Figure& figure : figures) add("<figure>" + image(figure) + caption(figure) + "</figure>");
  return add("</div>\n");
}

inline Section& Section::matrix(const Matrix& matrix) {
  for (const MatrixRow& row : matrix.rows)
    require(row.figures.size() == matrix.columns.size(), [&] {
      return lumen::text("Section::matrix: the row '", row.label, "' has ", row.figures.size(),
                         " pictures, but there are ", matrix.columns.size(), " columns");
    });
  add(lumen::text("<div class=\"scroll\"><table class=\"matrix\" style=\"--side:", matrix.side,
                  "px\"><thead><tr><td></td>"));
  for (const std::string& column : matrix.columns) add("<th scope=\"col\">" + escape(column) + "</th>");
  add("</tr></thead><tbody>");
  for (const MatrixRow& row : matrix.rows) {
    add(lumen::text("<tr><th scope=\"row\">", escape(row.label),
                    row.note.empty() ? "" : "<small>" + escape(row.note) + "</small>", "</th>"));
    for (std::size_t i = 0; i < row.figures.size(); ++i) {
      Figure figure = row.figures[i];
      if (figure.alt.empty()) figure.alt = row.label + ", " + matrix.columns[i];
      add("<td>");
      if (figure.picture.defined()) add("<figure>" + image(figure) + caption(figure) + "</figure>");
      add("</td>");
    }
    add("</tr>");
  }
  return add("</tbody></table></div>\n");
}

inline Section& Section::plots(const std::vector<LineChart>& charts, std::string_view caption) {
  add("<div class=\"charts\">");
  for (const LineChart& chart : charts) add("<figure>" + chart.svg() + "</figure>");
  add("</div>\n");
  return caption.empty() ? *this : note(caption);
}

inline std::string Report::html() const {
  require(!title.empty(), "Report: it needs a title");
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const Section& section : sections) {
    const std::string base = anchor(section.title());
    std::string name = base;
    for (int i = 2; !taken.insert(name).second; ++i) name = lumen::text(base, "-", i);
    names.push_back(name);
  }
  std::string out =
      text("<!doctype html>\n<html lang=\"", escape(language), "\">\n<head>\n<meta charset=\"utf-8\">\n",
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
           "<meta name=\"generator\" content=\"lumen\">\n<title>", escape(title), "</title>\n<style>",
           report_style, "</style>\n</head>\n<body>\n<div class=\"page\">\n<header>\n<h1>", escape(title),
           "</h1>\n");
  if (!lead.empty()) out += "<p class=\"lead\">" + escape(lead) + "</p>\n";
  if (!byline.empty()) out += "<p class=\"byline\">" + escape(byline) + "</p>\n";
  out += "</header>\n";
  if (sections.size() > 2) {
    out += "<nav aria-label=\"Contents\">";
    for (std::size_t i = 0; i < sections.size(); ++i)
      out += text("<a href=\"#", names[i], "\">", escape(sections[i].title()), "</a>");
    out += "</nav>\n";
  }
  out += "<main>\n";
  for (std::size_t i = 0; i < sections.size(); ++i)
    out += text("<section id=\"", names[i], "\">\n<h2>", escape(sections[i].title()), "</h2>\n",
                sections[i].html(), "</section>\n");
  out += "</main>\n";
  if (!footnotes.empty()) {
    out += "<footer><ol>";
    for (const std::string& footnote : footnotes) out += "<li>" + escape(footnote) + "</li>";
    out += "</ol></footer>\n";
  }
  return out + text("</div>\n<script>", report_script, "</script>\n</body>\n</html>\n");
}

}  // namespace lumen::view
