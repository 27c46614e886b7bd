#!/bin/bash
# The labelled photo pairs of $ARCFACE_DATA/photos/pairs/master.csv through the whole pipeline: accuracy at the best single threshold,
# and every pair on its wrong side.
#   bench/photo_pairs.sh [ARCFACE [EMBED OPTION...]]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
arcface=${1:-$here/build/arcface}
shift $(($# > 0))
data=${ARCFACE_DATA:-$here/../shared/data}
model=${ARCFACE_MODEL:-$data/models/recognition/w600k_mbf_dequantised_fp32.onnx}
detector=${ARCFACE_DETECTOR:-$data/models/detection/scrfd_2.5g_bnkps.onnx}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk -F, 'NR > 1 { print $1; print $2 }' "$data/photos/pairs/master.csv" | sort -u >"$work/names"
mapfile -t photos < <(sed "s|^|$data/photos/pairs/|" "$work/names")
"$arcface" embed "${photos[@]}" --model "$model" --detector "$detector" -q "$@" -o "$work/e.csv"

# Pass 1: rows of the CSV; pass 2: the labelled pairs, as "cosine label a b".
awk -F, 'NR == FNR { if (FNR > 1) { n = split($1, part, "/"); name = part[n]; for (i = 8; i <= NF; i++) e[name, i] = $i; dim = NF; seen[name] = 1 }; next }
    FNR > 1 { sub(/\r$/, ""); if (!($1 in seen) || !($2 in seen)) { print "no face", $3, $1, $2; next }
        ab = aa = bb = 0; for (i = 8; i <= dim; i++) { x = e[$1, i]; y = e[$2, i]; ab += x * y; aa += x * x; bb += y * y }
        printf "%.4f %s %s %s\n", ab / sqrt(aa * bb), $3, $1, $2 }' "$work/e.csv" "$data/photos/pairs/master.csv" >"$work/scores"

# The threshold is the middle of the widest gap that leaves the fewest pairs on the wrong side.
sort -n "$work/scores" | awk '$1 == "no" { skipped++; next } { s[++n] = $1; yes[n] = $2 == "Yes"; total += yes[n] }
    END { wrong = best = n - total; at = s[1] - 0.001; gap = 0
        for (i = 1; i <= n; i++) { wrong += yes[i] ? 1 : -1; here = i < n ? s[i + 1] - s[i] : 0
            if (wrong < best || (wrong == best && here > gap)) { best = wrong; at = i < n ? (s[i] + s[i + 1]) / 2 : s[n] + 0.001; gap = here } }
        printf "%d pairs (%d Yes, %d No), %d without a face; best threshold %.4f: %d wrong, accuracy %.2f %%\n",
            n, total, n - total, skipped, at, best, 100 * (n - best) / n
        print at > "/dev/stderr" }' 2>"$work/threshold"
awk -v t="$(cat "$work/threshold")" '$1 != "no" && ($1 >= t) != ($2 == "Yes") { print "wrong side:", $0 } $1 == "no" { print }' "$work/scores"
