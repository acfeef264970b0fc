// SPDX-License-Identifier: BSD-3-Clause
#include "target.hpp"

#include <string_view>
#include <utility>

#include <lumen/io/read.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/logit.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/slice.hpp>
#include <lumen/target/transform.hpp>

namespace cli {

namespace {

namespace t = lm::target;

constexpr const char* forms =
    "3, class:3, output, element:1,2,3, slice:0-4,*, pixel:CHANNEL,ROW,COLUMN, region:1,mask.png, "
    "class-region:1, margin:3,5, or one of these behind softmax:, log-odds: or logit:";

[[noreturn]] void refuse(const std::string& words, const std::string& why) {
  throw Error(text("target '", words, "': ", why, "; write ", forms));
}

std::vector<std::int64_t> integers(const std::string& words, const std::string& rest) {
  try {
    return to_integers(rest);
  } catch (const Error& error) {
    refuse(words, error.what());
  }
}

/// A mask from a file: where an image is brighter than half, or the weights of a floating point array.
Tensor mask_of(const std::string& path) {
  Tensor mask = lm::io::read(path);
  while (mask.dim() > 2 && mask.size(0) == 1) mask = mask[0];
  const bool weights = at::isFloatingType(mask.scalar_type());
  if (mask.dim() == 3 && !weights) mask = mask.narrow(0, 0, mask.size(0) >= 3 ? 3 : 1).amax(0);
  require(mask.dim() == 2,
          [&] { return text(path, " is of shape ", mask.sizes(), "; a region's mask is [H, W]"); });
  if (weights || mask.scalar_type() == at::kBool) return mask;
  return mask.gt(mask.max().item<double>() / 2);
}

t::Reduction reduction_of(std::vector<std::string>& parts) {
  if (parts.back() != "mean" && parts.back() != "sum") return t::Reduction::Sum;
  const bool mean = parts.back() == "mean";
  parts.pop_back();
  return mean ? t::Reduction::Mean : t::Reduction::Sum;
}

/// A whole channel: its sum or mean over all pixels.
struct Channel {
  std::int64_t channel = 0;
  t::Reduction reduction{};
  Tensor operator()(const Tensor& output) const {
    const bool dense = output.dim() == 4;  // Region tells who is not
    return t::Region{channel, at::ones({dense ? output.size(2) : 1, dense ? output.size(3) : 1}, at::kBool),
                     reduction}(output);
  }
  [[nodiscard]] Channel rows(const Tensor&) const { return *this; }
};

lm::AnyTarget region(const std::string& words, const std::string& rest) {
  std::vector<std::string> parts = cut(rest, ',');
  const t::Reduction reduction = reduction_of(parts);
  if (parts.empty()) refuse(words, "a region needs a channel");
  const std::int64_t channel = integers(words, parts.front()).front();
  if (parts.size() == 1) return Channel{channel, reduction};
  std::string path = parts[1];
  for (std::size_t i = 2; i < parts.size(); ++i) path += "," + parts[i];
  return t::Region{channel, mask_of(path), reduction};
}

lm::AnyTarget class_region(const std::string& words, const std::string& rest) {
  std::vector<std::string> parts = cut(rest, ',');
  t::ClassRegion target{.reduction = reduction_of(parts)};
  if (!parts.empty() && parts.back().find('@') != std::string::npos) {
    const std::vector<std::string> ends = cut(parts.back(), '@');
    if (ends.size() != 2) refuse(words, "expected one threshold behind '@'");
    target.threshold = lm::catalogue::to_number(ends[1]);
    parts.back() = ends[0];
  }
  if (parts.empty() || parts.size() > 2) refuse(words, "expected a channel, and a predicted class at most");
  target.channel = integers(words, parts[0]).front();
  if (parts.size() == 2) target.predicted = integers(words, parts[1]).front();
  return target;
}

lm::AnyTarget slice(const std::string& words, const std::string& rest) {
  t::Slice target;
  for (const std::string& part : cut(rest, ',')) {
    if (part == "*") {
      target.ranges.push_back({});
      continue;
    }
    const std::vector<std::string> ends = cut(part, '-');
    if (ends.size() > 2) refuse(words, "'" + part + "' is not a range");
    const std::int64_t from = integers(words, ends[0]).front();
    target.ranges.push_back({from, ends.size() == 2 ? integers(words, ends[1]).front() : from + 1});
  }
  return target;
}

lm::AnyTarget margin(const std::string& words, const std::string& rest) {
  if (const std::size_t tilde = rest.find('~'); tilde != std::string::npos) {
    return t::Margin<lm::AnyTarget, lm::AnyTarget>{to_target(rest.substr(0, tilde)),
                                                   to_target(rest.substr(tilde + 1))};
  }
  const std::vector<std::int64_t> classes = integers(words, rest);
  if (classes.size() != 2) refuse(words, "a margin has two classes");
  return t::Margin<t::Class, t::Class>{{classes[0]}, {classes[1]}};
}

}  // namespace

lm::AnyTarget to_target(const std::string& words) {
  const std::size_t colon = words.find(':');
  const std::string name = words.substr(0, colon);
  if (colon == std::string::npos) {
    if (name == "output") return t::Output{};
    if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos) {
      refuse(words, "no such target");
    }
    return t::Class{.index = integers(words, name).front()};
  }
  const std::string rest = words.substr(colon + 1);
  if (name == "softmax") return t::Softmax<lm::AnyTarget>{to_target(rest)};
  if (name == "log-odds") return t::LogOdds<lm::AnyTarget>{to_target(rest)};
  if (name == "logit") return t::Logit<lm::AnyTarget>{to_target(rest)};
  if (name == "region") return region(words, rest);
  if (name == "class-region") return class_region(words, rest);
  if (name == "margin") return margin(words, rest);
  if (name == "slice") return slice(words, rest);
  if (name == "element") return t::Element{.index = integers(words, rest)};
  if (name == "class") {
    const auto index = integers(words, rest);
    if (index.size() != 1) refuse(words, "expected one class");
    return t::Class{.index = index[0]};
  }
  if (name == "pixel") {
    const auto at = integers(words, rest);
    if (at.size() != 3) refuse(words, "expected a channel, a row and a column");
    return t::Pixel{.channel = at[0], .row = at[1], .column = at[2]};
  }
  refuse(words, "no such target");
}

void check_scale(const std::string& words, bool probabilities) {
  if (!probabilities) return;
  for (const std::string_view name : {"softmax:", "log-odds:"}) {
    const std::size_t at = words.find(name);
    if (at == std::string::npos || (at > 0 && words[at - 1] != ':' && words[at - 1] != '~')) continue;
    const std::string inner = words.substr(at + name.size());
    throw Error(text("--target ", words, ": the network's output holds probabilities already (it ends in a ",
                     "sigmoid or softmax, or its values say so); write ", inner,
                     " for the probability, logit:", inner, " for its log-odds"));
  }
}

std::string predicted_target(const Tensor& output) {
  if (output.numel() == output.size(0)) return "output";
  require(output.dim() == 2, [&] {
    return text("the network's output is ", output.sizes(), ", which has no one predicted class; say with ",
                "--target what to explain: ", forms);
  });
  return text("class:", output[0].argmax().item<std::int64_t>());
}

}  // namespace cli
