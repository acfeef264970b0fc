// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// What authors of gradient methods use, together.
#include <lumen/engine/backward.hpp>
#include <lumen/engine/derivatives.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/gradients_at.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
