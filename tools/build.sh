#!/bin/bash
# Configures and builds one tree; prints only what went wrong.
#   [TARGETS="NAME..."] tools/build.sh DIR JOBS [CMAKE OPTION...]     TARGETS: these alone instead of all
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 jobs=$2
shift 2
mkdir -p "$dir"
log=$dir/build.log
generator=()
[ -e "$dir/CMakeCache.txt" ] || generator=(-G Ninja)
started=$SECONDS
if ! cmake -S . -B "$dir" "${generator[@]}" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
read -ra targets <<<"${TARGETS:-all}"
if ! cmake --build "$dir" -j "$jobs" --target "${targets[@]}" >>"$log" 2>&1; then
    grep -aE -A12 'FAILED|error:|warning:' "$log" | head -200 >&2 || tail -100 "$log" >&2
    echo "the build failed; all of its output is in $log" >&2
    exit 1
fi
echo "built $dir in $((SECONDS - started)) s"
