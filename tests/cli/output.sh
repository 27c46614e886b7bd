#!/bin/bash
# Full disks, closed pipes, and files that must not be left half-written.
. "$(dirname "$0")/lib.sh"

"$arcface" help >/dev/full 2>"$work/stderr"
[ $? -eq 4 ] || wrong "help on a full disk did not end with 4"
err=$(cat "$work/stderr")
sentence "standard output"

(
    "$arcface" help 2>"$work/stderr"
    echo $? >"$work/status"
) | true
sleep 0.2
# The reader is gone before or after the first write; both are allowed, a signal is not.
status=$(cat "$work/status")
[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || wrong "help into a closed pipe ended with $status"
exec 9> >(exec true)
sleep 0.3
"$arcface" help >&9 2>"$work/stderr"
[ $? -eq 4 ] || wrong "help into a pipe that was closed before did not end with 4"
err=$(cat "$work/stderr")
sentence "standard output"
exec 9>&-

expect 0 model new mbf --dim 128 --seed 3 -q -o "$work/mbf.onnx"
expect 4 model new mbf -q -o /dev/full
sentence /dev/full
expect 4 model new mbf -q -o "$work/no-such-folder/x.onnx"
sentence no-such-folder
ppm "$work/a.ppm" 112 112
ppm "$work/b.ppm" 112 112
for format in npy csv json; do
    "$arcface" embed "$work/a.ppm" --aligned --model "$work/mbf.onnx" --format $format -q -o - >/dev/full 2>"$work/stderr"
    [ $? -eq 4 ] || wrong "embed --format $format on a full disk did not end with 4"
    err=$(cat "$work/stderr")
    sentence "standard output"
done
expect 4 embed "$work/a.ppm" --aligned --model "$work/mbf.onnx" -q -o "$work/no-such-folder/e.npy"
[ -z "$(find "$work" -name 'no-such-folder*')" ] || wrong "something was left behind"
mkdir "$work/closed"
expect 0 embed "$work/a.ppm" "$work/b.ppm" --aligned --model "$work/mbf.onnx" -q -o "$work/closed/e.npy"
[ "$(find "$work/closed" -type f | sort | xargs -n1 basename | tr '\n' ' ')" = "e.npy e.txt " ] || wrong "embed left: $(ls "$work/closed")"
finish
