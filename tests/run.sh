#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/bootstrap.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  cat <<'HELP'
usage: tests/run.sh [ctest arguments]

Installs what is missing, builds lumen's tests into build/tests and passes them.
  tests/run.sh -R map      the tests whose name matches
  tests/run.sh -L core     the tests of one folder

LibTorch: CMAKE_PREFIX_PATH or Torch_DIR, then the active Python's torch, then the system's.
LUMEN_INSTALL_PACKAGES=no  installs nothing
LUMEN_JOBS=N               compiles and tests N at a time
LUMEN_SHARED=DIR           the folder of shared data (../shared); tests that need it are skipped without it
LUMEN_BUILD=NAME           builds into build/NAME
LUMEN_JOIN_TESTS=N         compiles N test files as one: 8, which more than halves a build from nothing; 0, for work on
                           tests: each by itself
HELP
  exit
fi

build=${LUMEN_BUILD:-tests}
lumen_install
lumen_configure dev "$build" "-DLUMEN_DEV=${LUMEN_DEV:-OFF}" -DLUMEN_BUILD_EXAMPLES=OFF \
  "-DLUMEN_JOIN_TESTS=${LUMEN_JOIN_TESTS:-8}"
lumen_build "$build"
export OMP_WAIT_POLICY=passive
ctest --test-dir "$lumen_root/build/$build" --output-on-failure --no-tests=error -j "$lumen_jobs" "$@"
