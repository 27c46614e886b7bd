#!/bin/bash
# Runs every command of README.md's sh blocks, in a folder that holds the files they name: real models and photographs where
# $ARCFACE_DATA (or ../shared/data) has them, otherwise only the commands that need none; the others are counted as skipped.
# README_CHECK_DONE=1: `make check` has just run (the caller is CI), don't run it again.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
data=${ARCFACE_DATA:-$root/../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ran=0 failed=0 skipped=0

# The files that README.md's commands name. The models stand in the cache under the names of a public pack.
make_inputs() {
    local first a b decision
    ln -s "$root/build" "$work/build"
    export ARCFACE_CACHE=$work/cache
    mkdir -p "$work/photos" "$work/lfw-112" "$ARCFACE_CACHE"
    [ -d "$data/models" ] || return 1
    for pack in buffalo_s buffalo_sc; do
        mkdir -p "$ARCFACE_CACHE/$pack"
        ln -s "$data/models/detection/det_500m.onnx" "$ARCFACE_CACHE/$pack/det_500m.onnx"
        ln -s "$data/models/recognition/w600k_mbf_dequantised_fp32.onnx" "$ARCFACE_CACHE/$pack/w600k_mbf.onnx"
    done
    cp "$data/photos/insightface/t1.jpg" "$work/photo.jpg"
    first=$(grep -m1 ',Yes' "$data/photos/pairs/master.csv")
    IFS=, read -r a b decision <<<"$first"
    cp "$data/photos/pairs/$a" "$work/a.jpg" && cp "$data/photos/pairs/$b" "$work/b.jpg"
    cp "$work/a.jpg" "$work/b.jpg" "$work/photos/"
    cp "$work/a.jpg" "$work/ann1.jpg" && cp "$work/b.jpg" "$work/ann2.jpg" && cp "$work/a.jpg" "$work/party.jpg"
    rmdir "$work/lfw-112" && ln -s "$data/lfw/pairs-aligned-112" "$work/lfw-112"
    # The first two pairs of each kind in each of the ten folds.
    awk 'NR == 1 { print "10\t2"; next } { at = (NR - 2) % 600; if (at < 2 || (at >= 300 && at < 302)) print }' \
        "$data/lfw/pairs.txt" >"$work/pairs.txt"
}

commands() {
    awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md | sed -E 's/[[:space:]]+# .*$//' | grep -v '^[[:space:]]*\(#\|$\)'
}

run() {
    local folder=$1 output status
    shift
    output=$(cd "$folder" && timeout 600 bash -c "$*" 2>&1 </dev/null)
    status=$?
    ran=$((ran + 1))
    if [ $status -ne 0 ]; then
        failed=$((failed + 1))
        printf 'README.md: "%s" ended with status %s:\n%s\n' "$*" "$status" "$(tail -20 <<<"$output" | sed 's/^/    /')"
    fi
}

have_data=1
make_inputs || have_data=0
while read -r line; do
    case $line in
    "make check") [ -n "${README_CHECK_DONE:-}" ] && ran=$((ran + 1)) || run "$root" make check ;;
    make*) run "$root" "$line" ;;
    *pull*--list* | *model\ new* | *version*) run "$work" "$line" ;;
    *arcface*) if [ $have_data = 1 ]; then run "$work" "$line"; else skipped=$((skipped + 1)); fi ;;
    *) run "$work" "$line" ;;
    esac
done < <(commands)

if [ $ran -eq 0 ]; then
    echo "README.md has no commands"
    exit 1
fi
echo "README.md: $ran commands ran, $failed failed, $skipped skipped$([ $have_data = 1 ] || echo " (no real models and photographs in $data)")"
[ $failed -eq 0 ] || exit 1
[ $skipped -eq 0 ] || exit 77
