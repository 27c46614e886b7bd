#!/bin/bash
# The demo of a machine without models and data, with little drawn and learnt: the whole way, and the page at its end.
. "$(dirname "$0")/lib.sh"

# In an empty folder far from the sources: the recipe is found beside the program.
cd "$work" || exit 1
unset ARCFACE_RECIPES
mkdir -p "$work/demo/run" && echo "an earlier demo's" >"$work/demo/run/step-00000010.state"
expect 0 demo --drawn --quick -o "$work/demo" -q
says "1. draw" "2. train" "3. evaluate" "4. export" "5. verify" "6. gallery" "7. report" "report.html"
for file in 1-people.jpg 4-tiny.onnx 5-verify-one.jpg 5-verify-two.jpg report.html run-2/log.jsonl synth/train.rec; do
    [ -s "$work/demo/$file" ] || wrong "$file is missing"
done
expect 0 model info "$work/demo/4-tiny.onnx"
grep -q "</html>" "$work/demo/report.html" || wrong "the page is not whole"
grep -q "accuracy, mean and deviation over folds" "$work/demo/report.html" || wrong "the evaluation is not on the page"
expect 3 train --recipe tiny-synths --data "$work/demo/synth" -o "$work/none"
sentence tiny-synths ARCFACE_RECIPES
# The same where it was installed, wherever that is.
prefix=$work/prefix
mkdir -p "$prefix/bin" "$prefix/share/arcface" && cp "$arcface" "$prefix/bin" && cp -r "$source_dir/recipes" "$prefix/share/arcface"
arcface=$prefix/bin/arcface expect 0 train --recipe tiny-synth --show
says '"network": "tiny"'
expect 3 demo --data "$work/nowhere"
sentence nowhere
finish
