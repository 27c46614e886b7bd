#!/bin/bash
# Two servers with one gallery in PostgreSQL: what one acknowledges the other knows. Run by tests/postgres.sh.
. "$(dirname "$0")/lib.sh"

gallery=${ARC_TEST_POSTGRES:?tests/postgres.sh run starts a server}
needs_data
command -v curl >/dev/null || {
    echo "skipped: no curl"
    exit 77
}
export ARCFACE_MODEL=$model ARCFACE_DETECTOR=$detector

urls=() servers=()
for n in 0 1; do
    "$arcface" serve --listen 127.0.0.1:0 --gallery "$gallery" >"$work/out-$n" 2>"$work/log-$n" &
    servers+=($!)
    for ((i = 0; i < 600; i++)); do
        urls[n]=$(sed -n 's/^listening at //p' "$work/out-$n")
        [ -n "${urls[n]}" ] && break
        sleep 0.1
    done
    [ -n "${urls[n]}" ] || wrong "server $n does not start: $(cat "$work/log-$n")"
done

# ask WANTED ARGUMENT...: a request by curl; its answer in $out.
ask() {
    local want=$1 got
    shift
    got=$(curl -s --max-time 120 -o "$work/answer" -w '%{http_code}' "$@")
    out=$(cat "$work/answer" 2>/dev/null)
    [ "$got" = "$want" ] || wrong "curl $* got $got instead of $want: $out"
}

# Each enrols somebody whom the other then names, at once.
for n in 0 1; do
    ask 201 -H 'Content-Type: application/json' -d "{\"name\": \"Person $n\"}" "${urls[n]}/v1/identities"
    id=$(sed -E 's/.*"id": ([0-9]+).*/\1/' <<<"$out")
    ask 409 -H 'Content-Type: application/json' -d "{\"name\": \"Person $n\"}" "${urls[1 - n]}/v1/identities"
    photo=$pairs/img$((n == 0 ? 1 : 20)).jpg
    ask 201 -F photo=@"$photo" "${urls[n]}/v1/identities/$id/templates?largest=true"
    ask 200 -F photo=@"$pairs/img$((n == 0 ? 2 : 21)).jpg" "${urls[1 - n]}/v1/identify?largest=true"
    says "\"name\": \"Person $n\""
done

# One is killed behind an acknowledged removal: the other has removed that person too, and a new one goes on.
ask 204 -X DELETE "${urls[1]}/v1/identities/$id"
kill -9 "${servers[1]}"
wait "${servers[1]}" 2>/dev/null
ask 200 -F photo=@"$pairs/img21.jpg" "${urls[0]}/v1/identify?largest=true"
says '"known": 0'
ask 404 "${urls[0]}/v1/identities/$id"
kill -TERM "${servers[0]}"
wait "${servers[0]}" || wrong "the server ends with $?"
expect 0 gallery check --gallery "$gallery"
says "the gallery is whole"
finish
