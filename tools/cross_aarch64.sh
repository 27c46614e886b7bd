#!/bin/sh
# Builds the engine (base, kernel, graph to learn and zoo) for 64-bit ARM and runs its tests under qemu: the NEON kernels against the same references.
# usage: tools/cross_aarch64.sh [build folder]    exit status 77 when the cross compiler or qemu is not installed
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build-aarch64}
for need in aarch64-linux-gnu-gcc qemu-aarch64 cmake ninja; do
    if ! command -v "$need" >/dev/null 2>&1; then
        echo "skipped: $need is not installed (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
        exit 77
    fi
done
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$root/cmake/aarch64.cmake" -DARC_MINIMAL=ON
cmake --build "$build"
ctest --test-dir "$build" --output-on-failure -j "$(nproc)"
