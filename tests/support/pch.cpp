// SPDX-License-Identifier: BSD-3-Clause
// Nothing: the object that carries the precompiled header.
