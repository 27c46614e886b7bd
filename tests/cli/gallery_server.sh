#!/bin/bash
# A gallery in a PostgreSQL server: commands on it, several at a time, as several machines would give them. Run by tests/postgres.sh.
. "$(dirname "$0")/lib.sh"

gallery=${ARC_TEST_POSTGRES:?tests/postgres.sh run starts a server}
expect 3 gallery info --gallery "$gallery"
sentence "there is no gallery in this data base; enrolling somebody makes it"
expect 4 gallery info --gallery "postgres://ann:secret@127.0.0.1:1/people"
sentence "127.0.0.1/people#main: cannot connect"
grep -q secret <<<"$err" && wrong "the password is shown: $err"
needs_data
export ARCFACE_MODEL=$model ARCFACE_DETECTOR=$detector ARCFACE_GALLERY=$gallery

# Four machines enrol at the same time; the first to come makes the tables and binds the gallery.
pids=()
for n in 1 2 4 5; do
    "$arcface" enroll "Person $n" "$pairs/img$n.jpg" >"$work/enrolled-$n" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || wrong "an enrolment ended with $?: $(cat "$work"/enrolled-*)"
done
expect 0 gallery list
[ "$(grep -c 'Person' <<<"$out")" -eq 4 ] || wrong "not four people: $out"
expect 0 identify "$pairs/img2.jpg"
says "Person"
expect 0 gallery check
says "the gallery is whole"

# Who searches: the server, where it has pgvector; where it has not, the refusal says what is lost and what to install.
expect 2 gallery set "Person 1" --search database
sentence "--search is the gallery's"
expect 2 gallery set
sentence "--search HOW for the gallery"
expect 3 identify "$pairs/img2.jpg" --search database
if [ -n "${ARC_TEST_POSTGRES_VECTORS:-}" ]; then
    sentence "\"arcface gallery set --search database\" installs it"
    here=$("$arcface" identify "$pairs/img2.jpg" --top 4 2>/dev/null)
    expect 0 gallery set --search database
    expect 0 identify "$pairs/img2.jpg" --search database --top 4
    [ "$out" = "$here" ] || wrong "the server answers: $out, and not: $here"
    expect 3 identify "$pairs/img2.jpg" --search database-fast
    sentence "--search database-hnsw"
    expect 0 gallery set --search database-hnsw
    expect 0 identify "$pairs/img2.jpg" --search database-fast --top 4
    says "Person"
    expect 0 gallery info
    says "search     also by the server: all vectors, or an HNSW index"
    expect 0 gallery info --json
    says '"search": "database-hnsw", "search_ready": true'
    expect 0 gallery check --index-memory 1
    expect 0 gallery set --search memory
else
    sentence "the server has no extension pgvector" "-pgvector of apt.postgresql.org"
    expect 3 gallery set --search database
    sentence "install pgvector"
    expect 0 gallery set --search memory
fi

# Another gallery of the same data base, and the server goes away and comes back between two commands.
expect 0 enroll Guest "$pairs/img1.jpg" --gallery "$gallery#guests"
expect 0 gallery list --gallery "$gallery#guests"
says Guest
"$ARC_TEST_POSTGRES_SCRIPT" kill "$ARC_TEST_POSTGRES_FOLDER"
expect 4 gallery list
sentence "cannot connect"
"$ARC_TEST_POSTGRES_SCRIPT" resume "$ARC_TEST_POSTGRES_FOLDER"
expect 0 gallery remove "Person 1" --yes
expect 0 gallery list
grep -q "Person 1" <<<"$out" && wrong "who was removed is there: $out"
[ "$(grep -c 'Person' <<<"$out")" -eq 3 ] || wrong "not three people: $out"
expect 3 gallery list --gallery "$gallery#nobody"
sentence "it has: main, guests"
finish
