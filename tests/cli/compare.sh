#!/bin/bash
# compare: a device's embeddings beside a reference; export --simulate: what a device would give. Drawn pictures, new networks.
. "$(dirname "$0")/lib.sh"

mkdir "$work/reference" "$work/crops"
for i in $(seq 12); do
    printf 'P6\n112 112\n255\n' >"$work/crops/$i.ppm"
    yes "picture $((i * i * 7)) of drawn pixels $i" | head -c $((112 * 112 * 3)) >>"$work/crops/$i.ppm"
done
expect 0 model new mbf --dim 64 -q -o "$work/mbf.onnx"
expect 0 model new mbf --dim 64 --seed 2 -q -o "$work/other.onnx"
expect 0 embed --aligned --model "$work/mbf.onnx" "$work/crops" -o "$work/reference/embeddings.npy" -q
expect 0 embed --aligned --model "$work/other.onnx" "$work/crops" -o "$work/other.npy" -q
sed 's|.*/||; s|\..*||' "$work/reference/embeddings.txt" >"$work/reference/names.txt"

expect 0 compare --reference "$work/reference" --candidate "$work/reference/embeddings.npy"
says "12 embeddings of 64 numbers" "mean 1.000000" "accurate enough"
expect 0 compare --reference "$work" --candidate "$work/reference/embeddings.npy" --json
says '"passed": true' '"refused": ""'
expect 1 compare --reference "$work/reference" --candidate "$work/other.npy"
says "not accurate enough: the mean cosine"
expect 0 compare --reference "$work/reference" --candidate "$work/other.npy" --min-cosine -1 --min-low-cosine -1
for i in $(seq 11); do echo "$i.png $((i + 1)).png $((i % 2))"; done >"$work/pairs.txt"
expect 1 compare --reference "$work/reference" --candidate "$work/other.npy" --pairs "$work/pairs.txt" --json
says '"pairs": 11' '"accuracy": [' '"passed": false'

# A recording: the reference again as depthai's messages would have it.
python3 - "$work/reference/embeddings.npy" "$work/recording.json" <<'PYTHON'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
body = data[10 + struct.unpack("<H", data[8:10])[0]:]
rows = struct.unpack("<%df" % (len(body) // 4), body)
most = max(abs(x) for x in rows)
json.dump({"messages": [{"tensors": [{"name": "output", "dataType": "I8", "dims": [1, 64], "quantization": True,
          "qpScale": most / 127, "qpZp": 0, "data": [round(x / most * 127) for x in rows[i * 64:i * 64 + 64]]}]}
          for i in range(12)]}, open(sys.argv[2], "w"))
PYTHON
expect 0 compare --reference "$work/reference" --candidate "$work/recording.json"
says "accurate enough"

expect 2 compare --reference "$work/reference"
sentence --candidate
expect 2 compare --reference "$work/reference" --candidate "$work/other.npy" --zero-point 3
sentence "--scale S"
expect 3 compare --reference "$work/reference" --candidate "$work/other.npy" --scale 0.1
sentence "leave out --scale"
expect 3 compare --reference "$work/none" --candidate "$work/other.npy"
sentence "no folder"
expect 3 compare --reference "$work/reference" --candidate "$work/mbf.onnx"
sentence "neither .npy nor JSON"

# Simulated devices
for device in rvc2 rvc4-int8 rvc4-int16; do
    expect 0 export "$work/mbf.onnx" --simulate $device --calib "$work/crops" --min-cosine 0.5 --min-low-cosine 0.5 -q
    says "arithmetic         $device" "cosine to float32" "accurate enough"
done
expect 1 export "$work/mbf.onnx" --simulate rvc4-int8 "$work/crops" --min-cosine 1 --json -q
says '"device": "rvc4-int8"' '"calibrated": 10' '"passed": false'
expect 2 export "$work/mbf.onnx" --simulate rvc2
sentence "aligned faces"
expect 2 export "$work/mbf.onnx" --simulate rvc2 --calib "$work/crops" -o "$work/x.onnx"
sentence "leave out -o"
expect 2 export "$work/mbf.onnx" "$work/crops" -o "$work/x.onnx"
sentence "pictures are for --target kit and --simulate"
expect 2 export "$work/mbf.onnx" --simulate rvc2 --calib "$work/crops" --pairs "$work/pairs.txt"
sentence "belong together"
expect 2 export "$work/mbf.onnx" --simulate rvc3 --calib "$work/crops"
sentence rvc3
finish
