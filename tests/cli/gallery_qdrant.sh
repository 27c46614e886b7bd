#!/bin/bash
# A gallery in Qdrant: commands on it, several at a time, and the same answers as of a file. Run by tests/qdrant.sh.
. "$(dirname "$0")/lib.sh"

gallery=qdrant://${ARC_TEST_QDRANT:?tests/qdrant.sh run starts a stand-in}/people
expect 3 gallery info --gallery "$gallery"
sentence "there is no gallery in this server; enrolling somebody makes it"
expect 3 gallery info --gallery "qdrant://me:secret@host/people"
sentence "ARCFACE_QDRANT_KEY"
grep -q secret <<<"$err" && wrong "the password is shown: $err"
expect 4 gallery info --gallery qdrant://127.0.0.1:1/people
sentence "qdrant 127.0.0.1:1/people#main"
needs_data
export ARCFACE_MODEL=$model ARCFACE_DETECTOR=$detector ARCFACE_GALLERY=$gallery

# Three machines enrol at the same time; the first to come makes the collections and binds the gallery.
pids=()
for n in 1 2 4; do
    "$arcface" enroll "Person $n" "$pairs/img$n.jpg" >"$work/enrolled-$n" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || wrong "an enrolment ended with $?: $(cat "$work"/enrolled-*)"
done
expect 0 gallery list
[ "$(grep -c 'Person' <<<"$out")" -eq 3 ] || wrong "not three people: $out"
expect 0 gallery info
says "store      qdrant" "keeps bytes of what was removed"
expect 0 gallery reject "Person 1" "$pairs/img5.jpg"
expect 0 gallery check
says "the gallery is whole"

# All of it in a file, and back into a sealed one of the same server: the answers have the same bytes.
expect 0 gallery export "$work/plain" --plain
expect 0 gallery import "$work/plain" --gallery "$work/file.gal"
head -c 32 /dev/urandom >"$work/key"
expect 0 gallery import "$work/plain" --gallery "$gallery#sealed" --key "$work/key"
for probe in img2.jpg img4.jpg; do
    expect 0 identify "$pairs/$probe" --json --top 3
    first=$out
    expect 0 identify "$pairs/$probe" --json --top 3 --gallery "$work/file.gal"
    [ "$out" = "$first" ] || wrong "a file answers otherwise: $out and $first"
    expect 0 identify "$pairs/$probe" --json --top 3 --gallery "$gallery#sealed" --key "$work/key"
    [ "$out" = "$first" ] || wrong "a sealed gallery answers otherwise: $out and $first"
done
expect 0 gallery check --gallery "$gallery#sealed" --key "$work/key"

# The server goes away and comes back between two commands.
"$ARC_TEST_QDRANT_SCRIPT" kill "$ARC_TEST_QDRANT_FOLDER"
expect 4 gallery list
sentence "qdrant $ARC_TEST_QDRANT"
"$ARC_TEST_QDRANT_SCRIPT" start "$ARC_TEST_QDRANT_FOLDER" "${ARC_TEST_QDRANT#*:}" >/dev/null
expect 0 gallery merge "Person 1" "Person 2"
expect 0 gallery remove "Person 4" --yes
expect 0 gallery list
[ "$(grep -c 'Person' <<<"$out")" -eq 1 ] || wrong "not one person: $out"
expect 0 gallery check
expect 3 gallery list --gallery "$gallery#nobody"
sentence "the collections have:" "main" "sealed"
finish
