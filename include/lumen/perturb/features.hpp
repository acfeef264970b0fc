// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/perturb/groups.hpp>
#include <lumen/perturb/labels.hpp>
#include <lumen/perturb/overlapping.hpp>
#include <lumen/perturb/spread.hpp>

namespace lumen::perturb {

/// The features of one batch: `Regions` of the parts that are explained.
class FeatureRegions {
 public:
  explicit FeatureRegions(std::variant<Groups, Overlapping> regions, std::int64_t passes = 0)
      : regions_(std::move(regions)), passes_(passes) {}

  /// Forward passes that it took to find them.
  [[nodiscard]] std::int64_t passes() const { return passes_; }

  [[nodiscard]] std::int64_t count() const {
    return std::visit([](const auto& each) { return each.count(); }, regions_);
  }
  /// Whether no element is of two features.
  [[nodiscard]] bool disjoint() const { return std::holds_alternative<Groups>(regions_); }
  [[nodiscard]] Tensor where(std::size_t part, const Tensor& which, const Tensor& samples) const {
    return std::visit([&](const auto& each) { return each.where(part, which, samples); }, regions_);
  }
  [[nodiscard]] Box box(std::size_t part, std::int64_t i) const {
    return std::visit([&](const auto& each) { return each.box(part, i); }, regions_);
  }
  [[nodiscard]] Tensor spread(std::size_t part, const Tensor& values, const Tensor& samples) const {
    return std::visit([&](const auto& each) { return perturb::spread(each, part, values, samples); },
                      regions_);
  }

  [[nodiscard]] Tensor summed(std::size_t part, const Tensor& values, const Tensor& samples) const {
    return std::visit([&](const auto& each) { return perturb::summed(each, part, values, samples); },
                      regions_);
  }
  [[nodiscard]] Tensor totals(std::size_t part, const Tensor& values, const Tensor& samples) const {
    return std::visit([&](const auto& each) { return perturb::totals(each, part, values, samples); },
                      regions_);
  }

 private:
  std::variant<Groups, Overlapping> regions_;
  std::int64_t passes_;
};

/// Which elements of an input are taken away together: masks, or a function of the input that makes them.
///
///     FeatureAblation{.groups = {mask}}                              // int64, equal numbers are one feature
///     FeatureAblation{.groups = perturb::Slic{.segments = 50}}       // of each sample its own
///     FeatureAblation{.groups = perturb::Prediction{}}               // the regions that the model predicts
///     FeatureAblation{.groups = perturb::Features::overlapping({a, b, c})}
class Features {
 public:
  /// The model's output on the unperturbed input, computed when it is asked for.
  using Output = std::function<Tensor()>;

  /// Each element by itself.
  Features() = default;
  /// One mask for each input that is not held, integers of any type that broadcast to its shape ([H, W], [1, 1, H, W], for
  /// each sample its own [N, 1, H, W]): elements of equal number, in all inputs, are one feature. None: each element by
  /// itself.
  Features(Tensors masks) : masks_(std::move(masks)) {}             // NOLINT
  Features(std::initializer_list<Tensor> masks) : masks_(masks) {}  // NOLINT
  /// A function of each input, whose features are its own: those of several inputs are told apart.
  template <class L>
    requires(!std::same_as<L, Features> && (Labels<L> || LabelsOfOutput<L>))
  Features(L labels)  // NOLINT
      : make_([labels = std::move(labels)](const Tensors& x, const Output& output) {
          Tensors masks;
          for (const Tensor& part : x) {
            if constexpr (LabelsOfOutput<L>) {
              masks.push_back(labels(part, output()));
            } else {
              masks.push_back(labels(part));
            }
          }
          return apart(std::move(masks));
        }) {}

  /// Of each input its own: `each({Slic{}, Features{}})` for a picture and a row of numbers.
  [[nodiscard]] static Features each(std::vector<Features> parts) {
    Features all;
    all.make_ = [parts = std::move(parts)](const Tensors& x, const Output& output) {
      require(parts.size() == x.size(), [&] {
        return text("features of ", parts.size(), " inputs were given for ", x.size(), "; give one each");
      });
      Tensors masks;
      for (std::size_t i = 0; i < x.size(); ++i) {
        require(parts[i].overlapping_.empty(),
                "overlapping features are given for all inputs together; leave Features::each out");
        const Tensors made = parts[i].masks({x[i]}, output);
        masks.push_back(
            made.empty() ? at::arange(x[i][0].numel(), at::kLong).reshape(x[i].sizes().slice(1)).unsqueeze(0)
                         : made.front());
      }
      return apart(std::move(masks));
    };
    return all;
  }

