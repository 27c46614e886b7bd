#!/bin/bash
# Holds the built objects to docs/ARCHITECTURE.md: a file uses functions and tables of files below it only. Reads from a built tree which
# object defines a symbol and which refers to it (nm), and refuses
#   - a circle: files of the library, or of the command, that need each other, named with the symbols that make it;
#   - a symbol of a room that the room may not see (tools/rooms.sh), however it was declared;
#   - anything of the library that the command uses and include/arcface does not offer (cmake/exports.txt).
# A table of function pointers is an edge from the table's file to the functions' files; a call through a pointer is none, so whoever offers
# a table or takes a callback stands below those who fill it.
#   tools/check_circles.sh [BUILD DIR]
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/rooms.sh
build=${1:-build}
if [ ! -e "$build/compile_commands.json" ]; then
    echo "$build/compile_commands.json is not there: configure and build first"
    exit 1
fi

# The objects of this configuration, not what an older one left in the folder.
mapfile -t objects < <(grep -oE -- '-o CMakeFiles/(arc_[a-z0-9_]+|arcface_cli)\.dir/src/[^ "]+\.o' "$build/compile_commands.json" | sed 's/^-o //' | sort -u)
missing=$(for object in "${objects[@]}"; do [ -e "$build/$object" ] || echo "$object"; done | head -3)
if [ ${#objects[@]} -eq 0 ] || [ -n "$missing" ]; then
    echo "$build is not built: ${missing:-no objects}"
    exit 1
fi

rules=$(for room in "${!below[@]}"; do echo "$room ${below[$room]}"; done)
(cd "$build" && nm -A -P "${objects[@]}") | awk -v rules="$rules" -v offered="$(cat cmake/exports.txt)" '
function complain(text) { print text; failed = 1 }
function room_of(file) { split(file, part, "/"); return part[2] }
function add_edge(from, to, symbol) {
    if (!((from, to) in why)) { out[from] = out[from] " " to; why[from, to] = symbol }
    else if (index(" " why[from, to] " ", " " symbol " ") == 0) why[from, to] = why[from, to] " " symbol
}
# Marks what can be reached from `from` inside the set `alive`.
function reach(from, seen,    queue, head, tail, n, to, i) {
    split("", seen); head = tail = 0; queue[tail++] = from
    while (head < tail) {
        n = split(out[queue[head++]], to, " ")
        for (i = 1; i <= n; i++)
            if ((to[i] in alive) && !(to[i] in seen)) { seen[to[i]] = 1; queue[tail++] = to[i] }
    }
}
# Takes away, again and again, files that no other needs or that need no other: only circles and what joins them stay.
function peel(    changed, f, g, n, to, i, needed) {
    do {
        changed = 0
        split("", needed)
        for (f in alive) { n = split(out[f], to, " "); for (i = 1; i <= n; i++) if (to[i] in alive) needed[to[i]] = 1 }
        for (f in alive) {
            n = split(out[f], to, " "); g = 0
            for (i = 1; i <= n; i++) g += (to[i] in alive)
            if (!g || !(f in needed)) { delete alive[f]; changed = 1 }
        }
    } while (changed)
}
BEGIN {
    n = split(rules, line, "\n")
    for (i = 1; i <= n; i++) { m = split(line[i], word, " "); for (k = 1; k <= m; k++) sees[word[1], word[k]] = 1 }
    n = split(offered, line, "\n")
    for (i = 1; i <= n; i++) public[line[i]] = 1
}
{
    file = $1; sub(/^[^:]*\.dir\//, "", file); sub(/\.o:$/, "", file)
    if ($3 == "U") { uses++; user[uses] = file; used[uses] = $2 }
    else if ($3 ~ /[A-TV-Z]/) {
        if (room_of(file) == "cli") command[$2] = file
        else home[$2] = file
    }
    files[file] = 1
}
END {
    for (u = 1; u <= uses; u++) {
        from = user[u]; symbol = used[u]; to = room_of(from) == "cli" && (symbol in command) ? command[symbol] : home[symbol]
        if (to == "" || to == from) continue
        if (room_of(from) == "cli" && room_of(to) != "cli") {
            if (!(symbol in public)) complain(from " uses " symbol " of " to ", which include/arcface does not offer")
            continue
        }
        if (!((room_of(from), room_of(to)) in sees)) complain(from " uses " symbol " of " to ": " room_of(from) " may not see " room_of(to))
        add_edge(from, to, symbol)
        alive[from] = alive[to] = 1; edges++
    }
    peel()
    for (f in alive) {
        if (f in told) continue
        reach(f, forward)
        if (!(f in forward)) continue
        split("", ring); size = 0
        for (g in forward) { reach(g, back); if (f in back) { ring[g] = 1; told[g] = 1; size++ } }
        text = "a circle of " size " files:"
        for (g in ring) { n = split(out[g], next_to, " "); for (i = 1; i <= n; i++) if (next_to[i] in ring) text = text "\n    " g " -> " next_to[i] ": " why[g, next_to[i]] }
        complain(text)
    }
    for (f in files) count++
    if (!failed) print "circles: none in " count " files, " edges " uses of another file'"'"'s symbols, all of them pointing down"
    exit failed
}'
