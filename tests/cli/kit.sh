#!/bin/bash
# Conversion kits: made of crops and of photos, checked, damaged; requests that make no sense.
. "$(dirname "$0")/lib.sh"

# waves FOLDER COUNT SIDE: pictures that a network of random weights tells apart.
waves() {
    mkdir -p "$1"
    python3 - "$@" <<'PYTHON'
import math, random, sys
folder, count, side = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for index in range(count):
    draw = random.Random(index)
    f = [[draw.gauss(0, 1) for _ in range(4)] for _ in range(3)]
    rows = [[128 + 100 * math.sin(a * x / 8 + b * y / 8 + 3 * c) * math.cos(d * x / 5) for a, b, c, d in f] for y in range(side) for x in range(side)]
    with open(f"{folder}/{index}.ppm", "wb") as out:
        out.write(b"P6\n%d %d\n255\n" % (side, side) + bytes(int(v) for row in rows for v in row))
PYTHON
}
waves "$work/crops" 30 112
waves "$work/photos" 1 200
expect 0 model new mbf --dim 64 -q -o "$work/mbf.onnx"

expect 0 export "$work/mbf.onnx" --target kit -o "$work/kit" --crops "$work/crops" --l2
grep -q "26 different faces are few" <<<"$err" || wrong "no warning of few faces: $err"
grep -q "26 faces to calibrate on and 4 to compare with, of 30 pictures" <<<"$err" || wrong "not told what was made: $err"
for file in README.md SHA256SUMS arcface.onnx arcface.tar.xz calibration.jpg calibration.zip rvc2.yaml rvc4.yaml reference/names.txt reference/embeddings.npy; do
    [ -s "$work/kit/$file" ] || wrong "no $file in the kit"
done
for word in "modelconverter convert rvc2 --path arcface.tar.xz" "modelconverter convert rvc4 --path arcface.tar.xz calibration.path ./calibration" \
    'quantization_data="calibration.zip", max_quantization_images=26' "arcface export check ." "of length 1"; do
    grep -qF -- "$word" "$work/kit/README.md" || wrong "README.md lacks: $word"
done
for mode in INT8_STANDARD INT8_ACCURACY_FOCUSED INT8_INT16_MIXED INT8_INT16_MIXED_ACCURACY_FOCUSED INT16_STANDARD FP16_STANDARD CUSTOM; do
    grep -q "#   $mode " "$work/kit/rvc4.yaml" || wrong "rvc4.yaml does not explain $mode"
done
(cd "$work/kit" && sha256sum --quiet -c SHA256SUMS) || wrong "sha256sum finds other digests"
expect 0 export check "$work/kit"
says "26 faces to calibrate on, 4 to compare with: least cosine 1.0000000" "0 errors, 1 warning"
expect 0 export check "$work/kit/" --json
says '"calibration": 26, "reference": 4' '"errors": 0'
expect 0 archive verify "$work/kit/arcface.tar.xz"

# What README.md tells people to do leaves the kit whole; anything else does not.
python3 -m zipfile -e "$work/kit/calibration.zip" "$work/kit/calibration"
mkdir "$work/kit/output"
expect 0 export check "$work/kit"
echo >>"$work/kit/rvc4.yaml"
expect 1 export check "$work/kit"
says "error: rvc4.yaml: is not the file that the kit was made with" "1 error"
rm "$work/kit/reference/reference-02.png"
expect 1 export check "$work/kit" --json
says '"where": "reference/reference-02.png", "text": "is missing"' '"errors": 3'

# Mistakes
left() {
    ls "$work" | grep -q '^new' && wrong "a mistake left a folder: $(ls "$work")"
}
expect 2 export "$work/mbf.onnx" --target kit -o "$work/kit" --crops "$work/crops"
sentence "is there already"
expect 2 export "$work/mbf.onnx" --target kit -o "$work/new"
sentence "made from pictures of faces"
expect 2 export "$work/mbf.onnx" "$work/crops" --target kit -o "$work/new" --crops "$work/crops"
sentence "made from pictures of faces"
expect 2 export "$work/mbf.onnx" --target kit -o "$work/new" --crops "$work/photos" --detector "$work/mbf.onnx"
sentence "name photos behind the model"
expect 2 export "$work/mbf.onnx" --target kit --crops "$work/crops"
sentence "-o FOLDER"
expect 2 export "$work/mbf.onnx" --target kit -o "$work/new" --crops "$work/crops" --raw
sentence "--raw is not for --target kit"
expect 2 export "$work/mbf.onnx" --target kit -o "$work/new" --crops "$work/crops" --calibration-count 5
sentence "from 20 to 2000"
expect 2 export "$work/mbf.onnx" "$work/crops" -o "$work/new.onnx"
sentence "pictures are for --target kit and --simulate"
expect 3 export "$work/mbf.onnx" "$work/photos" --target kit -o "$work/new"
sentence "200x200 pixels, no aligned face of 112x112" "arcface align" --detector
mkdir "$work/few" "$work/twins"
cp "$work"/crops/1?.ppm "$work/few"
expect 3 export "$work/mbf.onnx" --target kit -o "$work/new" --crops "$work/few"
sentence "10 different faces in 10 pictures" "a kit needs 24"
for i in $(seq 30); do cp "$work/crops/1.ppm" "$work/twins/$i.ppm"; done
expect 3 export "$work/mbf.onnx" --target kit -o "$work/new" --crops "$work/twins"
sentence "1 different face in 30 pictures (29 more are nearly the same"
expect 3 export check "$work/none"
sentence "no folder"
expect 1 export check "$work/crops"
left
if [ -e "$model" ] && [ -e "$detector" ] && [ -e "$data/celeba-224" ]; then
    expect 3 export "$detector" --target kit -o "$work/new" --crops "$work/crops"
    sentence "is no embedder"
    expect 3 export "$data/models/recognition/w600k_mbf_int8_dynamic.onnx" --target kit -o "$work/new" --crops "$work/crops"
    sentence "in 8 bits already"
    left
    # Photos and crops together: the photos are searched, the crops taken as they are.
    mapfile -t folders < <(find "$data/celeba-224" -mindepth 1 -maxdepth 1 | sort | head -4)
    expect 0 align "${folders[0]}" -o "$work/aligned" --detector "$detector" -q
    expect 0 export "$model" "${folders[@]:1}" "$work/aligned" --target kit -o "$work/faces" --detector "$detector" --calibration-count 30 -q
    expect 0 export check "$work/faces"
    says "30 faces to calibrate on, 4 to compare with: least cosine 1.0000000"
fi
finish
