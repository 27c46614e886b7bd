#!/bin/bash
# Runs the tests of one built tree and closes with what passed, failed and was skipped.
#   tools/check_tests.sh DIR JOBS [CTEST OPTION...]
set -uo pipefail
cd "$(dirname "$0")/.."
dir=$1 jobs=$2
shift 2
log=$dir/tests.log
ctest --test-dir "$dir" --output-on-failure -j "$jobs" "$@" 2>&1 | tee "$log" | grep -avE '^(Internal ctest|Test project| +Start )'
status=${PIPESTATUS[0]}
passed=$(grep -acE '^ *[0-9]+/[0-9]+ Test +#.* Passed ' "$log")
skipped=$(grep -acE '^ *[0-9]+/[0-9]+ Test +#.*\*\*\*Skipped' "$log")
all=$(grep -acE '^ *[0-9]+/[0-9]+ Test +#' "$log")
echo "tests: $passed passed, $((all - passed - skipped)) failed, $skipped skipped"
if [ "$all" -eq 0 ]; then
    echo "no test ran: see $log" >&2
    exit 1
fi
exit "$status"
