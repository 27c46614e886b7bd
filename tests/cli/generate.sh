#!/bin/bash
# generate: open and closed set on a small network and drawn people; killed at any moment it goes on bit for bit; what is wrong is told.
. "$(dirname "$0")/lib.sh"

"$arcface" data synth -o "$work/people" --identities 3 --images 2 --format png -q >/dev/null || wrong "no drawn people"
expect 0 model new mbf --dim 32 -q -o "$work/mbf.onnx"
expect 0 model new mbf --dim 16 --seed 5 -q -o "$work/judge.onnx"
people=$(dirname "$(find "$work/people" -mindepth 2 -name '*.png' | sort | head -1)")
people=$(dirname "$people")
expect 0 model new mbf --dim 32 --seed 9 -q -o "$work/second.onnx"
judges=(--judge "$work/judge.onnx" --judge "$work/second.onnx")
common=(generate --model "$work/mbf.onnx" --identity "$people" --aligned "${judges[@]}" --count 2 --batch 4 --steps 20 --threads 2)

expect 0 "${common[@]}" -o "$work/whole" --json
says '"pictures": 6' '"people": 3' '"judge_cosine": ['
grep -q "memory .* MB" <<<"$err" || wrong "memory is not announced: $err"
grep -q "statistics of 50 BatchNormalizations" <<<"$err" || wrong "places are not told: $err"
grep -q "identity .* statistics .* variation .* steps/s" <<<"$err" || wrong "no line of progress: $err"
[ "$(find "$work/whole" -name '*-?.png' | wc -l)" -eq 6 ] || wrong "not six pictures: $(ls "$work/whole")"
[ -s "$work/whole/grid.png" ] && grep -q '"target": \[' "$work/whole/generated.json" || wrong "no grid or list"
compgen -G "$work/whole/*.state" >/dev/null && wrong "a state stays"
grep -q '"judges": \[{"model": "judge.onnx", "cosine": [-0-9.]*}, {"model": "second.onnx", "cosine": [-0-9.]*}\]' "$work/whole/generated.json" ||
    wrong "not both judges: $(head -2 "$work/whole/generated.json")"
expect 0 generate eval "$work/whole" --model "$work/mbf.onnx" "${judges[@]}"
says "judge.onnx, judge" "second.onnx, judge"

# A folder is one run's.
expect 3 "${common[@]}" -o "$work/whole"
sentence "$work/whole" --resume
expect 3 "${common[@]}" -o "$work/whole" --resume --seed 7
sentence "other options"

# Killed again and again: the same pictures.
for delay in 0.7 1.3 0.5 2.1; do
    "$arcface" "${common[@]}" -o "$work/killed" --resume >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
