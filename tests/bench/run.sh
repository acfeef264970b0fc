#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds and runs the benchmarks: tables of lumen against the least that LibTorch can do, Captum and pytorch-grad-cam.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tests/bench/run.sh [--json FILE] [--only NAME] [--seconds S] [--threads N]

  --json FILE   also write the rows there
  --only NAME   the cases whose name holds NAME (saliency-small, ig50-resnet18, include, ...)
  --seconds S   time to spend on a case, 20 by default
  --threads N   threads for both sides

Captum and pytorch-grad-cam take part when python3 (or LUMEN_PEER_PYTHON) has them and its torch is the LibTorch in use.
TEXT
}

arguments=()
while (( $# > 0 )); do
  case $1 in
    --help|-h) usage; exit ;;
    --json)
      (( $# > 1 )) || { usage >&2; exit 2; }
      rm -f "$2"
      arguments+=(--json "$(realpath -m "$2")")
      shift 2 ;;
    --only|--seconds|--threads) (( $# > 1 )) || { usage >&2; exit 2; }; arguments+=("$1" "$2"); shift 2 ;;
    *) usage >&2; exit 2 ;;
  esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../../cmake/bootstrap.sh"
build=${LUMEN_BENCH_BUILD:-bench}
lumen_install
lumen_configure bench "$build"
programs=(gradients trace deep_lift lrp cam influence occlusion shapley methods)
lumen_build "$build" --target "${programs[@]/#/bench_}"
bin=$lumen_root/build/$build/bin

python=${LUMEN_PEER_PYTHON:-python3}
peer=() peer_cam=() peer_shapley=() peer_occlusion=()
if "$python" -c 'import captum' 2>/dev/null; then
  peer=(--python "$python" --peer "$here/peer.py")
  peer_occlusion=(--python "$python" --peer "$here/peer_occlusion.py")
  "$python" -c 'import sklearn' 2>/dev/null && peer_shapley=(--python "$python" --peer "$here/peer_shapley.py")
else
  echo "lumen: $python has no Captum, so there is no peer for the gradient family (pip install captum)"
fi
if "$python" -c 'import pytorch_grad_cam' 2>/dev/null; then
  peer_cam=(--python "$python" --peer "$here/peer_cam.py")
else
  echo "lumen: $python has no pytorch-grad-cam, so there is no peer for the CAMs (pip install grad-cam)"
fi

# the compiler's command for this program, without its input and output, for the cost of the headers
compile=$(sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$lumen_root/build/$build/compile_commands.json" |
          grep 'bench/gradients.cpp$' | sed 's/ -o .*//; s/\\"/"/g; s/^[^ ]*ccache //; s/.*ccache //')
[[ -z $compile ]] || peer+=(--compile "$compile")

{
  "$bin/bench_gradients" "${arguments[@]}" "${peer[@]}"
  for program in trace deep_lift lrp influence; do "$bin/bench_$program" "${arguments[@]}"; done
  "$bin/bench_occlusion" "${arguments[@]}" "${peer_occlusion[@]}"
  "$bin/bench_shapley" "${arguments[@]}" "${peer_shapley[@]}"
  "$bin/bench_methods" --seconds 2 "${arguments[@]}"
  "$bin/bench_cam" "${arguments[@]}" "${peer_cam[@]}"
} | awk '{ print; fflush() } END { exit NR == 0 }' || lumen_fail "no case has that name, or one failed"
