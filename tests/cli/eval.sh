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
expect 0 eval lfw --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs.txt" --no-flip --limit 20 --folds 5 --precision fp16 --json -q
told=fp16 # what ran is told, not what was asked for: the generic kernels have no such weights
grep -qF '"isa": "generic"' <<<"$out" && told=fp32
says '"pairs": 20' '"flip": false' "\"precision\": \"$told\"" "the first 20 of 40 pairs"
expect 0 eval lfw --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs.txt" --no-flip --limit 4 --folds 2 --no-checks
grep -qF "fold 1 of 2 holds genuine pairs only" <<<"$err" || wrong "no word on a fold of one kind: $err"
mkdir "$work/images"
awk -F'\t' 'NF == 3 { print $1 } NF == 4 { print $1; print $3 }' "$work/pairs.txt" | sort -u | while read -r person; do
    cp -r "$data/lfw/pairs-aligned-112/$person" "$work/images/"
done
gone=$(awk -F'\t' 'NR == 2 { printf "%s/%s_%04d.jpg", $1, $1, $2 }' "$work/pairs.txt")
chmod -R u+w "$work/images"
rm "$work/images/$gone"
expect 0 eval lfw --images "$work/images" --pairs "$work/pairs.txt" --no-checks
says "40 (20 genuine"
[ "$(grep -oF "$gone" <<<"$err" | wc -l)" -eq 1 ] || wrong "the missing picture is not named once: $err"
grep -qF "count as rejected" <<<"$err" || wrong "no word on the rule for missing pictures: $err"
expect 3 eval lfw --images "$work/images" --pairs "$work/pairs.txt" --strict -q
sentence missing "$gone"
mv "$work/images" "$work/few"
mkdir "$work/images"
expect 3 eval lfw --images "$work/images" --pairs "$work/pairs.txt" -q
sentence missing .jpg
expect 3 eval lfw --images "$work/no-such-folder" --pairs "$work/pairs.txt" -q
sentence no-such-folder
expect 3 eval lfw --images "$work/images" --pairs "$work/none.txt" -q
sentence none.txt
expect 2 eval lfw --images "$work/images"

