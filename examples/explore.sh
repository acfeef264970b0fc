#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/bootstrap.sh"

bin=$lumen_root/build/release/bin
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  cat <<'HELP'
usage: examples/explore.sh [--data DIR] [--out DIR] [options of the explorer]

Installs what is missing, builds, and starts the explorer: a page in the browser that asks a segmentation network what
each pixel depends on. Takes the network that examples/run.sh trained (and trains it if there is none) and its images.
  --data DIR   a VessMAP folder (images/*.tiff, labels/*.png, skeletons/*.png); without it: synthetic vessels
  --out DIR    where examples/run.sh wrote its results, vessels-report by default

Others' networks: build/release/bin/explorer --model net.pt --images DIR
HELP
  [[ ! -x $bin/explorer ]] || { echo; "$bin/explorer" --help; }
  exit
fi

job=() data= out=vessels-report rest=()
while (( $# > 0 )); do
  case $1 in
    --data) data=$2; job+=(--data "$2"); shift 2 ;;
    --out) out=$2; job+=(--out "$2"); shift 2 ;;
    *) rest+=("$1"); shift ;;
  esac
done

lumen_install
lumen_configure release release "-DLUMEN_DEV=${LUMEN_DEV:-OFF}" -DLUMEN_BUILD_TESTS=OFF
lumen_build release --target vessels explorer

checkpoint() { ls -t "$out"/checkpoints/unet-*.pt 2>/dev/null | head -n 1; }
images=${data:-$out/images}
if [[ -z $(checkpoint) || ! -d $images ]]; then
  echo "lumen: no network in $out yet: training one (once; examples/run.sh also explains and reports)"
  "$bin/vessels" "${job[@]}" --images 0 --influence -1
fi
exec "$bin/explorer" --net unet --weights "$(checkpoint)" --images "$images" "${rest[@]}"
