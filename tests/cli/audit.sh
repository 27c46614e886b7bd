#!/bin/bash
# The audit finds a wrong label, a picture that is there twice and one person under two names in a small real set.
. "$(dirname "$0")/lib.sh"
needs_data
export ARCFACE_MODEL=$model
lfw=$data/lfw/pairs-aligned-112

# Eight identities of five pictures each.
count=0
for folder in "$lfw"/*/; do
    mapfile -t pictures < <(ls "$folder" | head -5)
    [ ${#pictures[@]} -eq 5 ] || continue
    name=$(basename "$folder")
    mkdir -p "$work/set/$name"
    for picture in "${pictures[@]}"; do cp "$folder$picture" "$work/set/$name/"; done
    names[count++]=$name
    [ $count -lt 8 ] || break
done

expect 0 data audit "$work/set" -q --json
says '"samples": 40' '"identities": 8' '"duplicates_all": 0' '"shared_all": 0'

# One picture of the first identity also lies in the second's folder; the third identity is divided.
first=$(ls "$work/set/${names[0]}" | head -1)
cp "$work/set/${names[0]}/$first" "$work/set/${names[1]}/wrong.jpg"
mkdir "$work/set/zz_split"
for picture in $(ls "$work/set/${names[2]}" | head -2); do mv "$work/set/${names[2]}/$picture" "$work/set/zz_split/"; done
printf 'not a picture' >"$work/set/${names[3]}/broken.jpg"
head -c 2000 "$lfw/${names[3]}/$(ls "$lfw/${names[3]}" | head -1)" >"$work/set/${names[4]}/half.jpg" # a part of a picture is none
expect 0 data audit "$work/set" -q -o "$work/found.tsv" --report "$work/found.html" --sheet "$work/found.jpg" --shared 0.4
says "unreadable          2" "doubtful labels     1" "pictures twice      1" "split identities    1"
grep -q "^label.*${names[1]}/wrong.jpg.*nearer to the other identity" "$work/found.tsv" || wrong "the wrong label is not in the list"
grep -q "^duplicate.*$first.*same bytes, two identities" "$work/found.tsv" || wrong "the duplicate is not in the list"
grep -q "^shared.*zz_split" "$work/found.tsv" || wrong "the divided identity is not in the list"
[ -s "$work/found.jpg" ] || wrong "there is no contact sheet"
grep -q "</html>" "$work/found.html" || wrong "the page is not whole"

mkdir -p "$work/test/one" "$work/test/two"
cp "$work/set/zz_split"/*.jpg "$work/test/one/"
cp "$work/set/${names[5]}"/*.jpg "$work/test/two/"
expect 0 data audit "$work/set" --against "$work/test" -q --json
says '"identities": [' '"shared_all": 3'
expect 3 data audit "$work/none" -q
sentence none
expect 2 data audit "$work/set" --shared 7
finish
