#!/bin/bash
# Metrics of generated faces and the audit of templates on a small network of our own: figures, page, keys from three places, bad input.
. "$(dirname "$0")/lib.sh"
expect 0 model new tiny --dim 16 -o "$work/tiny.onnx" --seed 3
expect 0 data synth -o "$work/set" --identities 4 --images 2 --size 112 -q
expect 0 data unpack "$work/set" -o "$work/people" -q
mkdir "$work/crops"
for picture in $(find "$work/people" -name '*.jpg' -o -name '*.png' | sort); do
    cp "$picture" "$work/crops/$(basename "$(dirname "$picture")")-$(basename "$picture")"
done
expect 0 embed "$work/crops" --aligned --model "$work/tiny.onnx" -o "$work/templates.npy" -q

run=(audit templates "$work/templates.npy" --model "$work/tiny.onnx" --steps 3 --count 4 -q)
expect 0 "${run[@]}" --report "$work/audit.html"
says "8 templates of 16 numbers" "nobody has calibrated it" "4 of 8 templates were rebuilt, in 3 steps"
grep -q "What stored templates give away" "$work/audit.html" || wrong "the page has no heading"
grep -q "</html>" "$work/audit.html" || wrong "the page is not whole"
expect 0 "${run[@]}" --json
plain=$out
expect 0 "${run[@]}" --attacker-model "$work/tiny.onnx" --photos "$work/crops" --threshold 0.5 --json
says '"reference": "photos"' '"source": "given"'

head -c 32 /dev/zero >"$work/key"
expect 0 "${run[@]}" --protect "$work/key" --json
says '"protected_without_key"' '"cosine_change"'
by_file=$out
KEY=$(printf '0%.0s' $(seq 64)) expect 0 "${run[@]}" --protect env:KEY --json
[ "$out" = "$by_file" ] || wrong "the key of the environment is another one than that of the file"
expect 0 audit templates "$work/templates.npy" --model "$work/tiny.onnx" --steps 1 --count 2 --protect "correct horse"
says "Stolen together with the key"
grep -q 'no file "correct horse"' <<<"$err" || wrong "a key on the command line is not remarked on: $err"

# Statistics that generate measured are taken by the audit, those of another network are not.
expect 0 generate --embedding "$work/templates.npy" --model "$work/tiny.onnx" --statistics-from "$work/crops" --steps 1 -o "$work/measured" -q
expect 0 "${run[@]}" --statistics-from "$work/measured/statistics.measured" --json
[ "$out" != "$plain" ] || wrong "measured statistics change nothing"

expect 2 "${run[@]}" --threshold 0.5 --far 1e-3
sentence --threshold --far
expect 2 "${run[@]}" --photos "$work/crops"
sentence --attacker-model
expect 3 "${run[@]}" --far 1e-3
sentence "arcface calibrate"
expect 3 "${run[@]}" --protect "$work/no/key"
sentence no/key
expect 3 audit templates "$work/crops" --model "$work/tiny.onnx"
sentence "galleries cannot be read yet"
expect 3 audit templates "$work/none.npy" --model "$work/tiny.onnx"
sentence none.npy
expect 0 model new tiny --dim 8 -o "$work/other.onnx"
expect 3 audit templates "$work/templates.npy" --model "$work/other.onnx"
sentence "templates have 16 numbers"
expect 0 model new tiny --dim 16 -o "$work/third.onnx" --seed 4
expect 3 audit templates "$work/templates.npy" --model "$work/third.onnx" --statistics-from "$work/measured/statistics.measured" -q
sentence statistics.measured
expect 4 "${run[@]}" --report "$work/no/audit.html"

# The metrics of a folder as arcface generate writes it; here the pictures themselves, whose targets are their own embeddings.
first=$(ls "$work/crops" | head -1)
mkdir "$work/faces"
cp "$work/crops/$first" "$work/faces/"
printf '{"faces": [{"file": "%s", "identity": "somebody"}]}' "$first" >"$work/faces/generated.json"
expect 0 generate eval "$work/faces" --model "$work/tiny.onnx" --judge "$work/other.onnx" --json -q
says '"faces": 1' '"generating": true' '"generating": false' '"frechet": null'
expect 0 generate --embedding "$work/templates.npy" --model "$work/tiny.onnx" --steps 2 --count 2 -o "$work/generated" -q # what it writes is read
expect 0 generate eval "$work/generated" --model "$work/tiny.onnx" --real "$work/crops" -q
says "16 generated faces of 8 identities" "cosine with the target: mean" "(8 pairs)" "no FID"
expect 3 generate eval "$work/faces" --model "$work/tiny.onnx" --real "$work/crops" # one picture has no covariance
expect 3 generate eval "$work/crops" --model "$work/tiny.onnx"
sentence generated.json
expect 2 generate eval "$work/faces" --model "$work/tiny.onnx" --pairs x
expect 2 generate eval "$work/faces" --model "$work/tiny.onnx" --feature-net "$work/other.onnx"
finish
