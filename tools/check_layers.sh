#!/bin/bash
# Holds the tree to docs/ARCHITECTURE.md: a room includes itself, what stands below it, and include/arcface. The command and the
# examples see include/arcface only.
set -uo pipefail
cd "$(dirname "$0")/.."
declare -A below=(
    [base]=""
    [kernel]="base"
    [plot]="base"
    [nn]="kernel base"
    [format]="nn kernel base"
    [hub]="base"
    [model]="hub format nn kernel base"
    [face]="model format nn kernel base"
    [data]="face model format nn kernel base"
    [report]="plot face model format nn kernel base"
    [eval]="data report plot face model format nn kernel base"
    [train]="eval data report plot face model format nn kernel base"
    [cli]=""
)
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
        case $name in
        */*) other=${name%%/*} ;;
        *) other=$room; [ -e "src/$room/$name" ] || complain "$file:$line: \"$name\" is not in src/$room" ;;
        esac
        [ "$other" = "$room" ] && continue
        case " ${below[$room]} " in
        *" $other "*) ;;
        *) complain "$file:$line: $room may not include \"$name\" (it may: ${below[$room]:-include/arcface only})" ;;
        esac
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r "$folder" --include='*.[ch]' /dev/null)
done

while IFS=: read -r file line text; do
    complain "$file:$line: a public header or example may include <arcface/...> and system headers only: $text"
done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r include examples --include='*.[ch]' /dev/null)

[ $failed -eq 0 ] && echo "layers: every include points down"
exit $failed
