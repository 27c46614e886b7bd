#!/bin/bash
# Builds the fuzz targets with clang and runs each for the given time on its committed corpus; new findings stay in build-fuzz/.
#   [FUZZ_JOBS=N] tools/fuzz.sh [SECONDS [TARGET...]]     tools/fuzz.sh 600 onnx mxnet; FUZZ_JOBS: so many targets at a time (1)
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
dir=build-fuzz
CC=clang tools/build.sh $dir "$(nproc)" -DARC_FUZZ=ON -DCMAKE_C_COMPILER=clang || exit 1

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(find $dir -name 'fuzz_*' -type f -executable -printf '%f\n' | sed 's/^fuzz_//' | sort)
fi
if [ ${#targets[@]} -eq 0 ]; then
    echo "no fuzz target was built" >&2
    exit 1
fi
# Stacks through libraries without frame pointers are all different; the sanitizer keeps each, so they have to be short.
export ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=64
[ -w /dev/shm ] && export TMPDIR=${TMPDIR:-/dev/shm} # files of the targets that need some
export LSAN_OPTIONS=suppressions=$PWD/tests/fuzz/lsan.supp:print_suppressions=0
# fuzz TARGET
fuzz() {
    local target=$1 program work folder corpus=()
    program=$(find $dir -name "fuzz_$target" -type f -executable | head -1)
    if [ -z "$program" ]; then
        echo "no fuzz target '$target'" >&2
        return 1
    fi
    work=$dir/found/$target
    mkdir -p "$work"
    for folder in "tests/fuzz/corpus/$target" "tests/fuzz/$target" "tests/corpus/$target"; do
        [ -d "$folder" ] && corpus+=("$folder")
    done
    if "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$work/crash-" -print_final_stats=1 \
        "$work" "${corpus[@]}" >"$dir/$target.log" 2>&1; then
        echo "$target: clean, $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$target.log") runs in $seconds s"
    else
        echo "$target: FAILED, see $dir/$target.log and $work/"
        tail -30 "$dir/$target.log"
        return 1
    fi
}
export -f fuzz
export dir seconds
printf '%s\n' "${targets[@]}" | xargs -P "${FUZZ_JOBS:-1}" -I{} bash -c 'set -uo pipefail; fuzz {} || exit 1'
