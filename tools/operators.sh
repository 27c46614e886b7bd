#!/bin/bash
# Writes docs/OPERATORS.md from the table of operators that a build has, or says whether it is out of date.
#   tools/operators.sh [--check] [BUILD]     BUILD: build
# Exit status 0; 1 when the file could not be made or --check finds another text; 77 when BUILD has no program for it.
set -uo pipefail
check=no
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
build=$(realpath "${1:-build}")
cd "$(dirname "$0")/.." || exit 1
if [ ! -x "$build/tests/operators" ]; then
    echo "operators: there is no $build/tests/operators"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# with_headers FILE: the file and what it includes of the loops that levels share.
with_headers() {
    local header
    cat "$1"
    grep -oE 'kernel/simd/[a-z0-9_]+\.h' "$1" | sort -u | while read -r header; do with_headers "src/$header"; done
}

for level in avx2 avx512 neon; do
    for file in src/kernel/x86/*_"$level".c src/kernel/arm/*_"$level".c; do
        [ -e "$file" ] || continue
        with_headers "$file" | grep -oE '\bk->[a-z0-9_]+ = [a-z]' | sed -E 's/k->([a-z0-9_]+) = ./\1/' | grep -vE '_(mr|nr|fast)$' | sed "s/\$/ $level/"
    done
done | sort -u >"$work/slots"
# A slot that an operator's file calls is named by an entry. Not of operators alone: layouts and types, and what learners call.
grep -ohE '\b(kernels|k)->[a-z0-9_]+\(' src/op/*/*.c | sed -E 's/.*->([a-z0-9_]+)\(/\1/' | grep -vE '^(transpose|to_|store_|norm_|pair_|gemm_tn)|_(half|grad|pairs|weights)' |
    sort -u >"$work/called"
grep -ohE '\.kernels = "[^"]*"' src/op/*/*.c | sed -E 's/.*"(.*)"/\1/' | tr ' ' '\n' | sort -u >"$work/named"
comm -23 "$work/called" "$work/named" >"$work/unnamed"
if [ -s "$work/unnamed" ]; then
    echo "operators: src/op calls kernel slots that no entry of the table names in .kernels: $(tr '\n' ' ' <"$work/unnamed")"
    exit 1
fi
"$build/tests/operators" tests/golden/data/opsets.json "$work/slots" >"$work/new" || exit 1
if [ $check = no ]; then
    cp "$work/new" docs/OPERATORS.md && echo "operators: docs/OPERATORS.md has $(grep -c '^|' docs/OPERATORS.md) rows"
elif diff -u docs/OPERATORS.md "$work/new"; then
    echo "operators: docs/OPERATORS.md is what the table says"
else
    echo "operators: docs/OPERATORS.md is out of date; tools/operators.sh writes it"
    exit 1
fi
