#!/bin/bash
# The shared library exports exactly what include/arcface declares with ARC_API, and calls nothing that prints or ends the program.
#   tools/check_symbols.sh [BUILD DIR]
set -uo pipefail
cd "$(dirname "$0")/.."
library=${1:-build}/libarcface.so
failed=0
if [ ! -e "$library" ]; then
    echo "$library is not built"
    exit 1
fi

declared=$(cat include/arcface/*.h | tr '\n' ' ' | sed 's/;/;\n/g' | sed -nE 's/.*ARC_API[^(]*[ *](arc_[a-z0-9_]+)\(.*/\1/p' | LC_ALL=C sort -u)
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | LC_ALL=C sort -u)
if ! difference=$(diff <(echo "$declared") <(echo "$exported")); then
    echo "declared in include/arcface (<) and exported by $library (>) differ:"
    grep '^[<>]' <<<"$difference"
    failed=1
fi

if ! difference=$(diff cmake/exports.txt <(echo "$exported")); then
    echo "cmake/exports.txt (<), the list a release promises, and $library (>) differ:"
    grep '^[<>]' <<<"$difference"
    failed=1
fi

# __assert_fail stands behind assert() of our own values; stderr belongs to sanitizers and asserts only.
printing=$(nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//' |
    grep -xE '(abort|exit|_exit|quick_exit|printf|__printf_chk|vprintf|puts|putchar|fputs|fputc|fwrite|fprintf|__fprintf_chk|vfprintf|__vfprintf_chk|perror|stdout|stderr)' || true)
if [ -n "$printing" ]; then
    echo "the library may not print or end the program, but refers to: $(tr '\n' ' ' <<<"$printing")"
    failed=1
fi
[ $failed -eq 0 ] && echo "symbols: $(wc -l <<<"$exported") exported, all of them declared"
exit $failed
