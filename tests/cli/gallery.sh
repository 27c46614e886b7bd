#!/bin/bash
# People into a gallery, and who is in a photo: enroll, identify and what `gallery` shows and changes.
. "$(dirname "$0")/lib.sh"

# Without models and data: what is wrong with the words alone.
expect 2 enroll
sentence "whom? Give NAME PHOTO..., or --folder DIR, or --csv FILE"
expect 2 enroll Ann
sentence 'which photos of "Ann"?'
expect 2 enroll Ann a.jpg --folder people
sentence "whom?"
expect 2 identify a.jpg
sentence "which gallery?"
expect 2 identify a.jpg b.jpg --gallery "$work/none.gal" --draw x.jpg
sentence "--draw writes one picture"
expect 3 gallery info --gallery "$work/none.gal"
sentence none.gal
expect 3 gallery list --gallery "$source_dir/README.md"
sentence README.md
[ -e "$work/none.gal" ] && wrong "looking made a gallery"
needs_data
export ARCFACE_MODEL=$model ARCFACE_DETECTOR=$detector ARCFACE_GALLERY=$work/people.gal USER=tester
t1=$data/photos/insightface/t1.jpg
ppm "$work/noface.ppm" 300 200

# The first enrolment makes the gallery and says that it is not sealed; nothing of a photo that fails is stored.
expect 3 enroll Ann "$work/noface.ppm" "$t1" "$work/missing.jpg"
grep -q "this new gallery is not sealed" <<<"$err" || wrong "no word on the seal: $err"
grep -qF "noface.ppm" <<<"$err" || wrong "no word on the photo without a face: $err"
grep -qF "has 6 faces: which of them is Ann's? Cut the photo to that one, or take the largest (--largest)" <<<"$err" || wrong "no question: $err"
grep -qF "missing.jpg" <<<"$err" || wrong "no word on the missing photo: $err"
says "0 of 3 photos enrolled, 0 new people; 3 failed, nothing of them was stored"
expect 0 gallery list
[ -z "$out" ] || wrong "somebody is in the gallery: $out"
expect 3 enroll Ann "$pairs/img1.jpg" "$work/noface.ppm"
grep -q "not sealed" <<<"$err" && wrong "it is said twice that the gallery is not sealed: $err"
says "img1.jpg: enrolled as Ann" "1 of 2 photos enrolled, 1 new person; 1 failed, nothing of it was stored"
expect 0 enroll Ann "$pairs/img2.jpg" "$pairs/img1.jpg"
says "img2.jpg: enrolled as Ann" "img1.jpg: enrolled before as Ann" "1 of 2 photos enrolled, 0 new people; 1 was there before"
cp "$pairs/img1.jpg" "$work/copy.jpg"
expect 3 enroll Ben "$work/copy.jpg"
says "0 of 1 photo enrolled"
sentence "copy.jpg is enrolled as Ann already and cannot be Ben's too"
expect 3 enroll "" "$pairs/img3.jpg"
expect 0 enroll Cy "$pairs/img3.jpg" "$pairs/img3.jpg" --json
says '"photos": 2, "stored": 1, "before": 1, "failed": 0, "doubtful": 0, "new_people": 1}' '"quality": {"combined": 0.'

# Quality: every part is told, and a picture that is not good enough is refused with what is wrong with it.
for part in detector alignment sharpness size pose norm yaw_deg eyes_px; do
    says "\"$part\": "
done
expect 3 enroll Dan "$pairs/img5.jpg" --min-quality 0.99
sentence "img5.jpg: its quality is 0." ", below the 0.990 of --min-quality; "
expect 0 enroll Dan "$data/photos/insightface/Tom_Hanks_54745.png" --aligned --gallery "$work/crops.gal"
says "enrolled as Dan, template 1, quality 0." "(sharpness 0." ", norm 0."
grep -q "detector" <<<"$out" && wrong "a ready crop has a detector's score: $out"
expect 0 gallery show Dan --gallery "$work/crops.gal"
says "  quality 0."

# Who is it?
expect 0 identify "$pairs/img2.jpg"
says "img2.jpg: 1 face" "  1  Ann  cosine 1.0000"
expect 0 identify "$pairs/img4.jpg" --draw "$work/named.jpg"
says "  1  Ann  cosine 0."
[ -s "$work/named.jpg" ] || wrong "no picture was drawn"
expect 1 identify "$t1"
says "6 faces" "  3  Cy  cosine 0." "  6  unknown  nearest "
expect 1 identify "$pairs/img1.jpg" "$t1" --json --explain --top 2
[ "$(grep -o '"known": false, "name": null' <<<"$out" | wc -l)" -eq 5 ] || wrong "not five strangers: $out"
says '"known": true, "name": "Ann"' '"why": "' '"accepted": true'
if command -v python3 >/dev/null; then
    python3 -c 'import json,sys; assert [len(p["faces"]) for p in json.load(sys.stdin)] == [1, 6]' <<<"$out" || wrong "not JSON: $out"
