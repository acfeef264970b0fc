// SPDX-License-Identifier: BSD-3-Clause
#include "reducers.hpp"

#include <array>
#include <functional>
#include <optional>
#include <utility>

#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/influence/statistic/sparsity.hpp>
#include <lumen/io/read.hpp>
#include <lumen/map/distance.hpp>
#include <lumen/map/view.hpp>

#include "target.hpp"

namespace cli {

namespace {

namespace inf = lm::influence;
using Parts = std::vector<std::string>;

[[noreturn]] void refuse(const std::string& words, const std::string& why) {
  throw Error(text("--reduce ", words, ": ", why, "; write ", reducer_forms()));
}

/// THRESHOLD:LEVEL, "global:0.01" where nothing is said.
inf::Threshold threshold_of(const Parts& parts, const std::string& words) {
  inf::Threshold threshold;
  if (parts.size() == 1) return threshold;
  if (parts.size() != 3) refuse(words, "expected a threshold and its level");
  std::string kind = parts[1];
  if (const std::size_t at = kind.rfind("-signed"); at != std::string::npos && at + 7 == kind.size()) {
    threshold.signed_maximum = true;
    kind.resize(at);
  }
  using Of = inf::Threshold::Of;
  if (kind == "global") {
    threshold.of = Of::Image;
  } else if (kind == "own") {
    threshold.of = Of::Row;
  } else if (kind == "value" && !threshold.signed_maximum) {
    threshold.of = Of::Value;
  } else {
    refuse(words, "'" + parts[1] + "' is none of global, global-signed, own, own-signed, value");
  }
  threshold.level = to_number(parts[2]);
  threshold.check();
  return threshold;
}

double number_of(const Parts& parts, double otherwise, const std::string& words) {
  if (parts.size() > 2) refuse(words, "expected one number");
  return parts.size() == 2 ? to_number(parts[1]) : otherwise;
}

/// Brighter than half of a file's range, or not 0 for one of bool or floating point values.
Tensor mask_of(const std::string& path) {
  Tensor mask = lm::io::read(path);
  while (mask.dim() > 2 && mask.size(0) == 1) mask = mask[0];
  if (mask.dim() == 3) mask = mask.narrow(0, 0, mask.size(0) >= 3 ? 3 : 1).amax(0);
  require(mask.dim() == 2, [&] { return text(path, " has shape ", mask.sizes(), "; a mask is [H, W]"); });
  if (mask.scalar_type() == at::kBool || at::isFloatingType(mask.scalar_type())) return mask.ne(0);
  return mask.gt(mask.max().item<double>() / 2);
}

template <class S>
std::function<inf::AnyStatistic(const Parts&, const std::string&)> plain() {
  return [](const Parts& parts, const std::string& words) {
    if (parts.size() > 1) refuse(words, "takes nothing after its name");
    return inf::AnyStatistic(S{});
  };
}
template <class S>
std::function<inf::AnyStatistic(const Parts&, const std::string&)> thresholded() {
  return [](const Parts& parts, const std::string& words) {
    return inf::AnyStatistic(S{threshold_of(parts, words)});
  };
}
template <class S>
std::function<inf::AnyStatistic(const Parts&, const std::string&)> masked() {
  return [](const Parts& parts, const std::string& words) {
    if (parts.size() != 2) refuse(words, "expected a mask's file");
    return inf::AnyStatistic(S{mask_of(parts[1])});
  };
}

struct Form {
  const char* name;
  const char* after;
  const char* what;
  std::function<inf::AnyStatistic(const Parts&, const std::string&)> make;
};

const std::vector<Form>& forms() {
  static constexpr const char* level = "[:THRESHOLD:LEVEL]";
  static const std::vector<Form> all{
      {"count", level, "pixels whose magnitude is above the threshold", thresholded<inf::Count>()},
      {"bounding-box", level, "of those: first row, past the last, first column, past the last",
       thresholded<inf::BoundingBox>()},
      {"box-area", level, "pixels of the bounding box", thresholded<inf::BoxArea>()},
      {"fulfilment", level, "share of the bounding box that counts, 0 to 1", thresholded<inf::Fulfilment>()},
      {"positive-mass", "", "sum of what raises the score", plain<inf::PositiveMass>()},
      {"negative-mass", "", "sum of the magnitudes of what lowers it", plain<inf::NegativeMass>()},
      {"mass", "", "sum of the magnitudes", plain<inf::Mass>()},
      {"net-mass", "", "sum", plain<inf::NetMass>()},
      {"energy", "", "sum of the squares", plain<inf::Energy>()},
      {"peak", "", "largest magnitude", plain<inf::Peak>()},
      {"highest", "", "largest value", plain<inf::Highest>()},
      {"lowest", "", "smallest value", plain<inf::Lowest>()},
      {"gini", "", "Gini index over the image, 0 to 1", plain<inf::Gini>()},
      {"hoyer", "", "Hoyer's sparseness over the image, 0 to 1", plain<inf::Hoyer>()},
      {"centroid", "", "rows and columns from the pixel to the centroid", plain<inf::CentroidOffset>()},
      {"centroid-distance", "", "pixels from the pixel to the centroid", plain<inf::CentroidDistance>()},
      {"radius", "[:PERCENT]", "pixels within which the share of the energy lies, 90 % by default",
       [](const Parts& parts, const std::string& words) {
         const double percent = number_of(parts, 90, words);
         if (!(percent > 0 && percent <= 100)) refuse(words, "expected a percentage above 0, up to 100");
         return inf::AnyStatistic(inf::EnergyRadius{percent});
       }},
      {"inside", ":MASK", "share of the mass inside a mask, 0 to 1", masked<inf::MassInside>()},
      {"outside", ":MASK", "share outside of it", masked<inf::MassOutside>()},
      {"distance", ":MASK[:EDGES]",
       "shares of the mass by distance from a mask, 1,2,4,8,16,32 pixels by default",
       [](const Parts& parts, const std::string& words) {
         if (parts.size() != 2 && parts.size() != 3)
           refuse(words, "expected a mask's file, and edges at most");
         const std::vector<double> edges =
             parts.size() == 3 ? to_numbers(parts[2]) : std::vector<double>{1, 2, 4, 8, 16, 32};
         const Tensor mask = mask_of(parts[1]).contiguous();
         return inf::AnyStatistic(
             inf::by_distance(lm::map::tensor(lm::map::distance_to(lm::map::view<bool>(mask))), edges));
       }},
  };
  return all;
}

std::vector<inf::Place> places_of(const std::string& words, const std::string& rest) {
  std::vector<inf::Place> places;
  for (const std::string& each : cut(rest, ';')) {
    const auto at = to_integers(each);
    require(at.size() == 2, [&] { return text("--outputs ", words, ": '", each, "' is no ROW,COLUMN"); });
    places.push_back({at[0], at[1]});
  }
  return places;
}

}  // namespace

std::string reducer_forms() {
  std::string all;
  for (const Form& form : forms()) all += text(all.empty() ? "" : ", ", form.name, form.after);
  return all + " (THRESHOLD: global, global-signed, own, own-signed or value; global:0.01 by default)";
}

NamedStatistic to_statistic(const std::string& words) {
  const Parts parts = cut(words, ':');
  for (const Form& form : forms()) {
    if (form.name != parts.front()) continue;
    std::string file;
    for (const char c : words) {
      const bool plain =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
      file += plain ? c : '-';
    }
    return {.words = words, .file = file, .what = form.what, .statistic = form.make(parts, words)};
  }
  refuse(words, "there is no such reducer");
}

inf::Outputs to_outputs(const std::string& words) {
  const std::size_t colon = words.find(':');
  const std::string name = words.substr(0, colon),
                    rest = colon == std::string::npos ? "" : words.substr(colon + 1);
  if (words == "all") return inf::All{};
  if (name == "every") {
    std::vector<std::int64_t> steps;
    try {
      steps = to_integers(rest);
    } catch (const Error&) {  // said below
    }
    require(steps.size() == 1 && steps[0] >= 1,
            [&] { return text("--outputs ", words, ": expected a step, such as every:4"); });
    return inf::Every{.step = steps[0]};
  }
  if (name == "pixels") return inf::Pixels{places_of(words, rest)};
  if (name == "path") return inf::Path{places_of(words, rest)};
  try {
    return inf::Mask{mask_of(words)};
  } catch (const Error& error) {
    throw Error(text(
        "--outputs ", words, ": ", error.what(),
        "; write all, every:4, 'pixels:ROW,COLUMN;ROW,COLUMN', 'path:ROW,COLUMN;...', or a mask's file"));
  }
}

}  // namespace cli
