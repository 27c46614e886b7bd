#!/bin/bash
# The demo of a machine without models: it does the whole path on drawn faces and says what it is.
. "$(dirname "$0")/lib.sh"

cd "$work" || exit 1
expect 0 demo --drawn -o "$work/pictures" -q
says "UNTRAINED" "arcface pull buffalo_s" "1. draw" "2. align" "3. embed" "4. verify" "5. protocol"
for picture in 2-align.png 4-verify-same.jpg 4-verify-different.jpg; do
    [ -s "$work/pictures/$picture" ] || wrong "$picture is missing"
done
expect 3 demo --data "$work/nowhere"
sentence nowhere
finish