fi
expect 3 identify "$work/noface.ppm"
sentence "no face" noface.ppm
expect 3 identify "$pairs/img1.jpg" "$work/missing.jpg"
says "Ann"
expect 1 identify "$pairs/img1.jpg" --only Cy
says "unknown  nearest Cy"
expect 3 identify "$pairs/img1.jpg" --only Cyy
sentence 'nobody named "Cyy", did you mean "Cy"?'
expect 1 identify "$pairs/img4.jpg" --threshold 0.99
expect 2 identify "$pairs/img4.jpg" --threshold 5
sentence "without --cohort it is a cosine"
expect 2 identify "$pairs/img4.jpg" --nearest 20
sentence "give --cohort too"
expect 3 identify "$pairs/img4.jpg" --cohort "$work/none.npy"
sentence "none.npy"
expect 3 identify "$pairs/img4.jpg" --cohort "$ARCFACE_GALLERY"
sentence "a cohort has 10 to 20000 people"
expect 0 identify "$pairs/img1.jpg" --fpir 0.001
sentence "--fpir changes nothing"
expect 3 identify "$pairs/img1.jpg" --model "$data/models/recognition/mobilefacenet_relu6_128d.onnx"
sentence people.gal

# Folders and lists of people.
mkdir -p "$work/staff/Dora" "$work/staff/Ed/2024"
cp "$pairs/img4.jpg" "$work/staff/Dora"
cp "$pairs/img3.jpg" "$work/staff/Ed/2024"
cp "$pairs/img5.jpg" "$work/staff"
expect 3 enroll --folder "$work/staff/" --gallery "$work/staff.gal" --largest
says "2 of 3 photos enrolled, 2 new people"
grep -qF "img5.jpg lies in no person's folder: it belongs into $work/staff/NAME/" <<<"$err" || wrong "not said: $err"
printf 'name,path\r\n"Dora ""D"" Lee","%s"\r\n\nFay,%s\n' "$pairs/img5.jpg" "$t1" >"$work/list.csv"
expect 0 enroll --csv "$work/list.csv" --gallery "$work/staff.gal" --largest --no-crops -q
says "2 of 2 photos enrolled, 2 new people"
expect 0 gallery list --gallery "$work/staff.gal"
[ "$(wc -l <<<"$out")" -eq 4 ] || wrong "not four people: $out"
says 'Dora "D" Lee'
expect 0 gallery show 'Dora "D" Lee' --gallery "$work/staff.gal"
says "without crop"
for line in 'Dora' '"Dora,a.jpg' 'Dora,a.jpg,b' ',a.jpg' '"Do"ra,a.jpg'; do
    printf 'A,b.jpg\n%s\n' "$line" >"$work/bad.csv"
    expect 3 enroll --csv "$work/bad.csv" --gallery "$work/staff.gal"
    sentence "entry 2 is not name,path"
done

# What is there, and changing it.
expect 0 gallery info
says "people     2, 3 templates, 3 with a crop" "w600k_mbf" "sealed     no"
expect 0 gallery info --json
says '"identities": 2' '"templates": 3' '"dim": 512'
expect 0 gallery list --json
says '"name": "Ann", "templates": 2'
expect 0 gallery show Ann
says "Ann: identity " "2 templates" "img1.jpg"
expect 0 gallery check
says "the gallery is whole"
expect 3 gallery show Anne
sentence 'did you mean "Ann"?'
expect 0 gallery rename Cy "Cy Twombly"
expect 3 gallery rename "Cy Twombly" Ann
expect 2 gallery set Ann
expect 0 gallery set Ann --threshold 0.99 --note '{"desk": 12}'
expect 3 gallery set Ann --note 'desk 12'
expect 1 identify "$pairs/img4.jpg"
expect 0 gallery show Ann --json
says '"note": {"desk": 12}' '"threshold": 0.99'
expect 0 gallery set Ann --gallery-rule
expect 0 identify "$pairs/img4.jpg"
expect 0 gallery reject Ann "$pairs/img4.jpg"
says "1 face noted as not Ann's"
expect 1 identify "$pairs/img4.jpg"
expect 3 gallery reject Ann "$t1"
sentence "6 faces"
expect 0 gallery merge Ann "Cy Twombly"
expect 0 gallery info
says "people     1, 3 templates"
expect 2 gallery remove Ann
sentence "Remove Ann with 3 templates for good?" "--yes"
expect 3 gallery remove Ann --template 999 --yes
sentence "no template 999"
expect 0 gallery remove Ann --yes
says "Ann is removed"
expect 1 identify "$pairs/img1.jpg"
says "unknown  (the gallery has nobody to compare with)"
expect 0 gallery audit-log
says "tester  add" "tester  remove" "tester  merge"
expect 0 gallery check

