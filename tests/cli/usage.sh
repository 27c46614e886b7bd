#!/bin/bash
# Help, mistakes on the command line, their exit statuses and hints.
. "$(dirname "$0")/lib.sh"

expect 0 --help
says detect align embed verify "eval lfw" "eval pairs" "eval bin" "model info" "model new" convert pull version demo train
mapfile -t commands < <("$arcface" --help | sed -n 's/^  \([a-z][a-z0-9 -]*[a-z0-9]\)  .*/\1/p')
[ ${#commands[@]} -ge 40 ] || wrong "the overview names ${#commands[@]} commands"
for command in "${commands[@]}"; do
    # shellcheck disable=SC2086
    expect 0 $command --help
    says Example: "arcface $command"
    [ "$command" = help ] || says --threads --isa --quiet
    # shellcheck disable=SC2086
    expect 0 help $command
    says Example:
    # shellcheck disable=SC2086
    expect 2 $command --no-such-option
    sentence "unknown option --no-such-option" "arcface $command --help"
done

expect 2
expect 2 verfy a b
sentence 'did you mean "verify"?' "arcface --help"
expect 2 "no-such-thing-at-all"
sentence "unknown command"
expect 2 eval
sentence '"eval lfw"' '"eval pairs"' '"eval bin"' 'or "eval compare";'
expect 2 model inf
sentence 'did you mean "model info"?'
expect 2 --threads 2
expect 2 detect
sentence "PHOTO..."
expect 2 verify a.jpg
sentence "A B"
expect 2 verify a b c
sentence 'unexpected argument "c"'
expect 2 detect x.jpg --thresold 0.5
sentence "did you mean --threshold?"
expect 2 detect x.jpg --threshold
sentence "needs a value"
expect 2 detect x.jpg --threshold 7
sentence "from 0.001 to 1"
expect 2 detect x.jpg --threshold 0.5x
expect 2 detect x.jpg --json=1
sentence "takes no value"
expect 2 detect x.jpg --threads 0
expect 2 detect x.jpg --threads 1e3
expect 2 detect x.jpg -z
sentence "unknown option -z"
expect 2 version --isa pentium
sentence pentium
expect 2 align x.jpg
sentence "-o FOLDER"
expect 2 align x.jpg -o "$work/out" --template 113
expect 2 align x.jpg -o "$work/out" --warp sideways
expect 2 embed x.jpg
expect 2 embed x.jpg -o out.xyz
sentence "--format"
expect 2 eval lfw --images x
expect 2 model new r18
expect 2 model new r19 -o "$work/x.onnx"
sentence r19 r18
expect 2 model new r18 -o "$work/x.onnx" --seed -3
expect 2 convert x.onnx -o x.txt
expect 2 pull
expect 2 pull bufalo_s
sentence 'did you mean "buffalo_s"?'
expect 2 pull buffalo_s
grep -qF -- --accept-license <<<"$err" || wrong "pull without a terminal does not name --accept-license: $err"
says licence non-commercial

expect 3 detect x.jpg
sentence "arcface pull buffalo_s" "--detector"
expect 3 verify a.jpg b.jpg
sentence "arcface pull buffalo_s" "--model"
expect 0 version
says "arcface 0."
expect 0 --version
expect 0 version --features --threads 1 --isa generic
says generic
opsets=$(sed -nE 's/^#define ARC_ONNX_(MIN|MAX)_OPSET //p' "$source_dir/src/format/onnx/onnx_internal.h" | paste -sd' ' | sed 's/ / to /')
says "opset $opsets "
grep -qE "opset $opsets[,)]" "$source_dir/README.md" || wrong "README.md tells other opsets than $opsets"
expect 0 pull --list
says buffalo_l buffalo_s antelopev2 yunet non-commercial
finish
