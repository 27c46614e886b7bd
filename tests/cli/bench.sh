#!/bin/bash
# The figures of bench: they are there, they add up, and wrong requests are told. No test depends on how fast the machine is.
. "$(dirname "$0")/lib.sh"

expect 0 model new mbf --dim 64 -q -o "$work/mbf.onnx"
expect 0 bench "$work/mbf.onnx" --batch 1,3 --seconds 0.05 --threads 2
says "batch   1" "batch   3" "images/s" "peak memory"
expect 0 bench "$work/mbf.onnx" --batch 2 --seconds 0.05 --plan-report
says dwconv groupconv igemm Gemm "sum of the steps"
expect 0 bench "$work/mbf.onnx" --batch 1,2 --seconds 0.05 --json
says '"batch": 2' '"percent_of_fp32_peak"'
[ "$(wc -l <<<"$out")" -eq 2 ] || wrong "two batch sizes gave $(wc -l <<<"$out") lines"
expect 0 model new r18 --dim 64 -q -o "$work/r18.onnx"
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --plan-report
says winograd
expect 0 bench "$work/r18.onnx" --batch 1 --seconds 0.05 --plan-report --memory low
grep -q winograd <<<"$out" && wrong "--memory low took Winograd"
expect 2 bench "$work/r18.onnx" --memory large
sentence large
expect 0 bench roofline
says "GFLOP/s" "GB/s"
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
    says "2 photos (0 without a face" decode detect align embed
    expect 0 bench pipeline "$pairs/img1.jpg" --model "$model" --detector "$detector" --json
    says '"photos": 1' '"embed_ms"'
    echo text >"$work/text.jpg"
    expect 3 bench pipeline "$work/text.jpg" --model "$model" --detector "$detector" -q
fi
finish