  /// One mask for each feature, which may overlap: bool, [1, ...], broadcasting to a sample. An element is absent as soon as
  /// one of the features that hold it is, and its value in a map is the sum of theirs (so is its standard error, then a bound); 0 where there is none.
  [[nodiscard]] static Features overlapping(const Tensors& features) {
    std::vector<Tensors> all;
    for (const Tensor& mask : features) all.push_back({mask});
    return overlapping_inputs(std::move(all));
  }
  /// The same for several inputs: for each feature a mask for each, undefined where it has no element.
  [[nodiscard]] static Features overlapping_inputs(std::vector<Tensors> features) {
    require(!features.empty(), "the list of overlapping features is empty; give at least one mask");
    Features all;
    all.overlapping_ = std::move(features);
    return all;
  }

  /// @param x       the parts that are explained
  /// @param output  asked only by features that depend on it
  /// @throws Error if masks do not fit
  [[nodiscard]] FeatureRegions regions(const Tensors& x, const Output& output) const {
    if (!overlapping_.empty()) return FeatureRegions(Overlapping(overlapping_, x));
    Tensor known;
    const Tensors made = masks(x, [&] { return known.defined() ? known : known = output(); });
    return FeatureRegions(Groups(made, x), known.defined() ? 1 : 0);
  }

  /// The int64 masks for these parts; none: each element by itself. @throws Error if they overlap
  [[nodiscard]] Tensors masks(const Tensors& x, const Output& output) const {
    require(overlapping_.empty(),
            "features that overlap are not numbers; this method needs masks of features that do not");
    if (make_) return make_(x, output);
    if (!rows_.defined() || masks_.size() != x.size()) return masks_;
    Tensors masks;
    for (std::size_t i = 0; i < x.size(); ++i) masks.push_back(detail::of_rank(masks_[i], x[i].dim()));
    return rows_of(std::move(masks), rows_);
  }

  /// The same for the samples of the batch that `index` (int64) lists; functions are asked anew.
  [[nodiscard]] Features rows(const Tensor& index) const {
    Features other{*this};
    other.rows_ = rows_.defined() ? rows_.index_select(0, index) : index;
    return other;
  }

  /// About how many features there are for each sample of `x`, as far as it can be told without asking: for budgets.
  [[nodiscard]] std::int64_t about(const Tensors& x) const {
    if (!overlapping_.empty()) return static_cast<std::int64_t>(overlapping_.size());
    if (make_) return 50;
    std::int64_t count = 0;
    for (const Tensor& part : masks_.empty() ? x : masks_) {
      if (masks_.empty()) {
        count += part.numel() / part.size(0);
      } else if (part.defined() &&
                 part.numel() > 0) {  // numbers may have gaps: no more than there are elements
        count += std::clamp<std::int64_t>(part.max().item<std::int64_t>(), 0, part.numel());
      }
    }
    return count;
  }

  /// What they are called in lists and messages.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Features named(std::string name) const {
    Features other{*this};
    other.name_ = std::move(name);
    return other;
  }

 private:
  /// Masks whose numbers are told apart, all from 0 on.
  [[nodiscard]] static Tensors apart(Tensors masks) {
    std::int64_t next = 0;
    for (std::size_t i = 0; i < masks.size(); ++i) {
      require(masks[i].defined() && at::isIntegralType(masks[i].scalar_type(), true) && masks[i].numel() > 0,
              [&] {
                return text(
                    "the function of the features of input ", i, " returned ",
                    masks[i].defined() ? text(masks[i].scalar_type(), ' ', masks[i].sizes()) : "nothing",
                    ", expected integers that broadcast to the input");
              });
      if (masks.size() == 1) return masks;
      masks[i] = masks[i].to(at::kLong);
      masks[i] = masks[i] - masks[i].min() + next;
      next = masks[i].max().item<std::int64_t>() + 1;
    }
    return masks;
  }

  Tensors masks_;
  Tensor rows_;  // the samples of the batch that masks are of which it asks; undefined: all
  std::vector<Tensors> overlapping_;
  std::function<Tensors(const Tensors& x, const Output& output)> make_;
  std::string name_;
};

/// Features for the samples of the batch that `index` (int64) lists.
[[nodiscard]] inline Features rows_of(const Features& features, const Tensor& index) {
  return features.rows(index);
}

}  // namespace lumen::perturb
