// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/op/kinds.hpp>

/// What operators do is known to `op`; composites speak of it under these names.
namespace lumen::rule {

using op::Kinds;
using op::listed;
namespace kinds = op::kinds;

}  // namespace lumen::rule
