// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/view/html.hpp>

namespace lumen::view {

/// Which value of a table's column is marked.
enum class Best : std::uint8_t { None, Highest, Lowest };

/// A table of a report. A column whose entries all begin with a number (or are a dash or empty) is set to the
/// right, and sorted by that number when its head is pressed.
struct Table {
  std::vector<std::string> headers{};
  std::vector<std::vector<std::string>>
      rows{};                ///< as many entries each as `headers`; see `number`, `decimals`
  std::vector<Best> best{};  ///< one a column; columns beyond its end have none
  std::string caption{};

  /// The number that an entry begins with ("0.83", "-1e-5", "12 ms", "85 %"); NaN for a dash or nothing, and
  /// nullopt for anything else.
  [[nodiscard]] static std::optional<double> value(const std::string& entry) {
    if (entry.empty() || entry == "\u2013" || entry == "-" || entry == "nan")
      return std::numeric_limits<double>::quiet_NaN();
    const char first = entry.front();
    if (!(first >= '0' && first <= '9') && first != '-' && first != '+' && first != '.') return std::nullopt;
    char* end = nullptr;
    const double found = std::strtod(entry.c_str(), &end);
    const std::string_view rest(end);
    bool whole = end != entry.c_str() && rest.empty();
    for (const std::string_view unit : {" ", "%", "\u00d7", "\u00b1", "\u00b0", "\u00a0", "\u202f"})
      whole = whole || (end != entry.c_str() && rest.starts_with(unit));
    return whole ? std::optional(found) : std::nullopt;
  }

  /// @throws Error when a row has another number of entries than there are headers
  [[nodiscard]] std::string html() const {
    require(!headers.empty(), "Table: it needs headers");
    for (const auto& row : rows)
      require(row.size() == headers.size(), [&] {
        return text("Table: a row has ", row.size(), " entries, but there are ", headers.size(), " headers");
      });
    std::vector<Column> columns;
    for (std::size_t i = 0; i < headers.size(); ++i) columns.push_back(column(i));

    std::string out =
        "<figure class=\"single\"><div class=\"wide\"><table class=\"data sortable\"><thead><tr>";
    for (std::size_t i = 0; i < headers.size(); ++i)
      out += text("<th scope=\"col\"", columns[i].numeric ? " class=\"n\"" : "", ">", escape(headers[i]),
                  "</th>");
    out += "</tr></thead><tbody>";
    for (const auto& row : rows) {
      out += "<tr>";
      for (std::size_t i = 0; i < row.size(); ++i) {
        const bool head = i == 0 && !columns[i].numeric;
        out += head ? "<th scope=\"row\"" : "<td";
        if (columns[i].numeric) {
          const double found = value(row[i]).value_or(std::numeric_limits<double>::quiet_NaN());
          out += text(" class=\"n", found == columns[i].top ? " best" : "", "\" data-v=\"");
          out += std::isnan(found) ? "NaN" : row[i].substr(0, row[i].find_first_not_of("0123456789+-.eE"));
          out += '"';
        }
        out += text(">", escape(row[i]), head ? "</th>" : "</td>");
      }
      out += "</tr>";
    }
    out += "</tbody></table></div>";
    if (!caption.empty()) out += "<figcaption>" + escape(caption) + "</figcaption>";
    return out + "</figure>\n";
  }

  // Not for callers: an aggregate has no private members.
  struct Column {
    bool numeric = false;
    double top = std::numeric_limits<double>::quiet_NaN();  ///< the value to mark
  };
  [[nodiscard]] Column column(std::size_t index) const {
    Column out{.numeric = !rows.empty()};
    const Best wanted = index < best.size() ? best[index] : Best::None;
    for (const auto& row : rows) {
      const auto found = value(row[index]);
      if (!found) return {};
      if (wanted == Best::None || std::isnan(*found)) continue;
      const bool better = wanted == Best::Highest ? *found > out.top : *found < out.top;
      if (std::isnan(out.top) || better) out.top = *found;
    }
    return out;
  }
};

}  // namespace lumen::view
