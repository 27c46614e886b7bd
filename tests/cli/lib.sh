# Shared by the command's tests: bash TEST.sh ARCFACE-BINARY. A failed expectation is printed and counted; `finish` ends the test.
set -uo pipefail
arcface=$(realpath "$1")
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
data=${ARCFACE_DATA:-$source_dir/../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset ARCFACE_MODEL ARCFACE_DETECTOR
export LSAN_OPTIONS=suppressions=$source_dir/tests/cli/lsan.supp:print_suppressions=0 # of sanitized builds
export ARCFACE_CACHE=$work/cache # nothing pulled
failures=0
detector=$data/models/detection/scrfd_2.5g_bnkps.onnx
model=$data/models/recognition/w600k_mbf_dequantised_fp32.onnx
pairs=$data/photos/pairs

wrong() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect STATUS ARGUMENT...: runs arcface, its standard input from $input; its output is in $out, its standard error in $err.
input=/dev/null
expect() {
    local want=$1 got
    shift
    out=$("$arcface" "$@" 2>"$work/stderr" <"$input")
    got=$?
    err=$(cat "$work/stderr")
    [ "$got" -eq "$want" ] || wrong "arcface $* ended with $got instead of $want: $err"
}

# One sentence on standard error that holds all the words given.
sentence() {
    local word
    [ "$(grep -c . <<<"$err")" -eq 1 ] || wrong "not one sentence: $err"
    for word in "$@"; do
        grep -qF -- "$word" <<<"$err" || wrong "\"$word\" is not in: $err"
    done
}

says() {
    local word
    for word in "$@"; do
        grep -qF -- "$word" <<<"$out" || wrong "\"$word\" is not in the output: $out"
    done
}

needs_data() {
    if [ ! -e "$data/models" ]; then
        echo "skipped: no real models and photos in $data"
        exit 77
    fi
}

# Whether all is tried: AddressSanitizer makes computing several times slower, and what computes for long is left to the night there.
whole() {
    [ -n "${ARCFACE_WHOLE:-}" ] || ! grep -q __asan_init "$arcface"
}

# ppm FILE WIDTH HEIGHT: a picture of one repeated pattern.
ppm() {
    printf 'P6\n%d %d\n255\n' "$2" "$3" >"$1"
    yes 'arcface draws this picture' | head -c $(($2 * $3 * 3)) >>"$1"
}

finish() {
    [ "$failures" -eq 0 ] && echo "all as expected"
    exit $((failures > 0))
}
