#!/bin/bash
# tools/check_circles.sh finds what it is there for: trees of tiny objects, one clean and one for each fault.
#   tests/tools/circles.sh [COMPILER]
set -euo pipefail
cd "$(dirname "$0")/../.."
compiler=${1:-cc}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# file TARGET PATH CODE: an object as the build would leave it.
file() {
    local object=CMakeFiles/$1.dir/src/$2.c.o
    mkdir -p "$tree/$(dirname "$object")"
    "$compiler" -c -o "$tree/$object" -x c - <<<"$3"
    echo "\"command\": \"cc -o $object -c src/$2.c\"" >>"$tree/compile_commands.json"
}

# expect NAME STATUS TEXT...: what the check says about the tree, which is gone afterwards.
expect() {
    local name=$1 want=$2 status=0 said
    shift 2
    said=$(tools/check_circles.sh "$tree" 2>&1) || status=$?
    rm -rf "${tree:?}"/*
    for text in "$@"; do
        if [ "$status" -ne "$want" ] || [[ $said != *"$text"* ]]; then
            echo "$name: exit status $status, expected $want and \"$text\":"
            echo "$said"
            failed=1
        fi
    done
}

below='int below_x(void) { return 1; }'
file arc_base base/low "$below"
file arc_image image/codec 'int below_x(void); int codec(void) { return below_x(); }'
file arc_image image/driver 'int codec(void); int (*const table[])(void) = {codec}; int driver(void) { return table[0](); }'
file arcface_cli cli/main 'const char *arc_version(void); int main(void) { return !arc_version(); }'
file arc_base base/version 'const char *arc_version(void) { return ""; }'
expect "a clean tree" 0 "none in 5 files"

file arc_image image/one 'int three(void); int one(void) { return three(); }'
file arc_image image/two 'int one(void); int two(void) { return one(); }'
file arc_image image/three 'int two(void); extern int (*const table[])(void); int three(void) { return two() + table[0](); }'
file arc_image image/four 'int one(void); int (*const table[])(void) = {one};'
expect "a circle through a call and a table" 1 "a circle of 4 files" "src/image/one.c -> src/image/three.c: three" \
    "src/image/four.c -> src/image/one.c: one" "src/image/three.c -> src/image/four.c: table"

file arc_base base/low 'int codec(void); int low(void) { return codec(); }'
file arc_image image/codec 'int codec(void) { return 1; }'
expect "a use of a room above" 1 "src/base/low.c uses codec of src/image/codec.c: base may not see image"

file arc_base base/low "$below"
file arcface_cli cli/main 'int below_x(void); int main(void) { return below_x(); }'
expect "a command that reaches behind the API" 1 "src/cli/main.c uses below_x of src/base/low.c, which include/arcface does not offer"

file arcface_cli cli/main 'int named(void); int main(void) { return named(); }'
file arcface_cli cli/face/named 'int main(void); int named(void) { return main(); }'
expect "a circle in the command" 1 "a circle of 2 files" "src/cli/main.c -> src/cli/face/named.c: named"

echo '"command": "cc -o CMakeFiles/arc_base.dir/src/base/gone.c.o -c src/base/gone.c"' >"$tree/compile_commands.json"
expect "a tree that is not built" 1 "is not built"

[ $failed -eq 0 ] && echo "the check of circles finds each of five faults"
exit $failed
