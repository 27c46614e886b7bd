#!/bin/bash
# Packs from a folder: asking, refusing, and what is left behind.
. "$(dirname "$0")/lib.sh"
mkdir "$work/mirror"

expect 2 pull buffalo_sc --from "$work/mirror"
grep -qF -- --accept-license <<<"$err" || wrong "no word about --accept-license: $err"
expect 3 pull buffalo_sc --from "$work/mirror" --accept-license -q
sentence buffalo_sc
echo "not a zip" >"$work/mirror/buffalo_sc.zip"
expect 3 pull buffalo_sc --from "$work/mirror" --accept-license -q
sentence 57d31b56
[ -z "$(find "$work/cache" -name '*.onnx' 2>/dev/null)" ] || wrong "a refused pack was unpacked"
expect 3 model info buffalo_sc
sentence "arcface pull buffalo_sc"
expect 3 pull buffalo_sc --verify
finish
