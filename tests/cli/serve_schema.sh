#!/bin/bash
# The server against its own description: schemathesis makes requests from /openapi.json, what it allows and what it forbids, and
# looks whether answers are as described. Not checked is that what the description allows is accepted: it cannot say what a picture
# is, nor how long this model's embeddings are.
#   serve_schema.sh ARCFACE      the test; skipped without schemathesis
#   serve_schema.sh install      gets it from PyPI, into build/schemathesis-venv
venv=$(cd "$(dirname "$0")/../.." && pwd)/build/schemathesis-venv
if [ "$1" = install ]; then
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv" || exit
    exec "$venv/bin/pip" install --quiet schemathesis
fi
. "$(dirname "$0")/lib.sh"
needs_data
tool=${ARC_SCHEMATHESIS:-$venv/bin/schemathesis}
if [ ! -x "$tool" ] || ! command -v curl >/dev/null; then
    echo "skipped: no schemathesis; tests/cli/serve_schema.sh install gets it"
    exit 77
fi
"$arcface" serve --listen 127.0.0.1:0 --gallery "$work/people.gal" --model "$model" --detector "$detector" >"$work/out" 2>"$work/log" &
server=$!
for ((i = 0; i < 1200; i++)); do
    url=$(sed -n 's/^listening at //p' "$work/out")
    [ -n "$url" ] && curl -sf -o "$work/ready" "$url/readyz" && break
    kill -0 $server 2>/dev/null || break
    sleep 0.1
done
[ -n "$url" ] || wrong "the server does not start: $(cat "$work/log")"
examples=${ARCFACE_NIGHTLY:+200}
(cd "$work" && "$tool" run "$url/openapi.json" --phases coverage,fuzzing --exclude-checks positive_data_acceptance --seed 1 \
    --max-examples "${examples:-10}" --request-timeout 120 --continue-on-failure --no-color) >"$work/report" 2>&1 || wrong "$(tail -80 "$work/report")"
grep -E 'generated' "$work/report"
grep -q '"level": "error"' "$work/log" && wrong "the server failed: $(grep '"level": "error"' "$work/log" | head -5)"
kill -TERM $server
wait $server || wrong "the server ended with $?"
finish
