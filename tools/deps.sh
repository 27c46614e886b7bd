#!/bin/bash
# Installs the Debian 12 / Ubuntu 24.04 packages that building and testing need; says and does nothing when all are there.
#   tools/deps.sh        build and tests
#   tools/deps.sh --ci   also what .ci/run's extra checks need
set -euo pipefail

packages=(gcc libc6-dev cmake ninja-build pkg-config
    libjpeg-dev libpng-dev libwebp-dev libexif-dev libcairo2-dev
    libgif-dev libtiff-dev libheif-dev libopenjp2-7-dev libjxl-dev liblcms2-dev
    libcurl4-openssl-dev libsodium-dev libarchive-dev libjansson-dev libsqlite3-dev libpq-dev libmicrohttpd-dev libgnutls28-dev
    libcmocka-dev libonnx-testdata)
if [ "${1:-}" = --ci ]; then
    packages+=(clang clang-format cppcheck binutils zip python3-venv postgresql libopenmpi-dev openmpi-bin
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
elif [ $# -gt 0 ]; then
    echo "usage: tools/deps.sh [--ci]" >&2
    exit 2
fi

if ! command -v dpkg >/dev/null; then
    echo "tools/deps.sh: this system has no dpkg; install the equivalents of: ${packages[*]}" >&2
    exit 0
fi

missing=()
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^installed //p' || true)
for package in "${packages[@]}"; do
    grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "tools/deps.sh: as root, type: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