# The input checks: ten pairs of each kind in each fold are fed as they should be, then with red and blue exchanged.
awk 'NR == 1 { print "10\t10"; next } { at = (NR - 2) % 300; if (at < 10) print }' "$data/lfw/pairs.txt" >"$work/pairs200.txt"
checked=(eval lfw --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs200.txt" --no-flip --bootstrap 0)
if whole; then
    expect 0 "${checked[@]}"
    says "200 (100 genuine, 100 impostor)"
    grep -qF "pairs separate better" <<<"$err" && wrong "a warning about right pictures: $err"
    expect 0 "${checked[@]}" --color bgr
    grep -qF "with red and blue exchanged the pairs separate better" <<<"$err" || wrong "exchanged colours are not noticed: $err"
fi
expect 0 "${checked[@]}" --color bgr --no-checks
grep -qF "pairs separate better" <<<"$err" && wrong "--no-checks checks: $err"

# Folders of identities: all pairs, searches, distractors.
mkdir "$work/people" "$work/others"
for person in $(ls "$data/lfw/pairs-aligned-112" | head -60); do
    [ "$(ls "$data/lfw/pairs-aligned-112/$person" | wc -l)" -gt 1 ] && to=people || to=others
    cp -r "$data/lfw/pairs-aligned-112/$person" "$work/$to/"
done
expect 0 eval folder "$work/people" --json -q
says '"protocol": "folder"' '"operating"' '"worst_impostor"' '"set_sha256"'
all=$(grep -oE '"impostor": [0-9]+' <<<"$out" | head -1)
expect 0 eval folder "$work/people" --json -q --impostors 50 --seed 3
says '"impostor": 50' "at most 50 impostor pairs, drawn with seed 3"
expect 0 eval folder "$work/people" --json -q --impostors 1000000
says "$all"
expect 2 eval folder "$work/people" --impostors 0
expect 2 eval folder "$work/people" --plot "$work/plot.gif"
sentence "must end in .svg or .png"
expect 0 eval identify "$work/people" --distractors "$work/others" -q
says rank-1 distractors DIR@FPIR
expect 0 eval identify "$work/people" --enrol 0.5 --json -q
says "the first 50 % of the pictures"
expect 2 eval identify "$work/people" --enrol 1.5 -q
expect 0 eval megaface "$work/people" "$work/others" -q
says rank-1 "TAR"
expect 3 eval folder "$work/images" -q
sentence "no pictures"
mkdir "$work/one"
cp -r "$work/people/$(ls "$work/people" | head -1)" "$work/one/"
expect 0 eval folder "$work/one"
says " 0 impostor"
grep -q "AUC\|asks for" <<<"$out$err" && wrong "one identity has a curve: $out $err"
grep -qF "pairs of one kind only" <<<"$err" || wrong "no word on one identity: $err"
expect 3 calibrate --images "$work/one" -q
sentence "0 are here"
expect 3 eval identify "$work/others" -q
sentence "two usable pictures"

# CFP in miniature: two people, two frontal and two profile views each. Both views are of one person.
mapfile -t faces < <(find "$work/people" -name '*.jpg' | sort | head -8)
for i in 1 2; do
    mkdir -p "$work/cfp/Images/00$i/frontal" "$work/cfp/Images/00$i/profile"
    for k in 1 2; do
        cp "${faces[$((4 * i - 4 + k - 1))]}" "$work/cfp/Images/00$i/frontal/0$k.jpg"
        cp "${faces[$((4 * i - 4 + k + 1))]}" "$work/cfp/Images/00$i/profile/0$k.jpg"
        echo "$((2 * i - 2 + k)) ../Data/Images/00$i/frontal/0$k.jpg" >>"$work/cfp/Pair_list_F.txt"
        echo "$((2 * i - 2 + k)) ../Data/Images/00$i/profile/0$k.jpg" >>"$work/cfp/Pair_list_P.txt"
    done
done
for fold in 01 02 03 04 05 06 07 08 09 10; do
    mkdir -p "$work/cfp/Split/FP/$fold" "$work/cfp/Split/FF/$fold"
    echo "1,2" | tee "$work/cfp/Split/FP/$fold/same.txt" >"$work/cfp/Split/FF/$fold/same.txt"
    echo "1,3" | tee "$work/cfp/Split/FP/$fold/diff.txt" >"$work/cfp/Split/FF/$fold/diff.txt"
done
for split in FP FF; do
    expect 0 eval pairs --images "$work/cfp/Images" --pairs "$work/cfp/Split/$split" --json -q --no-checks --bootstrap 10
    says '"pairs": 20' '"folds": 10' '"identities": 2' '"images": 3' "001/$([ $split = FP ] && echo profile || echo frontal)/02.jpg"
done

# YouTube Faces: LFW pictures as the frames of stand-in videos; one video is empty.
mkdir -p "$work/ytf"
mapfile -t people < <(ls "$work/people" | head -8)
for i in "${!people[@]}"; do
    for video in 0 1; do
        mkdir -p "$work/ytf/${people[$i]}/$video"
        [ "$i$video" = 71 ] && continue
        frame=0
        for picture in "$work/people/${people[$i]}"/*; do
            frame=$((frame + 1))
            [ $((frame % 2)) -eq "$video" ] || cp "$picture" "$work/ytf/${people[$i]}/$video/$video.$frame.jpg"
        done
    done
done
{
    echo "split number, pair number, first name, second name, is same"
    for split in 1 2; do
        for k in 0 1; do
            a=$(((split * 4 + k) % 8)) b=$(((split * 4 + k + 1) % 8))
            printf '%d, %d, %s/0, %s/1, 1\r\n' $split $((2 * k + 1)) "${people[$a]}" "${people[$a]}"
            printf '%d, %d, %s/0, %s/1, 0\r\n' $split $((2 * k + 2)) "${people[$a]}" "${people[$b]}"
        done
    done
    printf '2, 5, %s/1, %s/0, 0\n' "${people[7]}" "${people[1]}"
} >"$work/splits.txt"
expect 0 eval ytf --images "$work/ytf" --splits "$work/splits.txt"
says "9 (4 genuine, 5 impostor), 2 folds"
grep -qF "no usable frame (${people[7]}/1)" <<<"$err" || wrong "the empty video is not named: $err"
expect 3 eval ytf --images "$work/ytf" --splits "$work/splits.txt" --strict -q
sentence "${people[7]}/1 is missing or holds no frames"
for rule in min mean max; do
    expect 0 eval ytf --images "$work/ytf" --splits "$work/splits.txt" --rule $rule --frames 1 --json -q
    says '"protocol": "ytf"' "at most 1 frames"
done
expect 2 eval ytf --images "$work/ytf" --splits "$work/splits.txt" --rule median
echo "1, 1, ../a/0, b/1, 1" >"$work/hostile.txt"
expect 3 eval ytf --images "$work/ytf" --splits "$work/hostile.txt" -q
sentence "line 1"

# IJB-C in miniature: the crop is the photo, its landmarks are the template's.
mkdir -p "$work/ijb/meta" "$work/ijb/loose_crop"
number=0
for i in 0 1 2 3 4 5; do
    for picture in "$work/people/${people[$i]}"/*; do
        number=$((number + 1))
        cp "$picture" "$work/ijb/loose_crop/$number.jpg"
        echo "$number.jpg 38.2946 51.6963 73.5318 51.5014 56.0252 71.7366 41.5493 92.3655 70.7299 92.2041 0.9$number" >>"$work/ijb/meta/ijbc_name_5pts_score.txt"
        echo "$number.jpg $((2 * i + number % 2)) $number" >>"$work/ijb/meta/ijbc_face_tid_mid.txt"
    done
done
cut -d' ' -f2 "$work/ijb/meta/ijbc_face_tid_mid.txt" | sort -un >"$work/tids"
while read -r a; do
    while read -r b; do
        [ "$a" -lt "$b" ] && echo "$a $b $((a / 2 == b / 2))"
    done <"$work/tids"
done <"$work/tids" >"$work/ijb/meta/ijbc_template_pair_label.txt"
{ echo TEMPLATE_ID,SUBJECT_ID,FILENAME; awk '$1 % 2 == 0 && $1 < 6 { print $1 "," int($1 / 2) ",x" }' "$work/tids"; } >"$work/ijb/meta/ijbc_1N_gallery_G1.csv"
{ echo TEMPLATE_ID,SUBJECT_ID,FILENAME; awk '$1 % 2 == 0 && $1 >= 6 { print $1 "," int($1 / 2) ",x" }' "$work/tids"; } >"$work/ijb/meta/ijbc_1N_gallery_G2.csv"
{ echo TEMPLATE_ID,SUBJECT_ID,FILENAME; awk '$1 % 2 == 1 { print $1 "," int($1 / 2) ",x" }' "$work/tids"; } >"$work/ijb/meta/ijbc_1N_probe_mixed.csv"
expect 0 eval ijb "$work/ijb" --search --json -q --report "$work/ijb.html" --plot "$work/ijb.png"
grep -q "</html>" "$work/ijb.html" && [ -s "$work/ijb.png" ] && grep -q "gallery 2 alone" "$work/ijb.html" || wrong "eval ijb has no page"
says '"protocol": "ijb"' '"far_nearest"' '"wrong_pairs"' '"galleries_alone": [' "(D1)"
expect 0 eval ijb "$work/ijb" --search -q
says "gallery 1 alone" "gallery 2 alone" "FNIR"
mv "$work/ijb/loose_crop" "$work/ijb/elsewhere"
expect 3 eval ijb "$work/ijb" -q
sentence "none of the $number pictures can be used"
mv "$work/ijb/elsewhere" "$work/ijb/loose_crop"
sed -i '3s/0$/2/' "$work/ijb/meta/ijbc_template_pair_label.txt"
expect 3 eval ijb "$work/ijb" -q
sentence "line 3" "0|1"
sed -i '3s/2$/0/' "$work/ijb/meta/ijbc_template_pair_label.txt"
echo "99 98 1" >>"$work/ijb/meta/ijbc_template_pair_label.txt"
expect 3 eval ijb "$work/ijb" -q
sentence "template 99"
expect 3 eval ijb "$work/ytf" -q
sentence "face_tid_mid.txt"

# Calibration goes into the model, and verify tells FAR and probability.
expect 0 calibrate --images "$work/people" --far 0.01 --gallery 100 --fpir 0.5 -o "$work/mine.onnx"
says "threshold        cosine" "1:100" "isotonic"
expect 0 verify --aligned -m "$work/mine.onnx" "$work/ijb/loose_crop/1.jpg" "$work/ijb/loose_crop/1.jpg" -q
says "FAR" "probability 1.0000"
expect 0 verify --aligned -m "$work/mine.onnx" "$work/ijb/loose_crop/1.jpg" "$work/ijb/loose_crop/1.jpg" --json -q
says '"far":' '"probability": 1'
expect 3 calibrate --images "$work/others" --far 0.01

# A model against itself and against an untrained one.
"$arcface" model new mbf --dim 64 -o "$work/new.onnx" -q
expect 0 eval compare "$model" "$model" --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs.txt" --folds 10 -q
says "only A right 0, only B right 0 of 40 pairs" "no difference shown"
expect 0 eval compare "$work/new.onnx" "$model" --images "$data/lfw/pairs-aligned-112" --pairs "$work/pairs.txt" --json -q \
    --report "$work/compared.html" --plot "$work/compared.svg"
says '"only_a": 0' '"mcnemar_p"' '"low"' '"provenance": [' '"model_sha256"'
for part in "A: new" "B: $(basename "$model" .onnx)" "McNemar" "TAR of B - TAR of A" "</html>"; do
    grep -qF "$part" "$work/compared.html" || wrong "the page of two models lacks '$part'"
done
grep -q "</svg>" "$work/compared.svg" || wrong "the plot of two models is not whole"
expect 0 eval compare "$model" "$model" --images "$work/few" --pairs "$work/pairs.txt" --no-flip
grep -qF "$gone" <<<"$err" || wrong "eval compare does not name a missing picture: $err"
[ "$(grep -cF "count as rejected" <<<"$err")" -eq 1 ] || wrong "what holds for both models is not said once: $err"
expect 2 eval compare "$model" "$model"
finish
