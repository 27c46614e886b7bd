#!/bin/bash
# Holds the tree to docs/ARCHITECTURE.md: a room includes itself, what stands below it, and include/arcface. The command and the
# examples see include/arcface only. What a room's files share among themselves (*_internal.h) stays inside it.
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/rooms.sh
failed=0
complain() {
    echo "$1"
    failed=1
}

for folder in src/*/; do
    room=$(basename "$folder")
    if [ -z "${below[$room]+known}" ]; then
        complain "src/$room: not a room of docs/ARCHITECTURE.md"
        continue
    fi
    while IFS=: read -r file line text; do
        name=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$text")
        [ "$room" = cli ] && name=cli/$name
        other=${name%%/*}
        [ -e "src/$name" ] || complain "$file:$line: there is no src/$name: write the path from src/"
        [ "$other" = "$room" ] && continue
        case " ${below[$room]} " in
        *" $other "*) ;;
        *) complain "$file:$line: $room may not include \"$name\" (it may: ${below[$room]:-include/arcface only})" ;;
        esac
        case $name in
        *_internal.h) complain "$file:$line: \"$name\" is $other's own" ;;
        esac
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r "$folder" --include='*.[ch]' /dev/null)
done

while IFS=: read -r file line text; do
    complain "$file:$line: a public header or example may include <arcface/...> and system headers only: $text"
done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r include examples --include='*.[ch]' /dev/null)

[ $failed -eq 0 ] && echo "layers: every include points down"
exit $failed
