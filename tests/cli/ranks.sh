#!/bin/bash
# Two ranks over MPI: the losses of one rank with the same micro-batches, checkpoints that either can go on from, a rank that dies.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # OpenMPI keeps what it allocates
if ! command -v mpirun >/dev/null || [ ! -e "$(dirname "$arcface")/libarcface_mpi.so" ]; then
    echo "skipped: no MPI here (libopenmpi-dev, openmpi-bin)"
    exit 77
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
"$arcface" data synth -o "$work/set" --identities 17 --images 8 -q >/dev/null || wrong "no data"
common=(--data "$work/set" --network mbf --dim 32 --loss arcface --scale 16 --batch 32 --micro-batch 16 --rate 2e-5 --log-every 1
    --checkpoint-every 2 --threads 1 --loader-threads 1 -q)

two() {
    mpirun -n 2 "$arcface" train "${common[@]}" "$@" >"$work/out" 2>"$work/stderr" </dev/null
}

# Losses of two logs, largest relative difference below 1e-5. The rate is small: an untrained network multiplies a rounding difference by
# a thousand a step, between instruction sets as between ranks.
same_losses() {
    paste <(grep -oE '"loss": [-0-9.e]+' "$1/log.jsonl" | cut -d' ' -f2) <(grep -oE '"loss": [-0-9.e]+' "$2/log.jsonl" | cut -d' ' -f2) |
        awk 'NF != 2 { bad = 1 } { d = ($1 - $2) / $1; d = d < 0 ? -d : d; if (!(d < 1e-5)) bad = 1; if (d > worst) worst = d }
             END { print NR " losses, worst difference " worst; exit bad || !NR }'
}

expect 0 train "${common[@]}" -o "$work/one" --steps 6
two -o "$work/two" --steps 6 || wrong "two ranks: $(cat "$work/stderr")"
same_losses "$work/one" "$work/two" || wrong "two ranks have other losses"

# 2 -> 1 -> 2. The schedule is that of the whole: constant, so that stopping early changes nothing.
two -o "$work/mixed" --steps 2 --schedule constant || wrong "two ranks: $(cat "$work/stderr")"
expect 0 train "${common[@]}" -o "$work/mixed" --resume --steps 4 --schedule constant
two -o "$work/mixed" --resume --steps 6 --schedule constant || wrong "two ranks again: $(cat "$work/stderr")"
expect 0 train "${common[@]}" -o "$work/alone" --steps 6 --schedule constant
same_losses "$work/alone" "$work/mixed" || wrong "2 -> 1 -> 2 has other losses"

# A rank that dies: the others stop, with its name; then the training goes on.
mpirun -n 2 "$arcface" train "${common[@]}" -o "$work/dies" --steps 200 --schedule constant >"$work/out" 2>"$work/stderr" </dev/null &
launcher=$!
for _ in $(seq 300); do
    compgen -G "$work/dies/step-*.state" >/dev/null && break
    sleep 0.2
done
kill -9 "$(pgrep -P "$launcher" | tail -1)"
wait "$launcher" && wrong "a dead rank is no success"
grep -qE "rank [01]" "$work/stderr" || wrong "the dead rank is not named: $(cat "$work/stderr")"
done_steps=$(ls "$work/dies" | grep -oE 'step-[0-9]+.state' | tail -1 | tr -dc 0-9)
expect 0 train "${common[@]}" -o "$work/dies" --resume --steps $((10#$done_steps + 1)) --schedule constant

# Steps that are not finite: one rank writes them down, once, and all stop.
two -o "$work/nan" --rate 1e30 --clip 0 --stop-after 2 && wrong "a training that is not finite is no success"
grep -qF "steps in a row were not finite" "$work/stderr" || wrong "nothing about steps that are not finite: $(cat "$work/stderr")"
[ "$(ls "$work"/nan/nonfinite-*.json | wc -l)" -eq 2 ] || wrong "not one reproducer a step: $(ls "$work/nan")"
compgen -G "$work/nan/*.part-*" >/dev/null && wrong "two ranks wrote the same file"

# A batch that does not divide.
mpirun -n 2 "$arcface" train "${common[@]}" -o "$work/odd" --batch 9 --micro-batch 3 >/dev/null 2>"$work/stderr" </dev/null && wrong "9 among 2"
grep -q "divide" "$work/stderr" || wrong "nothing about dividing: $(cat "$work/stderr")"
finish
