#!/bin/bash
# A stand-in for a Qdrant server for tests (tests/qdrant_shim.py says what of it is Qdrant's), in a temporary folder, on 127.0.0.1.
#   tests/qdrant.sh install              gets the packages of Python that it is made of into build/qdrant-venv
#   tests/qdrant.sh run COMMAND...       starts it, runs COMMAND, stops it; exit status: COMMAND's, 77 without the packages
#   tests/qdrant.sh start FOLDER [PORT]  starts one in FOLDER, a new one or what `kill` ended; prints its address
#   tests/qdrant.sh kill FOLDER          ends it as a crash would
# COMMAND finds the address, HOST:PORT, in ARC_TEST_QDRANT, the folder in ARC_TEST_QDRANT_FOLDER, and this script in
# ARC_TEST_QDRANT_SCRIPT. ARC_QDRANT_PYTHON is a Python that has the packages, when it is elsewhere.
set -uo pipefail
script=$(realpath "${BASH_SOURCE[0]}")
venv=$(dirname "$(dirname "$script")")/build/qdrant-venv

# A Python with the packages; nothing where there is none.
python() {
    local name
    for name in "${ARC_QDRANT_PYTHON:-}" "$venv/bin/python" python3; do
        [ -n "$name" ] && "$name" -c 'import qdrant_edge, qdrant_client' 2>/dev/null && echo "$name" && return
    done
}

start() {
    local folder with
    folder=$(realpath -m "$1")
    with=$(python)
    mkdir -p "$folder" && rm -f "$folder/address" || return
    # shellcheck disable=SC2086 # no port: no argument
    "$with" "$(dirname "$script")/qdrant_shim.py" "$folder" ${2:-} >>"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    for _ in $(seq 600); do
        [ -f "$folder/address" ] && cat "$folder/address" && return
        kill -0 "$(cat "$folder/pid")" 2>/dev/null || break
        sleep 0.05
    done
    echo "tests/qdrant.sh: the server does not start:" >&2
    tail -20 "$folder/log" >&2
    return 1
}

end() {
    kill -KILL "$(cat "$1/pid")" 2>/dev/null
    while kill -0 "$(cat "$1/pid")" 2>/dev/null && grep -q '^State:.[^ZX]' "/proc/$(cat "$1/pid")/status" 2>/dev/null; do sleep 0.02; done
}

run() {
    local folder status
    if [ -z "$(python)" ]; then
        echo "skipped: no Python with qdrant-edge-py and qdrant-client is here; tests/qdrant.sh install gets them" >&2
        exit 77
    fi
    folder=$(mktemp -d /tmp/arcface-qdrant-XXXXXX)
    trap 'end "$folder"; rm -rf "$folder"' EXIT
    trap 'exit 1' INT TERM HUP
    ARC_TEST_QDRANT=$(start "$folder") || exit 1
    export ARC_TEST_QDRANT ARC_TEST_QDRANT_FOLDER=$folder ARC_TEST_QDRANT_SCRIPT=$script
    "$@"
    status=$?
    exit $status
}

usage() {
    sed -nE '2,/^set/ { /^#/ s/^# ?//p }' "$script" >&2
    exit 2
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
install)
    [ -n "$(python)" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet qdrant-edge-py qdrant-client; } || exit
    echo "a stand-in for Qdrant with $(python)"
    ;;
run)
    [ $# -gt 0 ] || usage
    run "$@"
    ;;
start)
    [ $# -gt 0 ] || usage
    start "$@"
    ;;
kill)
    [ $# -eq 1 ] || usage
    end "$1"
    ;;
*) usage ;;
esac
