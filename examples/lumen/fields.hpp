// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <string>

#include "summary.hpp"

namespace cli {

/// The receptive fields of all operators whose values are images: theoretical, from the operators' geometry, and where
/// `effective` says so also those of the middle pixels' gradients on x.
/// @param x  [1, C, H, W], where the network is
/// @return a list, or an object that says why there is none
[[nodiscard]] Json receptive_fields(const std::function<Tensor(const Tensor&)>& model, const Tensor& x,
                                    bool effective);

/// The same in lines for a person.
[[nodiscard]] std::string lines_of_fields(const Json& fields);

}  // namespace cli