# What is odd: two entries of one person, and somebody else among one's pictures.
export ARCFACE_GALLERY=$work/odd.gal
expect 0 enroll "Ann" "$pairs/img1.jpg" "$pairs/img2.jpg" -q
expect 0 enroll "A. Smith" "$pairs/img4.jpg" -q
expect 3 enroll Ann "$pairs/img3.jpg" --strict
sentence "img3.jpg is unlike the other 2 of Ann: the highest cosine is " "is it the same person?"
expect 0 enroll Ann "$pairs/img3.jpg"
sentence "warning" "img3.jpg is unlike the other 2 of Ann"
says "1 of 1 photo enrolled, 0 new people; 1 doubtful"
expect 0 gallery stats
says "people       2, with 1 to 3 templates" "look-alikes  1 pair" "  Ann - A. Smith" "outliers     1 picture unlike" "Ann, template 4"
expect 0 gallery stats --json --most 0
says '"look_alikes": 1, "outliers": 1, "alike": [], "unlike": []'

# Two galleries, searched as one.
expect 0 identify "$pairs/img4.jpg" "$t1" --largest --gallery "$work/odd.gal" --gallery "$work/staff.gal" --threshold 0.2
says "img4.jpg: 1 face" "A. Smith  cosine 1.0000" "t1.jpg: 1 face" "Fay  cosine 1.0000"
expect 2 identify "$pairs/img4.jpg" --gallery "$work/odd.gal" --gallery "$work/staff.gal" --only Ann
sentence "several galleries are for identify without --only, --log and --cohort"
expect 2 gallery list --gallery "$work/odd.gal" --gallery "$work/staff.gal"

# Sealed.
export ARCFACE_GALLERY=$work/sealed.gal SECRET=open-sesame
expect 0 enroll Ann "$pairs/img1.jpg" --key env:SECRET
[ -z "$err" ] || wrong "something is said of a sealed gallery: $err"
grep -q "Ann" "$work"/sealed.gal* && wrong "the name stands in a sealed file"
expect 3 identify "$pairs/img1.jpg"
expect 3 identify "$pairs/img1.jpg" --key wrong-words
expect 0 identify "$pairs/img2.jpg" --key env:SECRET
ARCFACE_GALLERY_KEY=env:SECRET expect 0 gallery list
says Ann

# Out and in again, sealed and plain; other keys; another model.
export ARCFACE_GALLERY=$work/move.gal FILE_KEY=another-secret NEW=third-secret
expect 0 enroll Ann "$pairs/img1.jpg" -q
expect 0 enroll Bob "$pairs/img3.jpg" -q
expect 2 gallery export "$work/people.arcx"
sentence "sealed or plain?"
expect 0 gallery export "$work/people.arcx" --file-key env:FILE_KEY
says "wrote 2 people with 2 templates (2 with a crop) and 0 negatives"
grep -q Ann "$work/people.arcx" && wrong "the name stands in the encrypted file"
expect 0 gallery export "$work/people" --plain
sentence "is not encrypted"
head -c 2000 "$work/people.arcx" >"$work/cut.arcx"
mkdir "$work/not-people"
echo '{"people": []}' >"$work/not-people/people.json"
for from in "$work/people.arcx --file-key env:SECRET" "$work/cut.arcx --file-key env:FILE_KEY" "$work/not-people" "$work/people.arcx"; do
    # shellcheck disable=SC2086 # words
    expect 3 gallery import $from --gallery "$work/in.gal"
    sentence "${from%% *}"
    [ -e "$work/in.gal" ] && wrong "an import that failed left a gallery behind: $from"
done
expect 0 gallery import "$work/people.arcx" --gallery "$work/in.gal" --file-key env:FILE_KEY --key env:SECRET
expect 0 gallery import "$work/people" --gallery "$work/in-plain.gal"
expect 3 gallery import "$work/people" --gallery "$work/in-plain.gal"
sentence "there is a person called" "--merge"
expect 0 gallery import "$work/people" --gallery "$work/in-plain.gal" --merge
says "2 people were there before"
expect 0 gallery rekey --gallery "$work/in.gal" --key env:SECRET --new-key env:NEW
expect 3 gallery list --gallery "$work/in.gal" --key env:SECRET
sentence "not the key of the gallery"
expect 0 gallery renew --gallery "$work/in.gal" --key env:NEW
expect 0 identify "$pairs/img2.jpg" --gallery "$work/in.gal" --key env:NEW
says "Ann  cosine"
expect 0 gallery protect --new-protect-key env:NEW
expect 3 identify "$pairs/img2.jpg"
sentence "protected by a key"
expect 0 identify "$pairs/img2.jpg" --protect-key env:NEW
says "Ann  cosine"
expect 0 gallery protect --plain --protect-key env:NEW
expect 0 identify "$pairs/img2.jpg"
expect 2 gallery migrate
sentence "--to-model"
other=$data/models/recognition/mobilefacenet-y1-mxnet/model-symbol.json
expect 3 identify "$pairs/img2.jpg" --model "$other"
sentence "gallery migrate"
expect 0 gallery migrate --to-model "$other"
says "2 templates embedded again from their crops"
expect 0 identify "$pairs/img2.jpg" --model "$other"
says "Ann  cosine"
expect 0 gallery check
finish
