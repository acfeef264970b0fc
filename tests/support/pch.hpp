// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// Precompiled for every test program. A test still includes what it uses.
#include <doctest/doctest.h>

#include <lumen/core/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <string>
#include <vector>
