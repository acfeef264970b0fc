// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/attribution/combine/noise.hpp>
#include <lumen/catalogue/bind.hpp>

namespace lumen::catalogue {

template <>
struct Words<Upsample> {
  static constexpr std::array<std::pair<std::string_view, Upsample>, 5> all{{{"none", Upsample::none},
                                                                             {"nearest", Upsample::nearest},
                                                                             {"bilinear", Upsample::bilinear},
                                                                             {"bicubic", Upsample::bicubic},
                                                                             {"area", Upsample::area}}};
};

template <>
struct Words<NoiseScale> {
  static constexpr std::array<std::pair<std::string_view, NoiseScale>, 2> all{
      {{"of-range", NoiseScale::of_range}, {"input-units", NoiseScale::input_units}}};
};

/// The options that all CAMs share.
template <class A>
Table<A> with_cam_options(Table<A> table) {
  return table.option("positive-part", "what speaks for the score only", &A::positive_part)
      .option("upsample", "to the input's resolution", &A::upsample);
}

}  // namespace lumen::catalogue