done
expect 0 "${common[@]}" -o "$work/killed" --resume
for picture in "$work/whole"/*-?.png "$work/whole/generated.json"; do
    cmp -s "$picture" "$work/killed/$(basename "$picture")" || wrong "killed and resumed: another $(basename "$picture")"
done
compgen -G "$work/killed/*.part-*" >/dev/null && wrong "torn files stay"

# A disk that is full (here: files that may not grow) ends with a sentence, and resuming goes on.
err=$(trap '' XFSZ; ulimit -f 64; "$arcface" "${common[@]}" -q -o "$work/full" 2>&1 </dev/null)
[ $? -eq 4 ] || wrong "a full disk ended with another status: $err"
sentence "$work/full"
expect 0 "${common[@]}" -o "$work/full" --resume
cmp -s "$work/whole/grid.png" "$work/full/grid.png" || wrong "after a full disk: other pictures"

# Each --identity is a person, with the photos behind it wherever they stand.
mapfile -t photo < <(find "$people" -name '*.png' | sort)
expect 0 generate --model "$work/mbf.onnx" --identity "${photo[0]}" "${photo[1]}" --aligned --identity="${photo[2]}" --judge "$work/judge.onnx" --steps 3 \
    -o "$work/two" "${photo[3]}" -q
says "2 pictures of 2" "by judge"
for name in "000-$(basename "${photo[0]}" .png)-1.png" "001-$(basename "${photo[2]}" .png)-1.png"; do
    [ -s "$work/two/$name" ] || wrong "no $name: $(ls "$work/two")"
done
expect 0 generate --model "$work/mbf.onnx" --identity "${photo[2]}" "${photo[3]}" --aligned --steps 3 -o "$work/one" -q
[ "$(grep -o '"target": .*' "$work/one/generated.json")" = "$(grep -o '"target": .*' "$work/two/generated.json" | tail -1)" ] ||
    wrong "the second of two people is not whom the photos show"

# By embeddings, and by classes of a training.
expect 0 embed --aligned --model "$work/mbf.onnx" "$people" -o "$work/rows.npy" -q
expect 0 generate --model "$work/mbf.onnx" --embedding "$work/rows.npy" --steps 3 -o "$work/rows" -q
says "6 pictures of 6"
expect 0 generate --model "$work/mbf.onnx" --class 2 --centers "$work/rows.npy" --steps 3 --preset paper -o "$work/class" -q
[ -s "$work/class/000-class2-1.png" ] || wrong "no picture of the class: $(ls "$work/class")"
expect 0 generate --model "$work/mbf.onnx" --class 4 --class 1 --class-weight 0.5 --margin 0.25 --scale 32 --centers "$work/rows.npy" --steps 1 -o "$work/classes" -q
for option in '"class_weight": 0.5,' '"margin": 0.25, "scale": 32,'; do
    grep -q "$option" "$work/classes/job.json" || wrong "$option was not taken: $(cat "$work/classes/job.json")"
done
[ -s "$work/classes/000-class4-1.png" ] && [ -s "$work/classes/001-class1-1.png" ] || wrong "not both classes: $(ls "$work/classes")"
expect 3 generate --model "$work/mbf.onnx" --class 1 --class 6 --batch 1 --centers "$work/rows.npy" --steps 3 -o "$work/none" -q
sentence "class 6 is not there" "0 to 5"
[ ! -e "$work/none/000-class1-1.png" ] || wrong "a class that is not there was found after a batch"
expect 3 generate --model "$work/judge.onnx" --embedding "$work/rows.npy" --steps 3 -o "$work/dims" -q
sentence 32 16

# Measured statistics: from a folder into a file, and from the file.
expect 0 generate --model "$work/mbf.onnx" --embedding "$work/rows.npy" --statistics-from "$people" --steps 3 -o "$work/measured"
grep -q "measured on pictures at 50 places" <<<"$err" || wrong "not measured: $err"
expect 0 generate --model "$work/mbf.onnx" --embedding "$work/rows.npy" --statistics-from "$work/measured/statistics.measured" --steps 3 -o "$work/again" -q
for picture in "$work/measured"/*-1.png; do
    cmp -s "$picture" "$work/again/$(basename "$picture")" || wrong "the file of statistics gives another $(basename "$picture")"
done
expect 3 generate --model "$work/judge.onnx" --identity "$people" --aligned --statistics-from "$work/measured/statistics.measured" --steps 3 -o "$work/other" -q
sentence "another network"

# Mistakes.
expect 0 generate --model "$work/mbf.onnx" --embedding "$work/rows.npy" --judge "$work/judge.onnx" --steps 3 -o "$work/unjudged"
grep -q -- "--judge says nothing here.*--identity" <<<"$err" || wrong "a judge without photos is not told: $err"
says "6 pictures of 6"
expect 2 "${common[@]}" "${judges[@]}" "${judges[@]}" "${judges[@]}" "${judges[@]}" -o "$work/x"
sentence "--judge is given 10 times" 8
expect 2 generate eval "$work/whole" --model "$work/mbf.onnx" "${judges[@]}" "${judges[@]}" "${judges[@]}" "${judges[@]}" "${judges[@]}"
sentence "--judge is given 10 times" 8
expect 2 generate --model "$work/mbf.onnx" -o "$work/x"
sentence --identity --embedding --class
expect 2 generate --model "$work/mbf.onnx" --class 1 -o "$work/x"
sentence --centers
expect 2 generate --model "$work/mbf.onnx" --embedding "$work/rows.npy"
sentence "-o FOLDER"
mkdir "$work/empty"
expect 3 generate --model "$work/mbf.onnx" --aligned --identity "$work/empty" -o "$work/x"
sentence "no pictures"

finish
