// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/view/report.hpp>

#include "influence.hpp"

namespace vessels {

/// What every pixel of one image depends on, in pictures and numbers.
void influence_section(lumen::view::Report& report, const Influence& influence, const Story& story);

}  // namespace vessels
