#!/bin/bash
# Protocols on real sets: every flavour of .bin says the same, some LFW pairs, missing pictures.
. "$(dirname "$0")/lib.sh"
needs_data
export ARCFACE_MODEL=$model

first=
for bin in "$data"/verification-bin/lfw_12pairs_*.bin; do
    expect 0 eval bin "$bin" --folds 2 --json -q
    says '"pairs": 12'
    out=$(grep -v '"set"\|"a":\|model_sha' <<<"$out") # the file's own name and hash
    [ -z "$first" ] && first=$out
    [ "$out" = "$first" ] || wrong "$(basename "$bin") gives another result"
done
expect 2 eval bin "$data/verification-bin/lfw_12pairs_python2.bin" --folds 1
expect 3 eval bin "$data/verification-bin/lfw_12pairs_python2.bin" --folds 13
sentence "12 pairs"
head -c 60000 "$data/verification-bin/lfw_12pairs_python2.bin" >"$work/short.bin"
expect 3 eval bin "$work/short.bin"
sentence short.bin

# Two pairs of each kind in each of the ten folds.
awk 'NR == 1 { print "10\t2"; next } { at = (NR - 2) % 600; if (at < 2 || (at >= 300 && at < 302)) print }' "$data/lfw/pairs.txt" >"$work/pairs.txt"
expect 0 eval lfw --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs.txt" -q
says "40 (20 genuine, 20 impostor), 10 folds" "Accuracy-Flip"
expect 0 eval lfw --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs.txt" --no-flip --limit 20 --folds 5 --json -q
says '"pairs": 20' '"flip": false'
mkdir "$work/images"
awk -F'\t' 'NF == 3 { print $1 } NF == 4 { print $1; print $3 }' "$work/pairs.txt" | sort -u | while read -r person; do
    cp -r "$data/lfw/pairs-aligned-112/$person" "$work/images/"
done
gone=$(awk -F'\t' 'NR == 2 { printf "%s/%s_%04d.jpg", $1, $1, $2 }' "$work/pairs.txt")
chmod -R u+w "$work/images"
rm "$work/images/$gone"
expect 0 eval lfw --images "$work/images" --pairs "$work/pairs.txt" --no-checks
says "40 (20 genuine"
grep -qF "$gone" <<<"$err" || wrong "the missing picture is not named: $err"
grep -qF "count as rejected" <<<"$err" || wrong "no word on the rule for missing pictures: $err"
expect 3 eval lfw --images "$work/images" --pairs "$work/pairs.txt" --strict -q
sentence missing "$gone"
rm -rf "$work/images"
mkdir "$work/images"
expect 3 eval lfw --images "$work/images" --pairs "$work/pairs.txt" -q
sentence missing .jpg
expect 3 eval lfw --images "$work/no-such-folder" --pairs "$work/pairs.txt" -q
sentence no-such-folder
expect 3 eval lfw --images "$work/images" --pairs "$work/none.txt" -q
sentence none.txt
expect 2 eval lfw --images "$work/images"

# Folders of identities: all pairs, searches, distractors.
mkdir "$work/people" "$work/others"
for person in $(ls "$data/lfw/pairs-aligned-112" | head -60); do
    [ "$(ls "$data/lfw/pairs-aligned-112/$person" | wc -l)" -gt 1 ] && to=people || to=others
    cp -r "$data/lfw/pairs-aligned-112/$person" "$work/$to/"
done
expect 0 eval folder "$work/people" --json -q
says '"protocol": "folder"' '"operating"' '"worst_impostor"' '"set_sha256"'
expect 0 eval identify "$work/people" --distractors "$work/others" -q
says rank-1 distractors DIR@FPIR
expect 0 eval megaface "$work/people" "$work/others" -q
says rank-1 "TAR"
expect 3 eval folder "$work/images" -q
sentence "no pictures"
expect 3 eval identify "$work/others" -q
sentence "two usable pictures"
finish
