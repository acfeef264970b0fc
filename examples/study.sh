#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/bootstrap.sh"

studies=$(cd "$lumen_root/examples/studies" && for folder in */main.cpp; do echo "${folder%/*}"; done)
name=${1:-}
if [[ -z $name || $name == -* ]] || ! grep -qx -- "$name" <<<"$studies"; then
  cat <<HELP
usage: examples/study.sh NAME [--data DIR] [--quick] [options of the study]

Installs what is missing, builds, runs a study, and prints the path of its report.html. NAME is one of
$(sed 's/^/  /' <<<"$studies")
  --data DIR   what the study reads, see examples/study.sh NAME --help; without it: it draws its own
  --quick      smaller: under five minutes on two processor cores
HELP
  [[ $name == -h || $name == --help ]] && exit 0
  [[ -z $name ]] || echo "there is no study '$name'" >&2
  exit 2
fi
shift

lumen_install
lumen_configure release release "-DLUMEN_DEV=${LUMEN_DEV:-OFF}" -DLUMEN_BUILD_TESTS=OFF
lumen_build release --target "study_$name"
exec "$lumen_root/build/release/bin/studies/$name" "$@"
