# SPDX-License-Identifier: BSD-3-Clause
# For the scripts to source: finds LibTorch and the build tools, installs on Debian and Ubuntu what is
# missing, and builds. LUMEN_INSTALL_PACKAGES=no forbids installing.
lumen_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lumen_jobs=${LUMEN_JOBS:-$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)}

lumen_fail() {
  printf 'lumen: %s\n' "$@" >&2
  exit 1
}

# The folder of TorchConfig.cmake below one prefix; empty when there is none.
lumen_torch_below() {
  local folder
  for folder in "$1" "$1"/Torch "$1"/cmake/Torch "$1"/share/cmake/Torch "$1"/lib*/cmake/Torch "$1"/lib/*/cmake/Torch; do
    if [[ -e $folder/TorchConfig.cmake ]]; then
      echo "$folder"
      return
    fi
  done
}

# LibTorch: CMAKE_PREFIX_PATH and Torch_DIR, the torch of the active Python, the system's. Empty if none.
lumen_find_torch() {
  local prefix found python
  for prefix in "${Torch_DIR:-}" ${CMAKE_PREFIX_PATH:+${CMAKE_PREFIX_PATH//[:;]/ }}; do
    found=$(lumen_torch_below "$prefix")
    [[ -z $found || -z $prefix ]] || { echo "$found"; return; }
  done
  # A torch built for CUDA serves only where the CUDA toolkit is, because its CMake files ask for it.
  python=$(python3 -c '
import shutil, torch
if torch.version.cuda is None or shutil.which("nvcc"):
    print(torch.utils.cmake_prefix_path)' 2>/dev/null) || python=
  if [[ -n $python ]]; then
    found=$(lumen_torch_below "$python")
    [[ -z $found ]] || { echo "$found"; return; }
  fi
  for prefix in /usr/local /usr; do
    found=$(lumen_torch_below "$prefix")
    [[ -z $found ]] || { echo "$found"; return; }
  done
}

# The packages that are not there: must_* stop the build, the others CMake would download.
lumen_missing() {
  local tool torch blas=
  must=()
  wish=()
  torch=$(lumen_find_torch)
  command -v g++ >/dev/null || [[ -n ${CXX:-} ]] || must+=(g++)
  command -v cmake >/dev/null || must+=(cmake)
  command -v ninja >/dev/null || must+=(ninja-build)
  [[ -n $torch ]] || must+=(libtorch-dev libopenblas0-pthread)
  command -v ccache >/dev/null || wish+=(ccache)
  if command -v dpkg-query >/dev/null; then
    [[ $torch != /usr/* ]] || blas=libopenblas0-pthread  # the reference BLAS is 15 times slower
    for tool in $blas libxtensor-dev libstb-dev libtiff-dev doctest-dev nlohmann-json3-dev libcli11-dev libcpp-httplib-dev "$@"; do
      dpkg-query -W -f '${Status}' "$tool" 2>/dev/null | grep -q 'ok installed' || wish+=("$tool")
    done
  fi
}

# Installs what is missing; further packages may be named as arguments.
lumen_install() {
  local sudo=() must wish
  lumen_missing "$@"
  if (( ${#must[@]} + ${#wish[@]} == 0 )); then
    return
  fi
  if [[ ${LUMEN_INSTALL_PACKAGES:-yes} != no ]] && command -v apt-get >/dev/null; then
    echo "lumen: installing with apt-get, because the build needs them: ${must[*]} ${wish[*]}"
    (( EUID == 0 )) || sudo=(sudo)
    if { (( EUID == 0 )) || command -v sudo >/dev/null; } &&
       "${sudo[@]}" apt-get update -q &&
       "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
         "${must[@]}" "${wish[@]}"; then
      return
    fi
    echo "lumen: that did not work" >&2
  fi
  if (( ${#must[@]} > 0 )); then
    lumen_fail "these are missing: ${must[*]}" \
      "  a C++20 compiler (g++ 11 or clang 17, or later), CMake 3.25 or later, Ninja, git" \
      "  LibTorch 1.13 or later, one of" \
      "    pip install torch --index-url https://download.pytorch.org/whl/cpu" \
      "    libtorch from https://pytorch.org, and CMAKE_PREFIX_PATH set to its folder" \
      "  Debian, Ubuntu: apt-get install ${must[*]} ${wish[*]}"
  fi
  echo "lumen: going on without, CMake downloads what it needs of: ${wish[*]}"
}

# lumen_configure PRESET FOLDER [arguments]: configures into build/FOLDER, anew when LibTorch changed.
lumen_configure() {
  local preset=$1 build=$lumen_root/build/$2 torch fresh=() version
  shift 2
  version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9]*\.[0-9]*\).*/\1/p')
  printf '3.25\n%s\n' "$version" | sort -CV ||
    lumen_fail "CMake $version is too old, 3.25 is needed (pip install cmake has a newer one)"
  torch=$(lumen_find_torch)
  if [[ -e $build/CMakeCache.txt ]] && ! grep -q "^Torch_DIR:[A-Z]*=$torch\$" "$build/CMakeCache.txt"; then
    fresh=(--fresh)
  fi
  echo "lumen: LibTorch from $torch"
  (cd "$lumen_root" && cmake "${fresh[@]}" --preset "$preset" -B "$build" "-DTorch_DIR=$torch" "$@")
}

lumen_build() {
  local build=$lumen_root/build/$1
  shift
  cmake --build "$build" -j "$lumen_jobs" "$@"
}
