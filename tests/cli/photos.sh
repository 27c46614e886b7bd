#!/bin/bash
# Real photos through detect, align, embed and verify.
. "$(dirname "$0")/lib.sh"
needs_data
export ARCFACE_MODEL=$model ARCFACE_DETECTOR=$detector
t1=$data/photos/insightface/t1.jpg

expect 0 detect "$t1" --draw "$work/faces.jpg"
says "6 faces"
[ -s "$work/faces.jpg" ] || wrong "no picture was drawn"
expect 0 detect "$t1" --json
[ "$(grep -o '"score"' <<<"$out" | wc -l)" -eq 6 ] || wrong "JSON lists $(grep -o '"score"' <<<"$out" | wc -l) faces"
expect 0 detect "$t1" --threshold 0.99
says "0 faces"
ppm "$work/noface.ppm" 300 200
expect 0 detect "$work/noface.ppm"
says "0 faces"
expect 3 detect "$work/missing.jpg"
sentence missing.jpg
head -c 3000 "$t1" >"$work/short.jpg"
expect 0 detect "$work/short.jpg"
sentence short.jpg "ends early"
expect 0 detect "$work/short.jpg" --json
says '"damaged": true'
expect 3 detect "$work/short.jpg" --strict
sentence short.jpg JPEG
head -c 300 "$t1" >"$work/head.jpg"
expect 3 detect "$work/head.jpg"
sentence head.jpg
expect 2 detect "$t1" "$t1" --draw "$work/x.jpg"
expect 2 detect "$t1" --draw "$work/x.gif"
expect 4 detect "$t1" --draw "$work/no-such-folder/x.jpg"

# An orientation tag on an upright photo turns it by 180 degrees.
{ head -c 2 "$pairs/img1.jpg"; printf '\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0'; tail -c +3 "$pairs/img1.jpg"; } >"$work/hanging.jpg"
expect 0 detect "$work/hanging.jpg"
says "hanging.jpg: 1 face in " ", also looked at turned" "  turned 180"
expect 0 detect "$work/hanging.jpg" --json
says '"looks": ["turned"]' '"turned": 180'
expect 0 detect "$work/hanging.jpg" --json --no-turn
[[ $out == *turned* ]] && wrong "--no-turn turned the photo: $out"
expect 0 verify "$pairs/img2.jpg" "$work/hanging.jpg"
says "same person" "hanging.jpg: the face is upright when the photo is turned by 180 degrees"
sentence "seems to be turned"
expect 1 verify "$pairs/img2.jpg" "$work/hanging.jpg" --one-look
expect 0 embed "$work/hanging.jpg" -o "$work/hanging.json" -q
grep -q '"turned": 180' "$work/hanging.json" || wrong "hanging.json does not say that the face was turned"
expect 3 align "$work/noface.ppm" -o "$work/none"
sentence "no face found, also turned and with a border" "noface.ppm"

expect 0 align "$t1" --all -o "$work/crops"
[ "$(ls "$work/crops" | wc -l)" -eq 6 ] || wrong "$(ls "$work/crops" | wc -l) crops"
expect 0 align "$pairs/img1.jpg" "$pairs/img1.jpg" -o "$work/twice" --template 112x96 --warp opencv
[ -e "$work/twice/img1.png" ] && [ -e "$work/twice/img1-2.png" ] || wrong "crops: $(ls "$work/twice")"
mkdir -p "$work/people/Ann" "$work/people/Ben"
cp "$pairs/img1.jpg" "$work/people/Ann/1.jpg"
cp "$pairs/img2.jpg" "$work/people/Ben/1.jpg"
expect 0 align "$work/people/" -o "$work/aligned" -q
{ [ -s "$work/aligned/Ann/1.png" ] && [ -s "$work/aligned/Ben/1.png" ]; } || wrong "the crops do not stand in the folders of the photos"
expect 3 align "$work/noface.ppm" -o "$work/none"
sentence "no face"

expect 0 embed "$pairs/img1.jpg" "$pairs/img2.jpg" "$work/noface.ppm" "$work/short.jpg" -o "$work/e.npy" --flip
[ "$(stat -c %s "$work/e.npy")" -eq $((128 + 2 * 512 * 4)) ] || wrong "e.npy has $(stat -c %s "$work/e.npy") bytes"
[ "$(wc -l <"$work/e.txt")" -eq 2 ] || wrong "e.txt has $(wc -l <"$work/e.txt") lines"
expect 3 embed "$work/noface.ppm" -o "$work/none.npy"
[ -e "$work/none.npy" ] && wrong "none.npy was written"

