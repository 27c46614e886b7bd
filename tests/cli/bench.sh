#!/bin/bash
# The figures of bench: they are there, they add up, and wrong requests are told. No test depends on how fast the machine is.
. "$(dirname "$0")/lib.sh"

expect 0 model new mbf --dim 64 -q -o "$work/mbf.onnx"
expect 0 bench "$work/mbf.onnx" --batch 1,3 --seconds 0.05 --threads 2
says "batch   1" "batch   3" "images/s" "peak memory"
expect 0 bench "$work/mbf.onnx" --batch 2 --seconds 0.05 --plan-report
says dwconv groupconv igemm Gemm "sum of the steps"
expect 0 bench "$work/mbf.onnx" --batch 1,2 --seconds 0.05 --json
says '"batch": 2' '"percent_of_peak"'
[ "$(wc -l <<<"$out")" -eq 2 ] || wrong "two batch sizes gave $(wc -l <<<"$out") lines"
expect 0 bench "$work/mbf.onnx" --batch 1,2 --precision fp32,bf16 --seconds 0.05 --json -q
[ "$(wc -l <<<"$out")" -eq 4 ] || wrong "two precisions and two batch sizes gave $(wc -l <<<"$out") lines"
says '"precision": "fp32"' '"peak_kib"' '"p99_ms"' '"load_ms"'
expect 0 bench "$work/mbf.onnx" --card --seconds 0.05 --threads 2 --precision fp32,bf16
says "FPS" "2 in flight"
expect 2 bench "$work/mbf.onnx" --card --batch 1
sentence "neither --batch"
expect 2 bench "$work/mbf.onnx" --precision fp32,fp31
sentence fp31
expect 2 embed "$work/x.jpg" -o - --precision fp32,bf16
sentence fp32,bf16
expect 0 bench "$work/mbf.onnx" --batch 1 --seconds 0.05 --json --plan-report --threads 2
says '"step": 0' '"one_thread_ms"' '"lost_percent"' '"floor_ms"' '"percent_of_floor"'
python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' <<<"$out" || wrong "a line is no JSON"

# A plan has an id. What --tune measured holds for later runs, for any number of threads; a broken record is told.
plan() { grep -o '"plan": "[^"]*"' <<<"$out" | head -1; }
expect 0 bench "$work/mbf.onnx" --batch 2 --seconds 0.05 --json --threads 1
shipped=$(plan)
[ -n "$shipped" ] || wrong "no plan id"
expect 0 bench "$work/mbf.onnx" --batch 2 --seconds 0.05 --json --threads 2
[ "$(plan)" = "$shipped" ] || wrong "2 threads gave another plan"
expect 0 model new r18 --dim 64 -q -o "$work/r18.onnx"
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --json --threads 2 --tune
tuned=$(plan)
for threads in 1 3; do
    expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --json --threads $threads
    [ "$(plan)" = "$tuned" ] || wrong "$threads threads do not take the measured plan"
done
for file in "$ARCFACE_CACHE"/plans/*.plan; do echo broken >"$file"; done
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --json
grep -q "\.plan: not a plan" <<<"$err" || wrong "a broken record is not told: $err"
rm -r "$ARCFACE_CACHE/plans"
echo >"$ARCFACE_CACHE/plans"
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --json --tune
grep -q "nothing is measured" <<<"$err" || wrong "a cache that cannot be written is not told: $err"
rm "$ARCFACE_CACHE/plans"
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --plan-report
says winograd
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --plan-report --memory low
grep -q winograd <<<"$out" && wrong "--memory low took Winograd"
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --memory low --json
peak=$(sed -E 's/.*"peak_kib": ([0-9]+).*/\1/' <<<"$out") weights=$(($(stat -c %s "$work/r18.onnx") / 1024))
# Weights once, the program and what a layer's weights take twice while they are packed. Sanitizers take memory of their own.
grep -q __asan_init "$arcface" || [ "$peak" -lt $((weights * 3 / 2 + 16384)) ] || wrong "$peak KiB for $weights KiB of weights"
expect 2 bench "$work/r18.onnx" --memory large
sentence large
expect 0 bench roofline
says fp32 bf16 int8 "GFLOP/s" "GB/s"
expect 0 bench roofline --json --isa generic
says '"isa": "generic"'

expect 0 bench "$work/mbf.onnx" --batch 1 --seconds 0.05 --json --precision bf16 --isa generic
says '"precision": "fp32"'
sentence bf16 generic
expect 2 bench
expect 2 bench "$work/mbf.onnx" --batch 0
sentence "--batch 0"
expect 2 bench "$work/mbf.onnx" --batch 1,,2
expect 2 bench "$work/mbf.onnx" --seconds -1
expect 3 bench "$work/none.onnx"
sentence none.onnx
expect 3 bench pipeline "$work/none.jpg" --detector "$work/mbf.onnx"
if [ -e "$data/models" ]; then
    expect 0 bench pipeline "$pairs/img1.jpg" "$pairs/img2.jpg" --model "$model" --detector "$detector" -q
    says "2 photos (0 without a face" decode detect align embed p99 "together" "faces/s"
    expect 0 bench pipeline "$pairs/img1.jpg" --model "$model" --detector "$detector" --json
    says '"photos": 1' '"embed_ms"' '"p50_ms"' '"faces_per_s"' '"one_by_one_ms"' '"threads"'
    echo text >"$work/text.jpg"
    expect 3 bench pipeline "$work/text.jpg" --model "$model" --detector "$detector" -q
fi
finish
