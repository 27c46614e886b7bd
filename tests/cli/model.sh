#!/bin/bash
# Models as files: new, info, convert; damaged ones; embeddings of ready crops with a new network.
. "$(dirname "$0")/lib.sh"

expect 0 model new mbf --seed 5 -q -o "$work/a.onnx"
expect 0 model new mbf --seed 5 -q -o "$work/b.onnx"
cmp -s "$work/a.onnx" "$work/b.onnx" || wrong "the same seed gave two files"
expect 0 model new mbf --seed 6 -q -o "$work/b.onnx"
cmp -s "$work/a.onnx" "$work/b.onnx" && wrong "two seeds gave one file"
expect 0 model new r18 --dim 64 -q -o "$work/r18.onnx"
expect 0 model info "$work/a.onnx"
says 512 arcface
expect 0 model info "$work/a.onnx" --json
says '{' parameters
expect 0 model info "$work/a.onnx" --layers
says Conv
expect 0 convert "$work/a.onnx" -q -o "$work/c.onnx"
expect 0 model info "$work/c.onnx"
expect 2 model info "$work/a.onnx" --color green
sentence green
expect 2 model info "$work/a.onnx" --norm x

ppm "$work/crop.ppm" 112 112
expect 0 embed "$work/crop.ppm" --aligned --model "$work/a.onnx" -q -o "$work/e.npy"
[ "$(stat -c %s "$work/e.npy")" -eq $((128 + 512 * 4)) ] || wrong "e.npy has $(stat -c %s "$work/e.npy") bytes"
expect 0 embed "$work/crop.ppm" --aligned --model "$work/c.onnx" -q -o "$work/converted.npy"
cmp -s "$work/e.npy" "$work/converted.npy" || wrong "a converted model embeds otherwise"
for threads in 1 3; do
    expect 0 embed "$work/crop.ppm" --aligned --model "$work/a.onnx" --threads $threads -q -o "$work/t.npy"
    cmp -s "$work/e.npy" "$work/t.npy" || wrong "$threads threads give other bits"
done
expect 0 embed "$work/crop.ppm" --aligned --model "$work/a.onnx" -q -o -
[ "$(wc -l <<<"$out")" -eq 2 ] || wrong "CSV has $(wc -l <<<"$out") lines"
[ "$(tail -1 <<<"$out" | tr ',' '\n' | wc -l)" -eq $((8 + 512)) ] || wrong "CSV row has $(tail -1 <<<"$out" | tr ',' '\n' | wc -l) columns"
expect 0 embed "$work/crop.ppm" --aligned --model "$work/a.onnx" --flip --format json -q -o -
says '"embedding": [' '"face": 0'
expect 0 verify "$work/crop.ppm" "$work/crop.ppm" --aligned --model "$work/a.onnx"
says "cosine 1.0000" "same person"
ppm "$work/big.ppm" 300 200
expect 3 embed "$work/big.ppm" --aligned --model "$work/a.onnx" -q -o "$work/x.npy"
[ -e "$work/x.npy" ] && wrong "a failed run left x.npy"
# One bad picture fails alone.
expect 3 embed "$work/crop.ppm" "$work/missing.jpg" --aligned --model "$work/a.onnx" -q -o "$work/x.npy"
sentence missing.jpg
mkdir "$work/folder" && cp "$work/crop.ppm" "$work/folder/one.ppm" && echo text >"$work/folder/readme.txt"
expect 0 embed "$work/folder" --aligned --model "$work/a.onnx" -q -o "$work/x.json"
mkdir "$work/empty"
expect 3 embed "$work/empty" --aligned --model "$work/a.onnx" -q -o "$work/y.json"
sentence "no pictures"

expect 3 model info "$work/missing.onnx"
sentence missing.onnx
: >"$work/empty.onnx"
expect 3 model info "$work/empty.onnx"
sentence empty.onnx
head -c 5000 "$work/a.onnx" >"$work/short.onnx"
expect 3 model info "$work/short.onnx"
sentence short.onnx
cp "$work/crop.ppm" "$work/picture.onnx"
expect 3 model info "$work/picture.onnx"
expect 3 model info "$work/folder"
# A probe: what cannot be probed; which contract a file is told by its faces.
expect 0 model new tiny --dim 64 -q -o "$work/tiny.onnx"
expect 2 model probe "$work/tiny.onnx" --aligned --photos
expect 3 model probe "$work/tiny.onnx" --images "$work/nowhere" -q
sentence nowhere
expect 3 model probe "$work/tiny.onnx" --images "$work" -q
sentence "too few to probe with"
if [ -e "$data/models" ]; then
    expect 0 convert "$model" --color bgr --norm imagenet -q -o "$work/wrong.onnx"
    expect 0 model probe "$work/wrong.onnx" --images "$data/lfw/pairs-aligned-112" --people 24 --write -q
    says "RGB 127.5/127.5 is right"
    expect 0 model info "$work/wrong.onnx" --json
    says '"color": "rgb"' '127.5'
    expect 3 model probe "$data/models/recognition/mobilefacenet_casia_112x96.ckpt" --images "$data/lfw/pairs-aligned-112" --write -q
    sentence convert --color
    expect 3 model probe "$data/models/detection/det_500m.onnx" -q
fi
# A detector of free size says so, and the written file is read again.
if [ -e "$data/models" ]; then
    expect 0 convert "$data/models/detection/retinaface_mnet025.pth" -q -o "$work/detector.onnx"
    expect 0 model info "$work/detector.onnx"
    says retinaface
fi
expect 3 convert "$work/short.onnx" -q -o "$work/z.onnx"
[ -e "$work/z.onnx" ] && wrong "a failed conversion left z.onnx"
expect 3 detect "$work/crop.ppm" --detector "$work/a.onnx"
sentence "not a detection model"
finish
