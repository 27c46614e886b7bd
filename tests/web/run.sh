#!/bin/bash
# The web page in headless Chromium (journeys.py), against a real server with real photos.
#   tests/web/run.sh ARCFACE [SHOTS]     exit status 77: no browser, no Playwright (pip install playwright) or no data
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${ARCFACE_DATA:-$here/../../../shared/data}
python=${ARCFACE_TEST_PYTHON:-python3}
skip() {
    echo "skipped: $1"
    exit 77
}
[ -d "$data/photos" ] || skip "no real photos at $data"
[ -x /usr/bin/chromium ] || skip "no /usr/bin/chromium"
"$python" -c 'import playwright' 2>/dev/null || skip "$python has no playwright (ARCFACE_TEST_PYTHON names another)"
work=$(mktemp -d)
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
ARCFACE_MODEL=$data/models/recognition/w600k_mbf_dequantised_fp32.onnx ARCFACE_DETECTOR=$data/models/detection/scrfd_2.5g_bnkps.onnx \
    "$1" serve --gallery "$work/people.gal" --listen 127.0.0.1:0 >"$work/out" 2>"$work/log" &
server=$!
url=
for ((i = 0; i < 600 && ${#url} == 0; i++)); do
    sleep 0.1
    url=$(sed -n 's/^listening at //p' "$work/out")
done
[ -n "$url" ] || { cat "$work/log"; exit 1; }
"$python" "$here/journeys.py" "$url" "$data/photos" "${2:-}" || { tail -20 "$work/log"; exit 1; }
