#!/bin/bash
# export: the file it writes, what it says about it, and requests that make no sense.
. "$(dirname "$0")/lib.sh"

expect 0 model new mbf --dim 64 -q -o "$work/mbf.onnx"
ppm "$work/crop.ppm" 112 112

expect 0 export "$work/mbf.onnx" -o "$work/face.onnx"
sentence "images [1,3,112,112] float32" "output [1,64]" "BGR 0..255" "order the model's own" "none needed"
expect 0 export "$work/mbf.onnx" -o "$work/rgb.onnx" --color rgb --norm 127.5/128
sentence "by Split and Concat" "by Sub and Div"
expect 0 export "$work/mbf.onnx" -o "$work/any.onnx" --batch dynamic --fp16 --l2
sentence "images [N,3,112,112]" "output [N,64]" "weights in half precision"
expect 0 export "$work/mbf.onnx" -o "$work/bytes.onnx" --input uint8 --batch 4 -q
[ -z "$err" ] || wrong "-q is not quiet: $err"
grep -aq "arcface.selftest" "$work/face.onnx" || wrong "an export has no self-test"
grep -aq "com.microsoft" "$work/face.onnx" && wrong "a foreign domain"
[ "$(stat -c %s "$work/any.onnx")" -lt $(($(stat -c %s "$work/face.onnx") * 6 / 10)) ] || wrong "half weights take more than half"

# The exported file is a model like any other: the same embedding of the same crop.
expect 0 model info "$work/face.onnx"
says 112x112
expect 0 model info "$work/rgb.onnx"
says "export: channel order by Split and Concat; normalisation by Sub and Div in front"
expect 0 embed --aligned --model "$work/mbf.onnx" "$work/crop.ppm" -o "$work/own.npy" -q
expect 0 embed --aligned --model "$work/face.onnx" "$work/crop.ppm" -o "$work/exported.npy" -q
python3 - "$work/own.npy" "$work/exported.npy" <<'PYTHON' || wrong "the exported model embeds otherwise"
import struct, sys
def read(path):
    data = open(path, "rb").read()
    body = data[10 + struct.unpack("<H", data[8:10])[0]:]
    return struct.unpack("<%df" % (len(body) // 4), body)
a, b = (read(path) for path in sys.argv[1:])
dot = lambda x, y: sum(p * q for p, q in zip(x, y))
sys.exit(len(a) != len(b) or not dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5 >= 1 - 1e-6)
PYTHON

# NN Archives
expect 0 export "$work/mbf.onnx" -o "$work/face.tar.xz" --target nnarchive
sentence "images [1,3,112,112] float32" "output [1,64]"
expect 0 archive verify "$work/face.tar.xz"
says "nothing is wrong"
expect 0 archive info "$work/face.tar.xz"
says "EmbeddingsParser of output"
expect 0 archive info "$work/face.tar.xz" --json
says '"compression": "xz"'
tar cf "$work/bad.tar.xz" -C "$work" face.onnx
expect 1 archive verify "$work/bad.tar.xz"
says "no config.json"
expect 3 archive info "$work/crop.ppm"
sentence "neither an NN Archive"
expect 3 archive verify "$work/none.tar.xz"

# Mistakes
expect 2 export "$work/mbf.onnx" -o "$work/x.onnx" --target nnarchive
sentence .tar.xz
expect 2 export "$work/mbf.onnx" -o "$work/x.tar.xz" --target nnarchive --batch dynamic
sentence batch
expect 2 export "$work/mbf.onnx"
sentence -o
expect 2 export "$work/mbf.onnx" -o "$work/x.bin"
sentence .onnx
expect 2 export "$work/mbf.onnx" -o "$work/x.onnx" --batch 0
sentence "--batch 0"
expect 2 export "$work/mbf.onnx" -o "$work/x.onnx" --batch two
sentence "--batch two"
expect 2 export "$work/mbf.onnx" -o "$work/x.onnx" --batch 100000
sentence 100000
expect 2 export "$work/mbf.onnx" -o "$work/x.onnx" --target blob
sentence "--target blob"
expect 2 export "$work/mbf.onnx" -o "$work/x.onnx" --raw --input uint8
sentence raw uint8
expect 3 export "$work/nowhere.onnx" -o "$work/x.onnx"
expect 3 export "$work/crop.ppm" -o "$work/x.onnx"
if [ -e "$detector" ]; then
    expect 0 export "$detector" -o "$work/det.tar.xz" --target nnarchive --size 320
    sentence "9 outputs from score_8 [3200,1] to kps_32"
    expect 0 archive verify "$work/det.tar.xz"
    says "unless the application calls setInputSize"
    expect 2 export "$detector" -o "$work/x.onnx" --size 100
    sentence "multiple of 32"
fi
yunet=$(dirname "$detector")/yunet_s_dynamic.onnx
if [ -e "$yunet" ]; then
    expect 0 export "$yunet" -o "$work/yunet.tar.xz" --target nnarchive --size 320
    sentence "3 outputs from loc [5875,14] to iou"
    expect 0 archive verify "$work/yunet.tar.xz"
    says "nothing is wrong"
fi
expect 4 export "$work/mbf.onnx" -o "$work/nowhere/x.onnx"
ls "$work" | grep -q '^x\.' && wrong "a mistake left a file"
finish
