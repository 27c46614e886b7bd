#!/bin/bash
# Training from the command: killed at any moment and resumed it continues bit for bit; full disks, steps that are not finite and mistakes.
. "$(dirname "$0")/lib.sh"

"$arcface" data synth -o "$work/set" --identities 8 --images 6 --pairs 60 -q >/dev/null || wrong "no data"
common=(--data "$work/set" --network mbf --dim 32 --loss arcface --scale 16 --batch 8 --epochs 2 --rate 0.05 --log-every 1
    --checkpoint-every 2 --threads 2 --loader-threads 1 --ema 0.9 -q)

# What a log says about a run: all but times and memory.
curve() {
    sed -E 's/, "images_per_s".*//' "$1/log.jsonl"
}

evaluated=("${common[@]}" --evaluate "$work/set/verification.bin")
expect 0 train "${evaluated[@]}" -o "$work/whole" --json
says '"steps": 12' '"skipped": 0'
[ "$(curve "$work/whole" | grep -c '"loss"')" -eq 12 ] || wrong "the log has not 12 steps"
for file in recipe.json model.onnx best.onnx step-00000012.onnx step-00000012.state step-00000010.state; do
    [ -s "$work/whole/$file" ] || wrong "$file is missing"
done
[ -e "$work/whole/step-00000008.state" ] && wrong "old checkpoints stay"
# Sanitizers take memory of their own.
grep -q __asan_init "$arcface" || sed -E 's/.*"planned_mb": ([0-9.]+), "peak_mb": ([0-9.]+).*/\1 \2/' <<<"$out" | awk '{ exit !($2 <= $1) }' ||
    wrong "more memory than announced: $out"
# What can be resident of a mapped file is announced: here one with 30 MB behind its records.
mkdir "$work/long" && cp "$work"/set/train.* "$work/long" && truncate -s +30M "$work/long/train.rec"
expect 0 train "${common[@]:0:${#common[@]}-1}" --data "$work/long" -o "$work/long_run" --steps 1
grep -qE 'data set 3[0-9] MB at most' <<<"$err" || wrong "the mapped data set is not announced: $err"
expect 0 model info "$work/whole/model.onnx"
expect 3 train "${common[@]}" -o "$work/whole"
sentence "--resume"

# Killed again and again: the same curve, the same model. ARCFACE_KILL_ROUNDS: so many more times, at moments drawn at random.
# killed_run DELAY...: a training that is killed after each of so many seconds, and ends
killed_run() {
    local delay pid resume=
    rm -rf "$work/killed"
    for delay in "$@"; do
        "$arcface" train "${evaluated[@]}" -o "$work/killed" $resume >/dev/null 2>&1 &
        pid=$!
        sleep "$delay"
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        resume=--resume
        compgen -G "$work/killed/step-*.state" >/dev/null || { resume= && rm -rf "$work/killed"; }
    done
    expect 0 train "${evaluated[@]}" -o "$work/killed" $resume
    diff <(curve "$work/whole") <(curve "$work/killed") >"$work/diff" || wrong "killed after $*: another curve: $(head -4 "$work/diff")"
    cmp -s "$work/whole/step-00000012.onnx" "$work/killed/step-00000012.onnx" || wrong "killed after $*: another model"
    cmp -s "$work/whole/step-00000012.state" "$work/killed/step-00000012.state" || wrong "killed after $*: another state"
    compgen -G "$work/killed/*.part-*" >/dev/null && wrong "killed after $*: torn files stay"
}
killed_run 1.1 0.4 2.3 1.7
for ((round = 0; round < ${ARCFACE_KILL_ROUNDS:-0}; round++)); do
    delays=()
    for ((kill = 0; kill < 6; kill++)); do delays+=("0.$((RANDOM % 9 + 1))$((RANDOM % 10))"); done
    killed_run "${delays[@]}"
done

# A disk that is full (here: files that may not grow): the last good checkpoint stays, the training goes on.
expect 0 train "${common[@]}" -o "$work/full" --steps 2
size=$(stat -c %s "$work/full/step-00000002.state")
err=$(trap '' XFSZ; ulimit -f $((size / 2048)); "$arcface" train "${common[@]:0:${#common[@]}-1}" -o "$work/full" --resume --steps 4 2>&1 </dev/null)
grep -qF "the last good one stays" <<<"$err" || wrong "nothing said about the disk: $err"
[ -s "$work/full/step-00000002.state" ] || wrong "the last good checkpoint is gone"
[ -e "$work/full/step-00000004.state" ] && wrong "a torn checkpoint counts as one"
expect 0 train "${common[@]}" -o "$work/full" --resume --steps 4

# A checkpoint that was cut short or changed is passed over or refused, never used.
cp -r "$work/whole" "$work/cut"
truncate -s 5000 "$work/cut/step-00000012.state"
expect 0 train "${common[@]}" -o "$work/cut" --resume
cmp -s "$work/whole/step-00000012.onnx" "$work/cut/step-00000012.onnx" || wrong "another model after a cut checkpoint"
cp -r "$work/whole" "$work/flip"
printf '\x55' | dd of="$work/flip/step-00000012.state" bs=1 seek=$((size / 2)) conv=notrunc status=none
expect 3 train "${common[@]}" -o "$work/flip" --resume --epochs 3
sentence checksum

