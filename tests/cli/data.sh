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

# Out of RecordIO and back: the same bytes.
expect 0 data unpack "$set" -o "$work/people"
says "24 pictures of 6 identities"
expect 0 data pack "$work/people/" -o "$work/packed" --json
says '"pictures": 24' '"identities": 6' '"skipped": 0'
for file in train.rec train.idx property; do
    cmp -s "$set/$file" "$work/packed/$file" || wrong "$file is another after unpack and pack"
done
expect 0 data pack "$work/people" -o "$work/small.rec" --layout sequence --size 32 --shuffle
expect 0 data info "$work/small.rec"
says "layout sequence" "24, " "32 x 32" "4 to 4, median 4"
expect 0 data info "$set" --json --sheet "$work/info.jpg"
says '"pictures": 24' '"median": 4' '"indexed": true'
[ -s "$work/info.jpg" ] || wrong "no sheet"

expect 0 data merge "$set" "$work/people" -o "$work/merged"
says "48 pictures of 12 identities"
expect 0 data merge "$set" "$work/people" -o "$work/twice" --same-labels
says "48 pictures of 6 identities"
expect 0 data dedup "$work/twice" -o "$work/once" --list "$work/repeated.tsv"
says "24 equal and 0 nearly equal" "24 pictures of 6 identities" "24 left out"
[ "$(grep -c '^exact' "$work/repeated.tsv")" = 24 ] || wrong "the list of repeated pictures: $(cat "$work/repeated.tsv")"
cmp -s "$set/train.rec" "$work/once/train.rec" || wrong "dedup of the doubled set is not the set"
expect 0 data dedup "$work/merged" --json
says '"conflicts": 48'
expect 2 data dedup "$work/merged" -o "$work/nothing" --drop-conflicts
sentence "no picture to write"
expect 0 data split "$set" -o "$work/parts" --parts 2,1
says "part-1: 16 pictures of 4" "part-2: 8 pictures of 2"
expect 0 data split "$set" -o "$work/halves" --parts 1,1 --by image
says "part-1: 12 pictures of 6" "part-2: 12 pictures of 6"

# Sound, damaged, repaired.
expect 0 data verify "$set" --write-sums
says "24 of 24 pictures are good"
expect 0 data verify "$set" --json
says '"sums": true' '"problems": 0'
cp "$set/train.rec" "$work/broken.rec"
cp "$set/train.idx" "$work/broken.idx"
cp "$set/train.rec.sums" "$work/broken.rec.sums"
printf 'oops' | dd of="$work/broken.rec" bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 3 data verify "$work/broken.rec"
says "23 of 24 pictures are good" "1 changed"
rm "$work/broken.idx"
expect 0 data repair "$work/broken.rec"
says "31 records indexed" "own ids"
cmp -s "$set/train.idx" "$work/broken.idx" || wrong "the repaired index is another"
printf '1\t8\n2\t17\n' >"$work/broken.idx"
expect 3 data info "$work/broken.rec"
sentence "arcface data repair"
expect 2 data repair "$work/people"
sentence "not the name of a .rec"

# Verification sets.
expect 0 data make-bin "$set" --random 10 -o "$work/random.bin"
says "10 pairs"
printf '0000000/000000000.jpg 0000000/000000001.jpg 1\n0000001/000000004.jpg 0000002/000000008.jpg 0\n' >"$work/pairs.txt"
expect 0 data make-bin "$work/people" --pairs "$work/pairs.txt" -o "$work/list.bin" --json
says '"pairs": 2'
printf '0000000/000000000.jpg nobody.jpg 1\n' >"$work/pairs.txt"
expect 3 data make-bin "$work/people" --pairs "$work/pairs.txt" -o "$work/none.bin"
sentence "nobody.jpg"
[ -e "$work/none.bin" ] && wrong "a .bin is there after an error"
expect 2 data make-bin "$work/people" -o "$work/x.txt"
sentence "-o FILE.bin"

expect 0 bench data "$set" --batch 8 --seconds 0.05 --augment flip,dali,adaface,mxnet,mask --json
says '"replaced": 0'
expect 2 bench data "$set" --augment flop
sentence "flop"
expect 2 bench data "$set" --batch 64
sentence "24 pictures"
expect 3 bench data "$work/no-such-set"
expect 2 data pack "$work/people"
sentence "-o PATH"
expect 2 data split "$set" -o "$work/x" --parts 1
sentence "--parts"
echo "0000000/000000000.jpg nobody.jpg" >"$work/unlabelled.txt"
expect 3 data pack "$work/unlabelled.txt" -o "$work/x"
sentence "line 1"
finish
