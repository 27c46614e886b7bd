#!/bin/bash
# Holds the walks of docs/ARCHITECTURE.md to the code: each has at most seven stops, a stop's file is there and defines the functions that
# are named, and every stop but the first is called from one before it.
#   tools/check_walks.sh [BUILD DIR]     the calls are read from the built objects
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
failed=0 walks=0 stops=0
complain() {
    echo "docs/ARCHITECTURE.md: $1"
    failed=1
}

# object FILE: the object that the library was linked from.
object() {
    echo "$build/CMakeFiles/arc_${1%%/*}.dir/src/$1.o"
}

# calls FILE...: the symbols that the files use.
calls() {
    local file
    for file in "$@"; do nm -P "$(object "$file")" | awk '$2 == "U" { print $1 }'; done
}

# symbols TYPES FILE: those that the file defines, of these kinds (nm's letters).
symbols() {
    nm -P "$(object "$2")" | awk -v types="^[$1]$" '$2 ~ types { print $1 }'
}

# called FILE SEEN...: whether a file before this one uses a function of it, directly or through a table of its room.
called() {
    local file=$1 table
    shift
    grep -qxFf <(symbols TDRB "$file") <(calls "$@") && return
    for table in "$build/CMakeFiles/arc_${file%%/*}.dir/src/${file%%/*}"/*.o "$(dirname "$(object "$file")")"/*.o; do
        [ -e "$table" ] && nm -P "$table" | awk '$2 ~ /^[DRdr]$/ { found = 1 } END { exit !found }' &&
            grep -qxFf <(symbols TDRB "$file") <(nm -P "$table" | awk '$2 == "U" { print $1 }') && return
    done
    return 1
}

seen=()
while IFS= read -r line; do
    case $line in
    '**'*)
        walk=${line//\*/}
        walks=$((walks + 1))
        seen=()
        continue
        ;;
    [0-9].*) ;;
    *) continue ;;
    esac
    file=$(sed -nE 's/^[0-9]\. `([^`]+\.c)`.*/\1/p' <<<"$line")
    stops=$((stops + 1))
    if [ -z "$file" ] || [ ! -e "src/$file" ]; then
        complain "$walk: there is no src/$file (\"$line\")"
        continue
    fi
    while read -r name; do
        grep -qE "^[a-z].*[ *]$name\(" "src/$file" || complain "$walk: src/$file does not define $name"
    done < <(grep -oE '`[a-z_0-9]+`' <<<"$line" | tr -d '`')
    if [ ! -e "$(object "$file")" ]; then
        complain "$walk: src/$file is not built in $build"
    elif [ ${#seen[@]} -gt 0 ] && ! called "$file" "${seen[@]}"; then
        complain "$walk: nothing before it calls src/$file"
    fi
    seen+=("$file")
    [ ${#seen[@]} -le 7 ] || complain "$walk: more than seven stops"
done < <(sed -n "/^## Three walks/,/^## Learning/p" docs/ARCHITECTURE.md)

[ $walks -eq 3 ] || complain "$walks walks, three are promised"
[ $failed -eq 0 ] && echo "walks: $stops stops of $walks walks are as docs/ARCHITECTURE.md says"
exit $failed
