#!/bin/bash
# Data sets: drawn, and what is made of them.
. "$(dirname "$0")/lib.sh"

set=$work/set
expect 0 data synth -o "$set" --identities 6 --images 4 --pairs 20 --seed 7
says "6 drawn people, 24 pictures"
[ "$(cat "$set/property")" = "6,112,112" ] || wrong "property says $(cat "$set/property")"
[ "$(wc -l <"$set/train.idx")" = 31 ] || wrong "the index has $(wc -l <"$set/train.idx") lines instead of 24 + 6 + 1"
expect 0 data synth -o "$work/again" --identities 6 --images 4 --pairs 20 --seed 7 --threads 1
for file in train.rec train.idx property verification.bin; do
    cmp -s "$set/$file" "$work/again/$file" || wrong "$file differs with one thread"
done
expect 0 data synth -o "$work/faces" --identities 2 --images 3 --format png --first-identity 4 --json
says '"identities": 2' '"images": 6'
[ "$(find "$work/faces" -name '*.png' | wc -l)" = 6 ] || wrong "not 6 pictures in folders"
expect 0 data synth -o "$work/few.bin" --identities 5 --images 2 --pairs 12
says "12 pairs of 5 drawn people"
expect 0 data synth --sheet "$work/sheet.png"
[ -s "$work/sheet.png" ] || wrong "no sheet"
expect 2 data synth
sentence "-o FOLDER"
expect 2 data synth -o "$work/x" --format bmp
sentence "rec, sequence, jpg or png"
expect 2 data synth -o "$work/x" --identities 0
expect 2 data synth -o "$work/x.bin" --identities 1
sentence "two identities"
expect 4 data synth -o /dev/null/x
finish
