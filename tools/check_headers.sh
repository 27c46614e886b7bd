#!/bin/bash
# The public headers: each compiles alone, in C and in C++, without a warning, and <arcface/arcface.h> includes every one of them.
set -uo pipefail
cd "$(dirname "$0")/.."
cc=${CC:-cc} cxx=${CXX:-c++}
warnings="-Wall -Wextra -Wpedantic -Wshadow -Werror"
umbrella=include/arcface/arcface.h
languages="C and C++"
failed=0
complain() {
    echo "$1"
    failed=1
}

if ! command -v "$cxx" >/dev/null; then
    languages="C ($cxx is not here)"
    cxx=
fi
count=0
for header in include/arcface/*.h; do
    name=arcface/${header##*/}
    count=$((count + 1))
    # shellcheck disable=SC2086
    echo "#include <$name>" | $cc -std=c11 $warnings -Wstrict-prototypes -I include -fsyntax-only -x c - ||
        complain "$header does not compile alone in C"
    # shellcheck disable=SC2086
    [ -z "$cxx" ] || echo "#include <$name>" | $cxx -std=c++11 $warnings -I include -fsyntax-only -x c++ - ||
        complain "$header does not compile alone in C++"
    [ "$header" = "$umbrella" ] || grep -qxF "#include <$name>" "$umbrella" || complain "$umbrella does not include <$name>"
done
[ $failed -eq 0 ] && echo "headers: $count compile alone in $languages, all of them are in <arcface/arcface.h>"
exit $failed
