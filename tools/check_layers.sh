#!/bin/bash
# Holds the tree to docs/ARCHITECTURE.md: a room includes itself, what stands below it, and include/arcface. The command and the
# examples see include/arcface only. What a room's files share among themselves (*_internal.h) stays inside it.
set -uo pipefail
cd "$(dirname "$0")/.."
engine="learn zoo run plan pass op graph device kernel base"
declare -A below=(
    [base]=""
    [kernel]="base"
    [device]="kernel base"
    [graph]="base"
    [op]="graph kernel base"
    [pass]="op graph kernel base"
    [plan]="op graph kernel base"
    [run]="plan pass op graph device kernel base"
    [learn]="op graph device kernel base"
    [zoo]="op graph kernel base"
    [vector]="kernel base"
    [plot]="base"
    [drawn]="base"
    [image]="kernel base"
    [hub]="base"
    [format]="zoo op graph kernel base"
    [model]="hub format $engine"
    [face]="image model format run op graph kernel base"
    [quantize]="face image model format $engine"
    [report]="plot image base"
    [data]="drawn face image model format base"
    [eval]="data report plot vector face image model format kernel base"
    [train]="eval data report plot vector face image model format $engine"
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
