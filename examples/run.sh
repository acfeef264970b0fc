#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/bootstrap.sh"

program=$lumen_root/build/release/bin/vessels
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  cat <<'HELP'
usage: examples/run.sh [options of the program]

Installs what is missing, builds, trains a small network on vessel images (or reuses its checkpoint),
explains its output, and prints the path of report.html.
  --data DIR   a VessMAP folder (images/*.tiff, labels/*.png, skeletons/*.png); without it: synthetic vessels
  --out DIR    where report.html, summary.json and the maps go

LibTorch: CMAKE_PREFIX_PATH or Torch_DIR, then the active Python's torch, then the system's.
LUMEN_INSTALL_PACKAGES=no  installs nothing
HELP
  [[ ! -x $program ]] || { echo; "$program" --help; }
  exit
fi

lumen_install
lumen_configure release release "-DLUMEN_DEV=${LUMEN_DEV:-OFF}" -DLUMEN_BUILD_TESTS=OFF
lumen_build release --target vessels
exec "$program" "$@"
