// SPDX-License-Identifier: BSD-3-Clause
#include "support/catalogue.hpp"

#include <lumen/catalogue/methods.hpp>

namespace lumen::testing {

const std::vector<catalogue::Entry>& methods() { return catalogue::methods(); }

}  // namespace lumen::testing
