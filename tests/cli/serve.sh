#!/bin/bash
# arcface serve as an operator runs it: options, a file of options, signals, TLS, and what is on the disk after kill -9.
. "$(dirname "$0")/lib.sh"

# Without models: what is wrong with the words alone.
expect 2 serve --queue 0
sentence "--queue 0: must be a whole number from 1 to 100000"
printf 'listen = 127.0.0.1:0\nqueeu = 3\n' >"$work/bad.conf"
expect 2 serve --config "$work/bad.conf"
sentence 'unknown option queeu, did you mean --queue?'
expect 3 serve --config "$work/none.conf"
sentence none.conf
needs_data
command -v curl >/dev/null || {
    echo "skipped: no curl"
    exit 77
}
export ARCFACE_MODEL=$model ARCFACE_DETECTOR=$detector
expect 2 serve --listen 0.0.0.0:0
sentence "can be reached from other machines" insecure
expect 2 serve --listen nowhere
sentence '"nowhere" is nowhere to listen'

# start ARGUMENT...: a server; its address is in $url, its process in $server.
start() {
    rm -f "$work/out" # of the server before
    "$arcface" serve --listen 127.0.0.1:0 "$@" >"$work/out" 2>"$work/log" &
    server=$!
    for ((i = 0; i < 600; i++)); do
        url=$(sed -n 's/^listening at //p' "$work/out" 2>/dev/null || true)
        [ -n "$url" ] && return
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
    wrong "the server does not start: $(cat "$work/log")"
    finish
}

# get WANTED ARGUMENT...: a request by curl, its status checked, its answer in $out.
get() {
    local want=$1 got
    shift
    got=$(curl -s -k --max-time 120 -o "$work/answer" -w '%{http_code}' "$@")
    out=$(cat "$work/answer" 2>/dev/null)
    [ "$got" = "$want" ] || wrong "curl $* got $got instead of $want: $out"
}

end_with() {
    kill -"$1" $server
    wait $server
    ended=$?
}

# Options from a file, of the context too; the command line counts more.
cat >"$work/serve.conf" <<EOF
# a comment
gallery = $work/people.gal
threads = 1
max-body = 1000

timeout = 60
EOF
start --config "$work/serve.conf" --max-body 5000000
get 200 "$url/healthz"
get 201 -H 'Content-Type: application/json' -d '{"name": "Ann"}' "$url/v1/identities"
get 201 -F photo=@"$pairs/img1.jpg" "$url/v1/identities/1/templates"
says '"stored": true'

# kill -9 behind the answer: what was acknowledged is there.
end_with KILL
expect 0 gallery list --gallery "$work/people.gal"
says Ann
start --config "$work/serve.conf" --max-body 5000000
get 200 -F photo=@"$pairs/img2.jpg" "$url/v1/identify"
says '"name": "Ann"'

# SIGHUP loads the models anew while requests are answered.
for i in 1 2 3 4; do
    curl -s -o /dev/null -w '%{http_code}\n' -F photo=@"$pairs/img2.jpg" "$url/v1/identify" >"$work/code.$i" &
    clients[i]=$!
done
kill -HUP $server
wait "${clients[@]}"
[ "$(sort -u "$work"/code.*)" = 200 ] || wrong "a request was dropped by SIGHUP: $(cat "$work"/code.*)"
for ((i = 0; i < 600; i++)); do
    grep -q '"event": "reloaded"' "$work/log" && break
    sleep 0.1
done
grep -q '"level": "info", "event": "reloaded"' "$work/log" || wrong "nothing was reloaded: $(cat "$work/log")"

# SIGTERM answers what was begun.
curl -s -o /dev/null -w '%{http_code}' -F photo=@"$pairs/img2.jpg" "$url/v1/identify" >"$work/last" &
client=$!
for ((i = 0; i < 100; i++)); do
    curl -s "$url/metrics" | grep -qE '^arcface_requests_under_way [2-9]' && break
    sleep 0.02
done
end_with TERM
wait $client
[ "$(cat "$work/last")" = 200 ] || wrong "SIGTERM dropped a request: $(cat "$work/last")"
[ $ended -eq 0 ] || wrong "SIGTERM ended the server with $ended: $(tail -3 "$work/log")"
grep -q '"event": "stopped"' "$work/log" || wrong "the log does not end: $(tail -3 "$work/log")"
grep -q Ann "$work/log" && wrong "a name is in the log"
if command -v python3 >/dev/null; then
    python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' <"$work/log" || wrong "the log is not JSON lines"
fi

# https.
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    start --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
    [[ $url == https://* ]] || wrong "not https: $url"
    get 200 "$url/healthz"
    end_with INT
    [ $ended -eq 0 ] || wrong "SIGINT ended the server with $ended"
    expect 3 serve --listen 127.0.0.1:0 --tls-cert "$work/cert.pem" --tls-key "$work/cert.pem"
    sentence "no certificate with its key"
fi
finish
