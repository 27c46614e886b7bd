#!/bin/bash
# quantize on drawn pictures: the file it writes runs and keeps its contract, the gate refuses, wrong requests are told.
. "$(dirname "$0")/lib.sh"

mkdir "$work/crops" "$work/wrong" "$work/empty"
for i in $(seq 12); do
    printf 'P6\n112 112\n255\n' >"$work/crops/$i.ppm"
    yes "picture $((i * i * 7)) of drawn pixels $i" | head -c $((112 * 112 * 3)) >>"$work/crops/$i.ppm"
done
ppm "$work/wrong/a.ppm" 64 64
ppm "$work/wrong/b.ppm" 64 64
expect 0 model new mbf --dim 64 -q -o "$work/mbf.onnx"

expect 0 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/q.onnx" --min-cosine 0.5 --min-low-cosine 0.5 -q
says "calibrated on" "cosine to float32" "times as fast" "int8 layers"
expect 0 model info "$work/q.onnx"
says 112x112
expect 0 bench "$work/q.onnx" --batch 2 --seconds 0.05 --plan-report
says arc.Int8Conv "int8 igemm" "int8 depthwise" int8
expect 0 bench "$work/q.onnx" --batch 1 --seconds 0.05 --json
says '"precision": "int8"'
expect 0 embed --aligned --model "$work/q.onnx" "$work/crops/1.ppm" -o "$work/one.npy" --threads 1 -q
expect 0 embed --aligned --model "$work/q.onnx" "$work/crops/1.ppm" -o "$work/three.npy" --threads 3 -q
cmp -s "$work/one.npy" "$work/three.npy" || wrong "the number of threads changes the embedding"
[ "$(stat -c %s "$work/q.onnx")" -lt $(($(stat -c %s "$work/mbf.onnx") / 2)) ] || wrong "the 8-bit file is not half as large"

tar -C "$work" -cf "$work/crops.tar" crops
expect 3 quantize "$work/mbf.onnx" --calib "$work/crops.tar" -o "$work/tar.onnx"
sentence crops.tar "unpack or download them"

# The gate
expect 1 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/refused.onnx" --min-cosine 1 --keep none -q
grep -q "is not written" <<<"$err" || wrong "no refusal: $err"
[ -e "$work/refused.onnx" ] && wrong "the gate let a file through"
expect 0 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/forced.onnx" --min-cosine 1 --keep none --force --json -q
says '"written": true' '"refused": "the mean cosine' '"speed_up"' '"layer": ['
grep -aq "arcface.note.quantize-forced" "$work/forced.onnx" || wrong "a forced file does not say so"

for method in minmax percentile kl; do
    expect 0 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/m.onnx" --method $method --keep none --min-cosine -1 --min-low-cosine -1 --json -q
    says '"written": true'
done

# Mistakes
expect 2 quantize "$work/mbf.onnx"
sentence --calib
expect 2 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/x.bin"
sentence .onnx
expect 2 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/x.onnx" --method best
sentence "--method best"
expect 2 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/x.onnx" --keep nothing-like-it -q
grep -q nothing-like-it <<<"$err" || wrong "an unknown layer is not named: $err"
expect 2 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/x.onnx" --pairs "$work/pairs.txt"
sentence --images
expect 3 quantize "$work/mbf.onnx" --calib "$work/wrong" -o "$work/x.onnx" -q
sentence 64x64 112x112
expect 3 quantize "$work/mbf.onnx" --calib "$work/empty" -o "$work/x.onnx" -q
expect 3 quantize "$work/mbf.onnx" --calib "$work/nowhere" -o "$work/x.onnx"
expect 3 quantize "$work/none.onnx" --calib "$work/crops" -o "$work/x.onnx"
expect 4 quantize "$work/mbf.onnx" --calib "$work/crops" -o "$work/nowhere/x.onnx" --force -q
[ -e "$work/x.onnx" ] && wrong "a mistake left a file"
finish
