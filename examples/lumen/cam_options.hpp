// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "binding.hpp"

namespace cli {

/// The options that all CAMs share.
template <class A>
Table<A> with_cam_options(Table<A> table) {
  return table.option("positive-part", "what speaks for the score only", &A::positive_part)
      .option("upsample", "to the input's resolution", &A::upsample);
}

}  // namespace cli