# Steps that are not finite: named, reproducible, left out, and an end to it.
expect 3 train "${common[@]}" -o "$work/nan" --rate 1e30 --clip 0 --stop-after 2
grep -qF "not finite" <<<"$err" || wrong "nothing about steps that are not finite: $err"
for kind in json npy onnx; do
    compgen -G "$work/nan/nonfinite-*.$kind" >/dev/null || wrong "no reproducer .$kind"
done
grep -q '"labels"' "$work"/nan/nonfinite-*.json || wrong "the reproducer names no labels"

# From a model, frozen, with a teacher; every loss and both optimisers.
expect 0 train "${common[@]}" -o "$work/tuned" --init "$work/whole/model.onnx" --freeze layers.0,layers.1 --steps 1
expect 3 train "${common[@]}" -o "$work/tuned2" --init "$work/whole/model.onnx" --freeze no_such_layer --steps 1
sentence no_such_layer
expect 3 train "${common[@]}" -o "$work/tuned2" --init "$work/whole/model.onnx" --freeze layers.0,,layers.1 --steps 1
sentence "between commas"
# All frozen, the network gives what it gave: running statistics stay too.
expect 0 train "${common[@]}" -o "$work/frozen" --init "$work/whole/model.onnx" --freeze layers.,conv_sep.,features. --steps 2
"$arcface" data unpack "$work/set" -o "$work/folders" -q >/dev/null 2>&1 || wrong "the set is not unpacked"
for run in whole frozen; do
    expect 0 embed "$work/folders" --aligned --model "$work/$run/model.onnx" -o "$work/$run.npy" -q
done
cmp -s "$work/whole.npy" "$work/frozen.npy" || wrong "a frozen network changed"
expect 0 train "${common[@]}" -o "$work/distilled" --teacher "$work/whole/model.onnx" --head-weight 0 --steps 2
grep -q teacher_distance "$work/distilled/log.jsonl" || wrong "no distance to the teacher"
for loss in softmax cosface sphereface combined adaface magface curricularface; do
    expect 0 train "${common[@]}" -o "$work/$loss" --loss $loss --steps 1 --optimiser adamw --rate 0.001 --centers 2 --sample-rate 0.5
done

# Curves, and cleaning by several centres: a label list, what stays, a picture.
expect 0 plot "$work/whole" "$work/killed" -o "$work/curves.png"
[ "$(head -c 4 "$work/curves.png" | tail -c 3)" = PNG ] || wrong "no picture of the curves"
expect 3 plot "$work"
sentence log.jsonl
expect 0 train "${common[@]}" -o "$work/centres" --centers 3 --epochs 4 --keep 1
state=$(ls "$work"/centres/step-*.state)
expect 0 data clean "$work/set" --model "$work/centres/model.onnx" --centers "$state" --drop-angle 60 -o "$work/clean" --json -q \
    --list "$work/dropped.tsv" --undo "$work/undo.tsv" --sheet "$work/dropped.png"
counts=$out
dropped=$(grep -oE '"dropped": [0-9]+' <<<"$counts" | tr -dc 0-9)
kept=$(grep -oE '"kept": [0-9]+' <<<"$counts" | tr -dc 0-9)
[ $((kept + dropped)) -eq 48 ] || wrong "pictures are lost: $counts"
[ "$(tail -n +2 "$work/dropped.tsv" | wc -l)" -eq "$dropped" ] || wrong "the list of the dropped is not $dropped long"
[ "$(tail -n +2 "$work/undo.tsv" | wc -l)" -eq "$kept" ] || wrong "the undo list is not $kept long"
awk 'NR > 1 && $3 <= 60 { bad = 1 } END { exit bad }' "$work/dropped.tsv" || wrong "an angle below 60 was dropped"
[ -s "$work/dropped.png" ] || wrong "no picture of the dropped"
expect 0 data info "$work/clean" --json
says "\"pictures\": $kept"

# Mistakes.
expect 2 train "${common[@]}" -o "$work/x" --micro-batch 3
sentence "micro-batches of 3"
expect 2 train "${common[@]}" -o "$work/x" --loss arcfase
sentence arcfase
expect 2 train --data "$work/set"
expect 2 train -o "$work/x"
echo '{"momentun": 0.9}' >"$work/bad.json"
expect 3 train "${common[@]}" -o "$work/x" -r "$work/bad.json"
sentence momentun '"momentum"' bad.json
expect 3 train "${common[@]}" -o "$work/x" --batch 512
sentence "fewer than"
mkdir -p "$work/one/anna"
first=$(find "$work/folders" -name '*.jpg' | head -1)
for i in $(seq 9); do cp "$first" "$work/one/anna/$i.jpg"; done
expect 3 train "${common[@]}" --data "$work/one" -o "$work/x"
sentence "one identity"
finish
