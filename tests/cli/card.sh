#!/bin/bash
# card: made from what other commands print; what is measured with another file, or is no result, is refused and leaves nothing.
. "$(dirname "$0")/lib.sh"

expect 0 model new tiny --dim 64 -q -o "$work/net.onnx"
expect 0 model new tiny --dim 64 --seed 2 -q -o "$work/other.onnx"
expect 0 data synth -o "$work/synth" --identities 8 --images 4 --pairs 40 -q
for name in net other; do
    expect 0 eval bin "$work/synth/verification.bin" --model "$work/$name.onnx" --folds 2 --json -q
    echo "$out" >"$work/$name.json"
done

expect 0 card "$work/net.onnx" --eval "$work/net.json" --seconds 0.05 -o "$work/card.md" --name "My net" --license MIT
sentence "wrote $work/card.md"
out=$(cat "$work/card.md")
says "# My net" "| License | MIT |" "| Model Description | not stated |" "verification.bin" "| fp32 |" "(<card.svg>)" \
    "$(sha256sum "$work/net.onnx" | cut -d' ' -f1)"
grep -q '^<svg' "$work/card.svg" || wrong "no drawing"
expect 0 card "$work/net.onnx" --no-bench -o "$work/card.html" --resource https://example.org/ --resource https://example.com/ -q
[ -z "$err" ] || wrong "-q is not quiet: $err"
out=$(cat "$work/card.html")
says "</html>" "<svg" '<a href="https://example.org/">' '<a href="https://example.com/">'
grep -q "<h3>Throughput</h3>" "$work/card.html" || wrong "no throughput"
grep -A1 "<h3>Throughput</h3>" "$work/card.html" | grep -q "not stated" || wrong "throughput that nobody measured"

# Results behind --eval, figures from files, precisions by name
expect 0 card "$work/net.onnx" --no-bench -q -o "$work/two.md" --eval "$work/net.json" "$work/net.json"
[ "$(grep -c '| this file |' "$work/two.md")" -eq 2 ] || wrong "not two results"
expect 0 bench "$work/net.onnx" --card --seconds 0.05 --threads 2 --json
echo "$out" >"$work/bench.json"
expect 0 card "$work/net.onnx" --bench "$work/bench.json" -q -o "$work/bench.md"
[ "$(grep -c '^| fp32 |' "$work/bench.md")" -eq 1 ] || wrong "not the figures of the file"
expect 0 card "$work/net.onnx" --precision bf16 --seconds 0.05 --isa generic -q -o "$work/slow.md"
grep -q '^| bf16 |' "$work/slow.md" && wrong "bf16 of a level that has none"

# 8 bits
mkdir "$work/crops"
for i in $(seq 6); do
    printf 'P6\n112 112\n255\n' >"$work/crops/$i.ppm"
    yes "picture $((i * i * 7)) of drawn pixels $i" | head -c $((112 * 112 * 3)) >>"$work/crops/$i.ppm"
done
expect 0 quantize "$work/net.onnx" --calib "$work/crops" -o "$work/q.onnx" --min-cosine 0.1 --min-low-cosine 0.1 --json -q
echo "$out" >"$work/quantize.json"
expect 0 eval bin "$work/synth/verification.bin" --model "$work/q.onnx" --folds 2 --json -q
echo "$out" >"$work/q.json"
expect 0 card "$work/net.onnx" --int8 "$work/q.onnx" --quantization "$work/quantize.json" --eval "$work/net.json" "$work/q.json" \
    --seconds 0.05 -q -o "$work/q.md"
out=$(cat "$work/q.md")
says "| int8 |" "q.onnx, 8 bits" "the int8 file" "The same test with the float32 model and with the one in 8 bits"

# A trained model knows its recipe and data.
expect 0 train --recipe tiny-synth --data "$work/synth" -o "$work/run" --steps 2 --batch 8 -q
expect 0 card "$work/run/model.onnx" --run "$work/run" --no-bench -q -o "$work/run.md"
out=$(cat "$work/run.md")
says "| Data | synth |" "| Pictures | 32 |" "| Identities | 8 |" "| Steps | 2 |" "| Loss | arcface |" "| Loss of the last step |"

# Mistakes
cd "$work" || exit 1
expect 2 card "$work/net.onnx"
sentence -o
expect 2 card "$work/net.onnx" -o "$work/x.pdf"
sentence .html .md
expect 2 card "$work/net.onnx" "$work/net.json" -o "$work/x.md" --no-bench
sentence --eval
expect 3 card "$work/net.onnx" --eval "$work/other.json" -o "$work/x.md" --no-bench
sentence other.json "measured with" SHA-256
expect 3 card "$work/net.onnx" --eval "$work/card.md" -o "$work/x.md" --no-bench
sentence card.md "not JSON"
expect 3 card "$work/net.onnx" --eval "$work/quantize.json" -o "$work/x.html" --no-bench
sentence quantize.json protocol
expect 3 card "$work/net.onnx" --quantization "$work/net.json" -o "$work/x.html" --no-bench
sentence mean_cosine
expect 3 card "$work/net.onnx" --bench "$work/net.json" -o "$work/x.html"
sentence "bench MODEL --card --json"
expect 3 card "$work/net.onnx" --int8 "$work/other.onnx" -o "$work/x.html" --no-bench
sentence "no network in 8 bits"
expect 3 card "$work/net.onnx" --recipe "$work/none.json" -o "$work/x.html" --no-bench
sentence none.json
expect 3 card "$work/none.onnx" -o "$work/x.html" --no-bench
expect 4 card "$work/net.onnx" -o "$work/nowhere/x.html" --no-bench
ls "$work" | grep -q '^x\.' && wrong "a mistake left a file"
if [ -e "$detector" ]; then
    expect 0 card "$detector" --no-bench -q -o "$work/detector.md"
    out=$(cat "$work/detector.md")
    says "face detection (scrfd)" "landmarks, five points" "| boxes |"
fi
finish
