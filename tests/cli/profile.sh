#!/bin/bash
# arcface profile: the table in its forms, in its orders, by each convention, and wrong requests. No test depends on how fast the
# machine is.
. "$(dirname "$0")/lib.sh"

expect 0 model new mbf --dim 512 -q -o "$work/mbf.onnx"
expect 0 profile "$work/mbf.onnx" --threads 2
says "2,059,520" "437,520,896" "456,892,928 thop" "451,948,544 ptflops" "437,520,896 ptflops-aten" "875,041,792 torch" "% roof" "in 2 "
expect 0 profile "$work/mbf.onnx" --no-time
grep -q "% roof" <<<"$out" && wrong "--no-time gave times"
table=$(grep -E '^ +[0-9]+  [A-Z]' <<<"$out")
expect 0 model info "$work/mbf.onnx" --layers
[ "$(grep -E '^ +[0-9]+  [A-Z]' <<<"$out")" = "$table" ] || wrong "model info --layers and profile --no-time have different tables"

# Each convention's rows add up to its total.
for name in arcface thop ptflops ptflops-aten torch; do
    expect 0 profile "$work/mbf.onnx" --no-time --json --convention $name
    python3 -c '
import json, sys
p = json.load(sys.stdin)
rows = p["layers"]
assert p["convention"] == sys.argv[1]
assert sum(r["flops"] for r in rows) == p["total"]["flops"][sys.argv[1]]
assert sum(r["parameters"] for r in rows) == p["total"]["parameters"] == 2059520' $name <<<"$out" || wrong "$name does not add up"
done
expect 0 profile "$work/mbf.onnx" --json --batch 2 --threads 1
python3 -c '
import json, sys
p = json.load(sys.stdin)
assert p["batch"] == 1 and p["pieces"] == 2  # small networks take an image at a time
timed = [r for r in p["layers"] if "ms" in r]
assert len(timed) == len(p["steps"])
assert abs(sum(r["ms"] for r in timed) - p["total"]["ms"]) < 1e-3
for r in p["layers"]:
    assert p["layers"][r["timed_in"]]["step"] == r["step"]' <<<"$out" || wrong "layers and steps do not fit"
expect 0 profile "$work/mbf.onnx" --no-time --csv --sort params --top 3
python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
numbers = [int(r["parameters"]) for r in rows]
assert len(rows) == 3 and numbers == sorted(numbers, reverse=True) and numbers[0] == 262144' <<<"$out" || wrong "--sort params --top 3"
expect 0 profile "$work/mbf.onnx" --sort time --top 2 --isa generic
says "generic" "and 14"

# The page stands alone.
expect 0 profile "$work/mbf.onnx" --top 1 -o "$work/profile.html"
grep -q "Where the time goes" "$work/profile.html" || wrong "no treemap of time"
grep -qE '(src|href)="?http|<script|@import' "$work/profile.html" && wrong "the page asks for something outside"
expect 0 profile "$work/mbf.onnx" --top 1 --no-time -q -o "$work/counts.html"
grep -q "Where the work is" "$work/counts.html" || wrong "no treemap of work"
grep -q "Where the time goes" "$work/counts.html" && wrong "a page without times shows some"

expect 2 profile
expect 2 profile "$work/mbf.onnx" --convention fvcore
sentence fvcore
expect 2 profile "$work/mbf.onnx" --csv --json
sentence "one of them"
expect 2 profile "$work/mbf.onnx" -o "$work/profile.pdf"
sentence .html
expect 2 profile "$work/mbf.onnx" --no-time --sort time
sentence "--no-time"
# What is not supported is counted where it is known.
sed 's/PRelu/PRalu/g' "$work/mbf.onnx" >"$work/odd.onnx"
expect 3 bench "$work/odd.onnx"
expect 0 profile "$work/odd.onnx" --top 2
sentence "operator 'PRalu'" "nothing is timed"
says "at least" "not counted" "shapes are not known: PRalu"
expect 3 profile "$work/none.onnx"
sentence none.onnx
expect 4 profile "$work/mbf.onnx" --no-time --top 1 -q -o "$work/none/profile.html"
sentence none
if [ -e "$data/models" ]; then
    expect 0 profile "$detector" --size 160 --batch 1 --top 5
    says "x3x160x160"
    expect 0 profile "$data/models/recognition/w600k_mbf_int8_dynamic.onnx" --top 5
    says int8
    expect 0 profile "$data/wild-models/two_inputs_kprpe.onnx" --top 5
    says "% roof"
fi
finish
