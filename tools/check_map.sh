#!/bin/bash
# Holds the documents to the tree: the picture of docs/ARCHITECTURE.md names every room of tools/rooms.sh and every folder in it (the
# command's groups apart), and the files, links and names in C that README.md, CONTRIBUTING.md and docs/*.md mention exist, and TESTING.md tells of
# every test program.
# Include rules and calls are for check_layers.sh and check_circles.sh, the walks for check_walks.sh.
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/rooms.sh
failed=0
complain() {
    echo "$1"
    failed=1
}
documents=(README.md CONTRIBUTING.md docs/*.md)
tree=$(git ls-files --cached --others --exclude-standard)

# ---- the picture: the first block of ARCHITECTURE.md ---------------------------------------------------------------------------

picture=$(awk '/^```/ { if (inside) exit; inside = 1; next } inside' docs/ARCHITECTURE.md)
for room in "${!below[@]}"; do
    [ -d "src/$room" ] || complain "tools/rooms.sh: there is no src/$room"
    grep -qw -- "$room" <<<"$picture" || complain "docs/ARCHITECTURE.md: its picture does not name the room $room"
done
while read -r folder; do
    grep -qw -- "${folder##*/}" <<<"$picture" || complain "docs/ARCHITECTURE.md: its picture does not name src/$folder"
done < <(grep -oE '^src/[^/]+/.*/' <<<"$tree" | sed -e 's|^src/||' -e 's|/$||' | sort -u | grep -v '^cli/')

# ---- what a merge leaves behind ------------------------------------------------------------------------------------------------

while IFS= read -r mark; do
    complain "a mark of a merge: $mark"
done < <(grep -nE '^(<{7}|>{7}) ' "${documents[@]}")

# ---- files: `plan/place.c`, `igemm_<isa>.c`, [text](FILE.md) --------------------------------------------------------------------

# shellcheck disable=SC2016 # backticks of Markdown
files=0
while IFS=: read -r document name; do
    files=$((files + 1))
    pattern=$(sed -E -e 's/[.+]/\\&/g' -e 's/<[a-z_]+>|\*/[^\/]*/g' <<<"$name")
    grep -qE "(^|/)$pattern\$" <<<"$tree" || complain "$document: there is no file $name"
done < <(grep -oHE '`[A-Za-z0-9_./*<>-]+\.(c|h|sh|py|cmake|md)`' "${documents[@]}" | tr -d '`' | sort -u)
while IFS=: read -r document link; do
    files=$((files + 1))
    [ -e "$(dirname "$document")/$link" ] || complain "$document: its link to $link leads nowhere"
done < <(grep -oHE '\]\([^)#:]+[)#]' "${documents[@]}" | sed -E -e 's/\]\(//' -e 's/[)#]$//' | sort -u)

# ---- tests: each program of tests/CMakeLists.txt --------------------------------------------------------------------------------

while read -r test; do
    grep -qF "\`$test\`" docs/TESTING.md || complain "docs/TESTING.md: no word of the test $test"
done < <(sed -nE 's/^ *arc_test\(([a-z0-9_]+).*/\1/p' tests/CMakeLists.txt)

# ---- names: `arc_graph_check`, `arc_mem_*` ---------------------------------------------------------------------------------------

names=0
known=$(grep -rohwE '[Aa][Rr][Cc]_[A-Za-z0-9_]+' src include cmake CMakeLists.txt tests bench | sort -u)
while IFS=: read -r document name; do
    names=$((names + 1))
    case $name in
    *_) grep -q "^$name" <<<"$known" ;;
    *) grep -qx -- "$name" <<<"$known" ;;
    esac || complain "$document: nothing is called $name"
done < <(grep -ohE '`[^`]+`' -H "${documents[@]}" | grep -oE '^[^:]+:|\b(arc|ARC)_[A-Za-z0-9_]+' |
    awk '/:$/ { document = $0; next } { print document $0 }' | sort -u)

[ $failed -eq 0 ] && echo "map: $files files and $names names that the documents mention, and every room, are in the tree"
exit $failed
