#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds and runs the benchmarks: one table, lumen against the least that LibTorch can do and against Captum.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tests/bench/run.sh [--json FILE] [--only NAME] [--seconds S] [--threads N]

  --json FILE   also write the rows there
  --only NAME   the cases whose name holds NAME (saliency-small, ig50-resnet18, include, ...)
  --seconds S   time to spend on a case, 20 by default
  --threads N   threads for both sides

Captum takes part when python3 (or LUMEN_PEER_PYTHON) has it and its torch is the LibTorch in use.
TEXT
}

arguments=()
while (( $# > 0 )); do
  case $1 in
    --help|-h) usage; exit ;;
    --json) (( $# > 1 )) || { usage >&2; exit 2; }; arguments+=(--json "$(realpath -m "$2")"); shift 2 ;;
    --only|--seconds|--threads) (( $# > 1 )) || { usage >&2; exit 2; }; arguments+=("$1" "$2"); shift 2 ;;
    *) usage >&2; exit 2 ;;
  esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../../cmake/bootstrap.sh"
build=${LUMEN_BENCH_BUILD:-bench}
lumen_install
lumen_configure bench "$build"
lumen_build "$build" --target bench_gradients

python=${LUMEN_PEER_PYTHON:-python3}
if "$python" -c 'import captum' 2>/dev/null; then
  arguments+=(--python "$python" --peer "$here/peer.py")
else
  echo "lumen: $python has no Captum, so there is no peer (pip install captum)"
fi

# the compiler's command for this program, without its input and output, for the cost of the headers
compile=$(sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$lumen_root/build/$build/compile_commands.json" |
          grep 'bench/gradients.cpp$' | sed 's/ -o .*//; s/\\"/"/g; s/^[^ ]*ccache //; s/.*ccache //')
[[ -z $compile ]] || arguments+=(--compile "$compile")

"$lumen_root/build/$build/bin/bench_gradients" "${arguments[@]}"
