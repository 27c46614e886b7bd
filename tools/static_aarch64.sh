#!/bin/bash
# Builds `arcface` for 64-bit ARM as one file that needs no library, as computers like OAK 4 can run it, and tries it under qemu: version, a face
# verified with itself, an embedding. The static libraries come from Debian's arm64 packages, unpacked into the build folder: nothing
# is installed. Left out, for want of static libraries: downloads, TIFF, HEIC, AVIF, JPEG XL, and colour profiles (values stay as stored).
# usage: tools/static_aarch64.sh [build folder]    exit status 77 when the cross compiler, qemu or the packages are not to be had
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build-aarch64-static}
packages=(libjpeg62-turbo-dev libpng-dev zlib1g-dev libwebp-dev libexif-dev libcairo2-dev libpixman-1-dev libfreetype-dev libfontconfig-dev
    libexpat1-dev libsodium-dev libjansson-dev libarchive-dev liblzma-dev libbz2-dev libzstd-dev nettle-dev libacl1-dev libattr1-dev
    liblz4-dev libbrotli-dev uuid-dev libgif-dev libopenjp2-7-dev)
skip() {
    echo "skipped: $1"
    exit 77
}

for need in aarch64-linux-gnu-gcc qemu-aarch64 cmake ninja apt-get dpkg-deb; do
    command -v "$need" >/dev/null || skip "$need is not installed (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
done
# shellcheck source=/dev/null
codename=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") || skip "the packages are Debian's, and this is another system"
mkdir -p "$build"
build=$(cd "$build" && pwd)

# An apt of its own: another architecture, lists and cache, and the system's untouched.
fetch_libraries() {
    local apt=$build/apt
    rm -rf "$apt" "$build/sysroot.new"
    mkdir -p "$apt/state/lists/partial" "$apt/archives/partial" "$build/sysroot.new"
    touch "$apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $codename main" >"$apt/sources.list"
    cat >"$apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
CONF
    export APT_CONFIG=$apt/apt.conf
    (cd "$apt/archives" && apt-get -qq update && apt-get -qq download "${packages[@]}") || return 1
    unset APT_CONFIG
    for package in "$apt"/archives/*.deb; do
        dpkg-deb -x "$package" "$build/sysroot.new" || return 1
    done
    # What a library needs in turn is named in cmake/rooms.cmake; without packages of X11 pkg-config would refuse cairo.
    sed -i '/^Requires.private/d' "$build"/sysroot.new/usr/lib/aarch64-linux-gnu/pkgconfig/*.pc
    rm -rf "$apt"
    mv "$build/sysroot.new" "$build/sysroot"
}
[ -d "$build/sysroot" ] || fetch_libraries || skip "Debian's arm64 packages are not to be had"

cmake -S "$root" -B "$build/make" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$root/cmake/aarch64_static.cmake" -DARC_SYSROOT="$build/sysroot" \
    -DARC_STATIC=ON -DARC_TESTS=OFF -DARC_WERROR=ON >"$build/cmake.log" || { cat "$build/cmake.log"; exit 1; }
cmake --build "$build/make" --target arcface_cli
arcface=$build/make/arcface
file_kind=$(readelf -d "$arcface")
if grep -q NEEDED <<<"$file_kind"; then
    echo "$arcface still needs shared libraries: $file_kind"
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ARCFACE_CACHE=$work
run() { qemu-aarch64 "$arcface" "$@"; }
run version
run data synth -q -o "$work/people" --identities 2 --images 2 --format jpg --first-identity 7
run model new tiny -q -o "$work/tiny.onnx"
mapfile -t faces < <(find "$work/people" -name '*.jpg' | sort)
run embed "${faces[0]}" --aligned --model "$work/tiny.onnx" -q -o "$work/embedding.npy"
run verify "${faces[0]}" "${faces[0]}" --aligned --model "$work/tiny.onnx" -q
cosine() { "$@" verify "${faces[0]}" "${faces[-1]}" --aligned --model "$work/tiny.onnx" --json | grep -o '"cosine": *[-0-9.]*' | head -1; }
here=$(cosine qemu-aarch64 "$arcface" || true)
echo "two faces under qemu: $here"
if [ -x "$root/build/arcface" ]; then
    native=$(cosine "$root/build/arcface" || true)
    awk -v a="${here##*:}" -v b="${native##*:}" 'BEGIN { d = a - b; exit !(a != "" && d < 1e-4 && d > -1e-4) }' ||
        { echo "the same two faces here: $native"; exit 1; }
fi
echo "a static arcface of $(du -h "$arcface" | cut -f1) runs under qemu: $arcface"