mkdir -p "$work/mixed/deep"
cp "$pairs/img1.jpg" "$work/mixed/a.jpe"
cp "$pairs/img2.jpg" "$work/mixed/deep/none"
cp "$pairs/img2.jpg" "$work/mixed/song.mp3"
printf 'BMW and P6 are cars\n' >"$work/mixed/cars.bmp"
printf 'notes' >"$work/mixed/notes.jpg"
expect 0 embed "$work/mixed" -o "$work/mixed.npy"
[ "$(wc -l <"$work/mixed.txt")" -eq 3 ] || wrong "mixed.txt has $(wc -l <"$work/mixed.txt") lines"
[[ "$(tail -n1 <<<"$err")" == "0 of 3 pictures could not be read; skipped 2 that are no pictures: "*cars.bmp*notes.jpg ]] || wrong "last line: $err"
ln -s .. "$work/mixed/deep/back"
ln -s nowhere "$work/mixed/lost"
expect 3 embed "$work/mixed" -o "$work/mixed.npy" # the lost one could not be read; back is no folder to walk again
[ "$(wc -l <"$work/mixed.txt")" -eq 3 ] || wrong "mixed.txt has $(wc -l <"$work/mixed.txt") lines"
[[ "$(tail -n1 <<<"$err")" == "1 of 4 pictures could not be read; skipped 3 that are no pictures: "*cars.bmp*back*notes.jpg ]] || wrong "last line: $err"
rm "$work/mixed/lost" "$work/mixed/deep/back"
mkdir "$work/empty"
expect 3 detect "$work/empty"
sentence "empty holds no pictures"
expect 3 detect "$pairs/img1.jpg" "$work/empty"
says "img1.jpg: 1 face"
[ "$(tail -n1 <<<"$err")" = "0 of 1 pictures and 1 folder, list or archive could not be read" ] || wrong "last line: $err"
expect 3 embed "$pairs/img1.jpg" "$work/missing.jpg" -o "$work/some.npy"
[ "$(wc -l <"$work/some.txt")" -eq 1 ] || wrong "some.txt has $(wc -l <"$work/some.txt") lines"
last=$(tail -n1 <<<"$err")
[ "$last" = "1 of 2 pictures could not be read" ] || wrong "last line: $err"
expect 3 detect "$pairs/img1.jpg" "$work/missing.jpg"
says "img1.jpg: 1 face"
[ "$(tail -n1 <<<"$err")" = "$last" ] || wrong "last line: $err"
printf '%s\r\n\n%s\n' "$pairs/img1.jpg" "$work/mixed" >"$work/list.txt"
expect 0 detect "@$work/list.txt"
[ "$(grep -c ': 1 face' <<<"$out")" -eq 4 ] || wrong "of a list: $out"
printf '%s\0%s' "$pairs/img1.jpg" "$pairs/img2.jpg" >"$work/list.nul"
expect 0 detect "@$work/list.nul"
[ "$(grep -c ': 1 face' <<<"$out")" -eq 2 ] || wrong "of a list with NUL: $out"
expect 3 detect "@$work/no-such-list"
sentence no-such-list
tar -C "$work" -czf "$work/people.tgz" people mixed/notes.jpg
expect 0 detect "$work/people.tgz"
says "people.tgz/people/Ann/1.jpg: 1 face" "people.tgz/people/Ben/1.jpg: 1 face"
[[ "$(tail -n1 <<<"$err")" == "0 of 2 pictures could not be read; skipped 1 that is no picture: "*people.tgz/mixed/notes.jpg ]] || wrong "last line: $err"
expect 0 embed "$work/people.tgz" -o "$work/packed.csv"
[ "$(grep -c '^[^,]*people.tgz/people/.../1.jpg,0,' "$work/packed.csv")" -eq 2 ] || wrong "packed.csv names $(cut -d, -f1 "$work/packed.csv")"
expect 0 align "$work/people.tgz" -o "$work/unpacked" -q
{ [ -s "$work/unpacked/people/Ann/1.png" ] && [ -s "$work/unpacked/people/Ben/1.png" ]; } || wrong "the crops are not in the archive's folders"
head -c 100000 "$work/people.tgz" >"$work/cut.tgz"
expect 3 detect "$work/cut.tgz"
mkdir "$work/parcel"
cp "$work/people.tgz" "$pairs/img1.jpg" "$work/parcel"
expect 0 detect "$work/parcel"
[[ "$(tail -n1 <<<"$err")" == "0 of 1 pictures could not be read; 1 archive was not opened, name it to read it: "*people.tgz ]] || wrong "last line: $err"
input=$work/people.tgz
expect 2 verify - "$pairs/img1.jpg" # three photos
if command -v python3 >/dev/null; then
    cp "$pairs/img1.jpg" "$work/people/a b.jpg"
    printf '<html>not here</html>' >"$work/people/page.jpg"
    (cd "$work/people" && exec python3 -u -c '
import http.server
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()' >"$work/port" 2>/dev/null) &
    web=$!
    for _ in $(seq 100); do [ -s "$work/port" ] || sleep 0.1; done
    at=127.0.0.1:$(cat "$work/port")
    expect 0 detect "http://$at/a%20b.jpg"
    says "http://$at/a%20b.jpg: 1 face"
    printf 'http://%s/Ann/1.jpg?key=1\nhttp://me:secret@%s/Ben/1.jpg\nhttp://%s/none.jpg?key=secret\nhttp://%s/page.jpg?key=secret\n%s\n' \
        "$at" "$at" "$at" "$at" "$pairs/img1.jpg" >"$work/web.txt"
    expect 3 embed "@$work/web.txt" -o "$work/web.csv"
    [ "$(cut -d, -f1 "$work/web.csv" | tr '\n' ' ')" = "path http://$at/Ann/1.jpg?key=1 http://$at/Ben/1.jpg $pairs/img1.jpg " ] ||
        wrong "web.csv names $(cut -d, -f1 "$work/web.csv")"
    [ "$(tail -n1 <<<"$err")" = "2 of 5 pictures could not be read" ] || wrong "last line: $err"
    grep -q "none.jpg: there is no such file on the server (it answers 404)" <<<"$err" || wrong "no word of none.jpg: $err"
    grep -q "page.jpg: the server gives an HTML page, not a picture" <<<"$err" || wrong "no word of page.jpg: $err"
    grep -q "secret" <<<"$err" && wrong "a secret is told: $err"
    expect 3 detect "http://$at/a%20b.jpg" --max-bytes 1000
    sentence "a%20b.jpg" "more than the limit of 1000 bytes (--max-bytes)"
    expect 0 verify "http://$at/Ann/1.jpg" "http://$at/Ben/1.jpg?x" --draw "$work/web.jpg"
    expect 0 align "http://$at/Ann/1.jpg?x=y.z/1" -o "$work/web"
    [ -s "$work/web/1.png" ] || wrong "the crop of an address: $(ls "$work/web")"
    kill "$web"
    expect 3 detect "http://$at/a%20b.jpg"
    sentence "the server does not answer"
fi
expect 3 detect ftp://host/a.jpg
sentence "ftp://host/a.jpg" "http and https"
input=$t1
expect 0 detect - --draw "$work/faces.png"
says "standard input: 6 faces"
[ -s "$work/faces.png" ] || wrong "no picture was drawn of standard input"
input=$pairs/img2.jpg
expect 0 verify "$pairs/img1.jpg" -
says "same person"
expect 3 verify - -
expect 0 align - -o "$work/in"
input=/dev/null
expect 3 detect -
sentence "standard input"

expect 3 detect "$source_dir/tests/fuzz/corpus/image/film.png" --frame 9
sentence "film.png" "there is no frame 9"
expect 0 detect "$t1" --no-profile --frame 0
says "6 faces"

expect 0 verify "$pairs/img1.jpg" "$pairs/img2.jpg" --draw "$work/pair.jpg"
says "same person"
[ -s "$work/pair.jpg" ] || wrong "no picture was drawn"
expect 1 verify "$pairs/img1.jpg" "$pairs/img3.jpg"
says "different persons"
expect 0 verify "$pairs/img1.jpg" "$pairs/img3.jpg" --threshold -1
expect 0 verify "$pairs/img1.jpg" "$pairs/img2.jpg" --json
says '"same": true' '"angle_degrees"'
expect 1 verify "$t1" "$pairs/img1.jpg"
sentence "6 faces"
expect 0 verify "$t1" "$t1" --all
[ "$(wc -l <<<"$out")" -eq 36 ] || wrong "--all compared $(wc -l <<<"$out") pairs"
expect 3 verify "$pairs/img1.jpg" "$work/noface.ppm"
sentence "no face" noface.ppm
expect 3 verify "$pairs/img1.jpg" "$work/missing.jpg"
sentence missing.jpg
chmod 000 "$work/short.jpg"
expect 3 verify "$pairs/img1.jpg" "$work/short.jpg"
expect 3 verify "$pairs/img1.jpg" "$pairs/img2.jpg" --model "$detector"
finish
