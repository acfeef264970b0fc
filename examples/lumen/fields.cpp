// SPDX-License-Identifier: BSD-3-Clause
#include "fields.hpp"

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <lumen/core/terminal_bar.hpp>
#include <lumen/influence/field/gaussian.hpp>
#include <lumen/influence/field/probes.hpp>
#include <lumen/influence/field/theoretical.hpp>

namespace cli {

namespace {

namespace inf = lm::influence;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json line_of(const inf::LayerField& field) {
  Json line{{"operator", field.kind + ":" + std::to_string(field.nth)},
            {"output", field.sizes},
            {"rows", {field.rows.begin, field.rows.end}},
            {"columns", {field.columns.begin, field.columns.end}},
            {"size", {field.rows.size(), field.columns.size()}},
            {"stride", {number(field.row_stride), number(field.column_stride)}},
            {"clipped", field.clipped}};
  if (!field.whole.empty()) line["sees_all_through"] = field.whole;
  return line;
}

std::string short_number(double value) {
  char words[32];
  std::snprintf(words, sizeof words, "%.3g", value);
  return words;
}

}  // namespace

Json receptive_fields(const std::function<Tensor(const Tensor&)>& model, const Tensor& x, bool effective) {
  if (x.dim() != 4) return {{"why_not", "the input is no image"}};
  lm::trace::ProgramOptions options{.any_batch = false, .verify = false};
  options.run.memory = std::int64_t{1} << 30;
  const lm::trace::Program program = lm::trace::Program::record(
      [&](const lm::Tensors& parts) { return model(parts.front()); }, {x}, options);
  if (program.output() < 0) {
    return {{"why_not", program.exact() ? "the output does not depend on the input" : program.why_not()}};
  }
  const std::vector<inf::LayerField> all = inf::TheoreticalFields(program).all();
  Json json = Json::array();
  for (const inf::LayerField& field : all) json.push_back(line_of(field));
  if (!effective) return json;
  if (!program.exact()) return {{"why_not", program.why_not()}};
  std::vector<lm::trace::ValueId> values;
  for (const inf::LayerField& field : all) values.push_back(field.value);
  const std::vector<inf::Field> found =
      inf::layer_fields(program, x, values, 8, {.progress = lm::TerminalBar{}});
  for (std::size_t i = 0; i < found.size(); ++i) {
    const inf::Gaussian fit = inf::fit_gaussian(found[i].energy);
    json[i]["effective"] = {{"radius_90", number(found[i].radius(90))},
                            {"sigma", {number(fit.sigma_row), number(fit.sigma_column)}},
                            {"r_squared", number(fit.r_squared)}};
  }
  return json;
}

std::string lines_of_fields(const Json& fields) {
  if (fields.is_object()) return "  none: " + fields["why_not"].get<std::string>() + "\n";
  std::string all;
  bool clipped = false;
  for (const Json& field : fields) {
    char words[160];
    std::snprintf(words, sizeof words, "  %-32s %s x %s%s, every %s",
                  field["operator"].get<std::string>().c_str(), field["size"][0].dump().c_str(),
                  field["size"][1].dump().c_str(), field["clipped"].get<bool>() ? "*" : "",
                  field["stride"][0].dump().c_str());
    all += words;
    if (field.contains("sees_all_through"))
      all += "; all of the image, through " + field["sees_all_through"].get<std::string>();
    if (field.contains("effective") && !field["effective"]["radius_90"].is_null()) {
      all += "; 90 % of the energy within " + short_number(field["effective"]["radius_90"].get<double>()) +
             " pixels";
      if (!field["effective"]["sigma"][0].is_null())
        all += ", sigma " + short_number(field["effective"]["sigma"][0].get<double>()) + " x " +
               short_number(field["effective"]["sigma"][1].get<double>());
    }
    all += "\n";
    clipped = clipped || field["clipped"].get<bool>();
  }
  if (clipped) all += "  * cut by the image's border; a larger --shape may show more\n";
  return all;
}

}  // namespace cli
