#!/bin/bash
# Every symbol of include/arcface has a comment that Doxygen reads: each function, type, field, enum value and macro.
#   tools/check_docs.sh [HEADER...]
# A comment stands directly above its symbol (/** ... */) or behind it on its line (/**< ... */). A function's comment says from which threads it may be
# called (Thread:), one that returns a status says which (Errors:), one that makes something says how it is freed (Ownership:). docs/Doxyfile
# makes pages of the same comments.
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] && headers=("$@") || headers=(include/arcface/*.h)

awk '
function complain(what) {
    print FILENAME ":" FNR ": " what
    failed = 1
}
function documented(symbol, trailing) {
    symbols++
    if (doc == "" && trailing !~ /\/\*\*</)
        complain(symbol " has no comment")
}
function function_end(    name) {
    name = decl
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    symbols++
    if (doc == "") {
        complain(name " has no comment")
        return
    }
    if (doc !~ /Thread: /)
        complain(name ": its comment does not say which threads may call it (Thread:)")
    if (decl ~ /ARC_NODISCARD arc_status / && doc !~ /Errors: /)
        complain(name ": its comment does not say which errors it returns (Errors:)")
    if (decl ~ /(^|[(,] *)[a-z0-9_]+ \*\*[a-z]/ && name !~ /_(free|close)$/ && doc !~ /Ownership: /)
        complain(name ": its comment does not say how what it makes is freed (Ownership:)")
}
function file_end() {
    if (where != "top" || decl != "" || open)
        print last_file ": ended inside a declaration or comment", failed = 1
}
FNR == 1 {
    if (NR > 1)
        file_end()
    where = "top"; decl = doc = ""; open = 0
    last_file = FILENAME
    if ($0 !~ /^\/\*\* @file/)
        complain("a header begins with /** @file and what it is for")
}
# Comments: those of several lines, and those that stand alone on a line.
open || /^ *\/\*/ {
    if (!open)
        doc = comment = ""
    comment = comment " " $0
    open = $0 !~ /\*\//
    if (open)
        next
    if (comment ~ /\/\*\* @def /) {
        name = comment
        sub(/.*@def /, "", name)
        sub(/ .*/, "", name)
        described[name] = 1
    } else if (comment ~ /^ *\/\*\*[^<]/ && comment !~ /@file/)
        doc = comment
    else if (comment !~ /@file/)
        complain("a comment that Doxygen does not read: begin it with /**")
    next
}
continued { continued = /\\$/; next }
/^ *#/ {
    continued = /\\$/
    if ($1 == "#define") {
        name = $2
        sub(/\(.*/, "", name)
        if (name !~ /^ARCFACE_.*_H$/ && where == "top") {
            if (!(name in described))
                documented(name, $0)
            doc = ""
        }
    }
    next
}
/^extern "C" \{$/ || /^}$/ { next }
/^$/ { if (where == "top") doc = ""; next }
where == "enum" {
    if (/^} [a-z0-9_]+;$/)
        where = "top"
    else if (!/^ *ARC_STATUS_MAP\(/) {
        name = $1
        sub(/,.*/, "", name)
        documented(name, $0)
    }
    doc = ""
    next
}
where == "struct" {
    if (/^} [a-z0-9_]+;$/)
        where = "top"
    else {
        decl = decl " " $0
        if (!/;/)
            next
        name = decl
        sub(/;.*/, "", name)
        documented(type ":" name, $0)
        gsub(/\([^()]*\)/, "", name)
        if (name ~ /,/)
            complain(type ":" name ": Doxygen gives a comment to one field only: declare one a line")
    }
    decl = doc = ""
    next
}
{
    decl = decl (decl == "" ? "" : " ") $0
    if (decl ~ /^typedef (struct|enum) [a-z0-9_]+ \{$/) {
        where = decl ~ /^typedef struct/ ? "struct" : "enum"
        type = $3
        documented(type, "")
        decl = doc = ""
        next
    }
    if ($0 !~ /;/)
        next
    if (decl ~ /^typedef /)
        documented(decl, $0)
    else if (decl ~ /^ARC_API /)
        function_end()
    else
        complain("what is this? " decl)
    decl = doc = ""
}
END {
    file_end()
    if (!failed)
        print "docs: " symbols " public symbols, all of them have comments"
    exit failed
}' "${headers[@]}" || exit 1

if command -v clang >/dev/null; then
    for header in "${headers[@]}"; do
        clang -std=c11 -Wdocumentation -Werror -I include -fsyntax-only -x c "$header" || exit 1
    done
fi
