#!/bin/bash
# Functions this project doesn't call, and the doors: memory comes through src/base/mem.c
# (the command has its own, src/cli/ui/memory.c), files through src/base/sys.c.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0

# The source of one file with comments and strings blanked, each line behind "file:line:".
code_of() {
    awk -v file="$1" '
    {
        line = $0; out = ""
        while (length(line)) {
            if (inside) {
                at = index(line, "*/")
                if (!at) { line = ""; break }
                line = substr(line, at + 2); inside = 0; continue
            }
            if (match(line, /"([^"\\]|\\.)*"|'"'"'([^'"'"'\\]|\\.)*'"'"'|\/\*|\/\//)) {
                token = substr(line, RSTART, 2)
                out = out substr(line, 1, RSTART - 1)
                rest = substr(line, RSTART + RLENGTH)
                if (token == "/*") { inside = 1; line = rest }
                else if (token == "//") { line = "" }
                else { out = out "\"\""; line = rest }
            } else { out = out line; line = "" }
        }
        print file ":" FNR ":" out
    }' "$1"
}

# refuse WHY PATTERN FILE...: PATTERN is a list of function names.
refuse() {
    local why=$1 names=$2
    shift 2
    local hits
    hits=$(for file in "$@"; do code_of "$file"; done | grep -E "(^|[^A-Za-z0-9_.>])($names)[[:space:]]*\(" || true)
    if [ -n "$hits" ]; then
        echo "$why:"
        sed 's/^/    /' <<<"$hits"
        failed=1
    fi
}

mapfile -t all < <(find src include bench examples tests -name '*.[ch]' ! -path 'tests/fuzz/corpus/*' ! -path '*/peers/*' | sort)
mapfile -t program < <(printf '%s\n' "${all[@]}" | grep -v '^tests/')
mapfile -t library < <(find src -name '*.[ch]' | grep -vE '^src/(cli|train/run/mpi)/')
mapfile -t not_mem < <(find src -name '*.[ch]' | grep -vE '^src/(base/mem|cli/ui/memory).c$')
mapfile -t not_io < <(find src -name '*.[ch]' | grep -vE '^src/base/(sys|meter).c$')
mapfile -t library_not_io < <(printf '%s\n' "${library[@]}" | grep -vE '^src/base/(sys|meter).c$')
mapfile -t not_codec < <(printf '%s\n' "${all[@]}" | grep -vE '^src/image/(jpeg|png).c$|^tests/')

refuse "banned anywhere" 'atoi|atol|atof|strcpy|strcat|sprintf|vsprintf|strtok|rand|srand|alloca|gets|tmpnam|mktemp|popen' "${all[@]}"
refuse "nothing here starts a shell" 'system' "${program[@]}"
refuse "only where libjpeg or libpng force it" 'setjmp|_setjmp|sigsetjmp|longjmp' "${not_codec[@]}"
refuse "memory comes through src/base/mem.c" 'malloc|calloc|realloc|free|posix_memalign|aligned_alloc|strdup|strndup|asprintf' "${not_mem[@]}"
refuse "files come through src/base/sys.c, the system's own figures through meter.c" 'fopen|open|openat|creat|fread|fdopen|freopen|mmap|opendir|mkstemp' "${not_io[@]}"
refuse "the library's files come through src/base/sys.c, where tests let every call fail" \
    'readdir|fsync|fdatasync|ftruncate|truncate|flock|lockf|rename|unlink|mkdir|rmdir|stat|fstat|lstat|access' "${library_not_io[@]}"
refuse "the library never prints or ends the program" \
    'printf|fprintf|vprintf|vfprintf|fwrite|puts|fputs|putchar|perror|exit|_exit|abort|quick_exit' "${library[@]}"

# A context is opened (device/context.c) and pointed to. What works with other threads, memory or precision has an execution of its own (device/device.h).
copies=$(for file in "${library[@]}"; do [ "$file" = src/device/context.c ] || code_of "$file"; done |
    grep -E '(^|[^A-Za-z0-9_])arc_context[[:space:]]+[a-z_]+[[:space:]]*(;|=|\[)|\(arc_context\)' || true)
if [ -n "$copies" ]; then
    printf 'contexts are opened, never copied or made up; see arc_execution:\n%s\n' "$copies"
    failed=1
fi

unfinished=$(grep -nE '\b(TODO|FIXME|X{3}|HACK)\b' "${all[@]}" || true)
if [ -n "$unfinished" ]; then
    printf 'unfinished:\n%s\n' "$unfinished"
    failed=1
fi
[ $failed -eq 0 ] && echo "banned functions: none in ${#all[@]} files"
exit $failed
