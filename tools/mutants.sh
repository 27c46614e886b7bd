#!/bin/bash
# Proof that the tests can fail: small faults, one at a time, seeded into a copy of the tree, at least one for each family of kernels and each
# rule of the protocols, several into the steps of training. The tests of the family must notice each.
#   tools/mutants.sh [-q | --dry] [NAME...]     NAME: the faults whose name holds one of these
#     -q     three quick ones, for .ci/run
#     --dry  builds nothing: each fault still changes its file, and the tests named for it exist (seconds; a test of the suite)
# Exit status 0 only when every fault was noticed (--dry: could be seeded); 77 when none could be tried here.
set -uo pipefail
cd "$(dirname "$0")/.."
quick=no dry=no
case ${1:-} in
-q)
    quick=yes
    shift
    ;;
--dry)
    dry=yes
    shift
    ;;
esac
wanted=("$@")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
noticed=0 missed=0 broken=0 skipped=0 seeded=0

prepare() {
    git ls-files -z --cached --others --exclude-standard -- CMakeLists.txt LICENSE cmake include src web tests tools bench examples | xargs -0 cp --parents -t "$root"
    cmake -S "$root" -B "$root/build" -G Ninja >"$root/log" 2>&1 || { tail -20 "$root/log"; exit 1; }
}

# is_wanted NAME
is_wanted() {
    local part
    [ $quick = no ] || case $1 in igemm-first-k | winograd-in-2 | add-past-end) ;; *) return 1 ;; esac
    [ ${#wanted[@]} -eq 0 ] && return 0
    for part in "${wanted[@]}"; do [[ $1 == *"$part"* ]] && return 0; done
    return 1
}

# seedable NAME FILE TESTS SED
seedable() {
    local name=$1 file=src/$2 tests=$3 program=$4 test why=
    if [ ! -e "$file" ]; then
        why="there is no $file"
    elif sed "$program" "$file" | cmp -s - "$file"; then
        why="nothing in $file is as the fault expects"
    fi
    for test in $tests; do
        [ -e "tests/unit/test_$test.c" ] || why="there is no tests/unit/test_$test.c"
    done
    if [ -z "$why" ]; then
        seeded=$((seeded + 1))
        return
    fi
    broken=$((broken + 1))
    echo "BROKEN   $name: $why"
}

# mutant NAME FILE FEATURE TESTS SED: FEATURE of /proc/cpuinfo that runs the changed line, - for none.
mutant() {
    local name=$1 file=$root/src/$2 feature=$3 tests=$4 program=$5 test by= under
    is_wanted "$name" || return
    if [ $dry = yes ]; then
        seedable "$name" "$2" "$tests" "$program"
        return
    fi
    if [ "$feature" != - ] && ! grep -qw "$feature" /proc/cpuinfo; then
        skipped=$((skipped + 1))
        echo "skipped  $name: this processor has no $feature"
        return
    fi
    cp "$file" "$root/kept"
    sed -i "$program" "$file"
    if cmp -s "$file" "$root/kept"; then
        broken=$((broken + 1))
        echo "BROKEN   $name: nothing in $2 is as the fault expects"
        return
    fi
    for test in $tests; do
        if ! cmake --build "$root/build" -j "$(nproc)" --target "test_$test" >"$root/log" 2>&1; then
            broken=$((broken + 1))
            echo "BROKEN   $name does not compile: $(grep -m1 -a 'error:' "$root/log")"
            by=- && break
        fi
        # Out of memory or time counts as noticed, too.
        under=()
        [ "$test" = gallery_postgres ] && under=(tests/postgres.sh run)
        [ "$test" = gallery_qdrant ] && under=(tests/qdrant.sh run)
        [ "$test" = gallery_vectors ] && under=(tests/postgres.sh run --pgvector)
        (ulimit -c 0; cd "$root" && ARCFACE_CACHE=$root/cache timeout 120 "${under[@]}" "build/tests/test_$test") >"$root/log" 2>&1
        case $? in
        0) continue ;;
        77) by=nobody && continue ;; # it cannot run here
        *) by=$test ;;
        esac
        break
    done
    cp "$root/kept" "$file"
    case $by in
    -) ;;
    nobody)
        skipped=$((skipped + 1))
        echo "skipped  $name: $(tail -1 "$root/log")"
        ;;
    '')
        missed=$((missed + 1))
        echo "MISSED   $name: $tests passed"
        ;;
    *)
        noticed=$((noticed + 1))
        echo "noticed  $name, by $by"
        ;;
    esac
}

[ $dry = yes ] || prepare
K="kernels_multiply conv winograd"
mutant igemm-first-k kernel/simd/gemm.h - "$K" 's/for (size_t k = 0; k < kc; k++, b += IGEMM_NR) {/for (size_t k = kc > 9; k < kc; k++, b += IGEMM_NR) {/'
mutant igemm-slope-half kernel/simd/gemm.h - "$K" 's/slope1 = slope ? v_load(slope + VL) : flat/slope1 = slope ? v_load(slope) : flat/'
mutant igemm-residual kernel/simd/gemm.h - "$K" 's/        if (e->residual) {/        if (e->residual \&\& !e->bias) {/'
mutant igemm-past-row kernel/simd/epilogue.h - "kernels $K" 's/return width == VL ? v_load(p) : v_load_n(p, width);/return v_load(p);/'
mutant igemm-generic kernel/generic/gemm.c - "$K" 's/acc\[i\]\[j\] += x \* b\[j\];/acc[i][j] += k == 7 ? 0 : x * b[j];/'
mutant bf16-pair-order kernel/generic/pack.c avx512_bf16 "$K" 's/row, i % 2, panel/row, (i + 1) % 2, panel/'
mutant bf16-last-value kernel/x86/bf16_avx512.c avx512_bf16 "kernels $K" 's/v_mask(n - i), (__m256i)/v_mask(n - i - 1), (__m256i)/'
mutant int8_igemm-tail kernel/x86/int8_igemm_avx512.c avx512_vnni kernels_multiply 's/for (size_t q = width; q > 0; q--)/for (size_t q = width; q > 1; q--)/'
mutant int8_igemm-avx2 kernel/x86/int8_igemm_avx2.c avx2 kernels_multiply 's/for (size_t k = 0; k < kc; k += 4, b += NR \* 4)/for (size_t k = 0; k + 4 < kc; k += 4, b += NR * 4)/'
mutant int8_igemm-generic kernel/generic/gemm.c - kernels_multiply 's/kc - g \* 4 < 4 ? kc - g \* 4 : 4;/kc - g * 4 < 4 ? 1 : 4;/'
mutant f16-even kernel/generic/f16.c - kernels_multiply 's/0xfff + (bits >> 13 \& 1)/0xfff + (bits >> 14 \& 1)/'
mutant requantize-mid kernel/simd/int8_requantize.h - kernels_int8 's/v_clamp(v, mid_lo, mid_hi)/v_clamp(v, mid_lo, quantize_hi)/'
mutant requantize-nan kernel/registers/x86.h avx512f kernels_int8 's/V(max_ps)(x, lo)/V(max_ps)(lo, x)/'
mutant int8_dwconv-pair kernel/x86/int8_requantize_avx512.c avx512f kernels_int8 's/pair = t + 1 < taps;/pair = t + 2 < taps;/'
mutant gemm-tn kernel/simd/tn.h - kernels_learn 's/hi##i = v_fma(x, b1, hi##i);/hi##i = v_fma(x, b0, hi##i);/'
mutant norm-square kernel/simd/learn.h - kernels_learn 's/q\[r\] = v_fma(d, d, q\[r\]);/q[r] = v_fma(d, s[r], q[r]);/'
mutant half-lane kernel/x86/half_avx512.c avx512_bf16 kernels_learn 's/q \& 2 ? v_swap2(x)/q \& 2 ? v_swap1(x)/'
mutant dwconv-rows kernel/simd/gemm.h - "$K" 's/v_load_w(x\[(i)\*taps + t\] + j, width), f/v_load_w(x[((i) == 2 ? 3 : (i))*taps + t] + j, width), f/'
mutant groupconv-lane kernel/simd/gemm.h - "$K" 's/v_fma(v_swap2(swapped), f3/v_fma(swapped, f3/'
mutant winograd-in-2 kernel/simd/winograd.h - "$K" 's/o\[2\] = v_sub(d\[2\], d\[1\]);/o[2] = v_sub(d[1], d[2]);/'
mutant winograd-in-4 kernel/simd/winograd.h - "$K" 's/five = v_set1(5)/five = v_set1(5.0001f)/'
mutant winograd-out-4 kernel/simd/winograd.h - "$K" 's/v_fma(v_set1(8), d, b)/v_fma(v_set1(8), d, a)/'
mutant winograd-out-cut kernel/simd/winograd.h - "$K" 's/for (size_t c = 0; c < cols; c++) {/for (size_t c = 0; c < (cols > 3 ? 3 : cols); c++) {/'
mutant winograd-weights kernel/generic/winograd.c - "$K" 's/{1.0 \/ 4, /{1.0 \/ 4.001, /'
mutant winograd-padding op/conv/winograd_blocks.c - winograd 's/y >= b->h/y > b->h/'
mutant winograd-last-block op/conv/winograd_blocks.c - winograd 's/tiles = ARC_MIN(b->block_tiles, job->all - first)/tiles = ARC_MIN(b->block_tiles, job->all - first + 1)/'
mutant epilogue-clip kernel/simd/epilogue.h - "kernels $K" 's/return v_min(hi, v_max(lo, x));/return v_max(lo, x);/'
mutant exp-constant kernel/simd/smooth.h - kernels 's/0x1\.555556p-3f/0x1.555756p-3f/'
mutant gelu-constant kernel/simd/smooth.h - kernels_rows 's/-3\.63875781e-02f/-3.63975781e-02f/'
mutant gelu-tanh-sign kernel/simd/smooth.h - kernels_rows 's/v_if_negative(u, e, v_set1(1.0f))/v_set1(1.0f)/'
mutant erf-sign kernel/simd/smooth.h - kernels_rows 's/return v_if_negative(x, v_sub(v_zero(), size), size);/return size;/'
mutant gelu-residual kernel/simd/epilogue.h - kernels_rows 's/v = residual ? v_add/v = residual \&\& !e->bias ? v_add/'
mutant layer-norm-tail kernel/simd/normalise.h - kernels_rows 's/v_load_or_n(x + i, w, c), c)/v_load_n(x + i, w), c)/'
mutant layer-norm-long kernel/simd/normalise.h - kernels_rows 's/i += SUM_FLOATS/i += 2 * SUM_FLOATS/'
mutant layer-norm-epsilon kernel/generic/normalise.c - kernels_rows 's/(double)n + (double)l->epsilon/(double)n/'
mutant softmax-tail kernel/simd/normalise.h - kernels_rows 's/v_load_or_n(x + j, w, none), most/v_load_n(x + j, w), most/'
mutant softmax-scale kernel/simd/normalise.h - kernels_rows 's/most), s));/most), v_set1(1.0f)));/'
mutant matmul-even-tiles op/dense/gemm.c - transformers 's/(tile + 1) \* g->m \/ g->tiles - i0/(tile + 1) * g->m \/ g->tiles - i0 - (tile == 2)/'
mutant matmul-blocks op/dense/gemm.c - transformers 's/tile = first + (within/tile = (within/'
mutant matmul-scaled-bias pass/matmul.c - transformers 's/if (!add \&\& has_bias)/if (add \&\& has_bias)/'
mutant matmul-broadcast op/dense/gemm.c - transformers 's/arc_loop_add(\&l, \&s->in\[ARC_CONV_RESIDUAL\]);/arc_loop_add(\&l, \&tensor);/'
mutant transpose-view plan/layout.c - transformers 's/from_rows\[4\] = {0, 3, 1, 2}/from_rows[4] = {0, 3, 2, 1}/'
mutant attention-tiles op/attention/heads.c - transformers 's/(tile + 1) \* length \/ a->tiles - i0/(tile + 1) * length \/ a->tiles - i0 - (tile == 1)/'
mutant attention-value-panel op/attention/heads.c - transformers 's/values_of + p \* nr \* keys, y/values_of, y/'
mutant attention-bias op/attention/heads.c - transformers 's/(i0 + (int64_t)i) \* a->bias_stride\[2\]/i0 * a->bias_stride[2]/'
mutant attention-index pass/attention.c - transformers 's/o->index = index;/o->index = 0;/'
mutant attention-divisor op/attention/fused.c - transformers 's/a.scale \/ v : a.scale \* v/a.scale * v : a.scale * v/'
mutant unread-steps plan/activations.c - transformers 's/ps->in\[k\].index\].block.last = i;/ps->in[k].index].block.last = 0;/'
mutant attention-group op/attention/attention.c - transformers 's/a->q.heads \/ a->k.heads,/1 + a->q.heads \/ a->k.heads,/'
mutant spelt-gelu-half pass/spelt.c - transformers 's/number == 0\.5f \&\& !p->has_half/!p->has_half/'
mutant spelt-norm-axis pass/spelt.c - transformers 's/axes->ints\[0\] == -1/axes->ints[0] != 0/'
mutant sigmoid-sign kernel/simd/slots.h - kernels 's/v_if_negative(v, e, one)/v_if_negative(v, one, e)/'
mutant winograd-rounded kernel/x86/half_avx512.c avx512_bf16 kernels_learn 's/store_half(v + (size_t)(r \* n + c)/store_half(v + (size_t)(c * n + r)/'
mutant add-past-end kernel/simd/slots.h - kernels 's/v_store_w(y + i, w, v_add(/v_store_w(y + i, VL, v_add(/'
mutant mul-twice kernel/simd/slots.h - kernels 's/v_mul(v_load_w(a + i, w), v_load_w(b + i, w))/v_mul(v_load_w(a + i, w), v_load_w(a + i, w))/'
mutant dot-part kernel/simd/slots.h - kernels 's/v_load(b + i + 2 \* VL), s2/v_load(b + i + VL), s2/'
mutant rows-max kernel/simd/slots.h - kernels 's/for (size_t t = 1; t < taps; t++)/for (size_t t = 2; t < taps; t++)/'
mutant rows-mean kernel/simd/slots.h - kernels 's/v_store_w(y + j, w, v_mul(f, sum));/v_store_w(y + j, w, sum);/'
mutant scale-shift kernel/simd/slots.h - kernels 's/v_load_w(scale + j, w), v_load_w(shift + j, w)/v_load_w(shift + j, w), v_load_w(scale + j, w)/'
mutant transpose kernel/generic/slots.c - kernels 's/y\[c \* y_stride + r\] = x\[r \* x_stride + c\]/y[c * y_stride + r] = x[r * x_stride + c - (c == 17)]/'
mutant pack-scale kernel/generic/pack.c - "$K" 's/to\[j\] \*= scale_n\[j0 + j\];/to[j] *= scale_n[j];/'
mutant conv-same-lower op/conv/geometry.c - conv 's/total \/ 2 : total - total \/ 2/total - total \/ 2 : total \/ 2/'
mutant conv-by-thread op/conv/conv.c - "conv threads" 's/listed != item \/ panels/listed == SIZE_MAX/'
mutant gemm-last-column op/dense/gemm.c - gemm 's/ARC_MIN(nr, g->n - j0), floats/ARC_MIN(nr, g->n - j0 - (j0 > 0)), floats/'
mutant plan-by-threads op/conv/winograd.c - plan_cache 's/r\.macs \/ rise \/ r\.threads/r.macs \/ rise \/ r.threads \/ arc_pool_threads(p->step->pool) * 2/'
mutant place-together plan/place.c - graph 's/o->first <= b->last/o->first < b->last/'
mutant copy-shares-data graph/copy.c - graph 's/how->data(how->arg, index)/v->data/'
mutant view-moves op/shape/shape.c - ops 's/\.run = arc_transpose_run/.run = arc_transpose_run, .view = true/'
mutant in-place-after-write op/elementwise/unary.c - ops 's/to\[i\] = sqrtf(from\[i\])/to[i] = sqrtf(from[i > 0 ? i - 1 : 0])/'
mutant statistics-learn op/norm/norm.c - "graph learn" 's/\.statistic_inputs = ARC_INPUT(3) | ARC_INPUT(4)/.statistic_inputs = 0/'
mutant record-checksum plan/cache.c - plan_cache 's/ && memcmp(text, sum, bytes) == 0//'
mutant record-owner plan/cache.c - plan_cache 's/ || memcmp(text + strlen("owner "), owner, strlen(owner)) != 0//'
mutant pool-last-tile base/pool.c - base 's/ARC_MIN(from->end, begin + pool->grain)/begin + pool->grain/'
# Files.
mutant file-unsynced base/writer.c - files 's/ \&\& arc_sys_sync(w->fd) != 0)/ \&\& arc_sys_sync(w->fd) == 77)/'
mutant file-broken base/writer.c - files 's/w->broken ? incomplete(w, err) : writer_flush(w, err)/writer_flush(w, err)/'
mutant file-half-append base/append.c - files 's/(void)arc_sys_truncate(file->fd, (off_t)file->bytes);/(void)file->bytes;/'
mutant file-half-listing base/folder.c - files 's/st == ARC_OK \&\& errno != 0/st == ARC_OK \&\& errno == 9999/'
mutant store-checksum base/store.c - store 's/a->count \* NUMBER_BYTES) != a->crc/a->count * NUMBER_BYTES) == a->crc + 1/'
# Pictures: colour profiles, frames, orientation.
mutant colour-primaries image/colour.c - colours 's/if (known_primaries\[i\].code == says->primaries)/if (known_primaries[i].code > says->primaries)/'
mutant colour-linear image/colour.c - colours 's/        return value;/        return value * value;/'
mutant colour-srgb-kept image/icc.c - colours 's/    if (!is_srgb(profile))/    if (profile)/'
mutant colour-any-is-srgb image/icc.c - colours 's/#define SRGB_COLOURANT 0.0025/#define SRGB_COLOURANT 1/'
mutant colour-ink-sense image/icc.c - colours 's/TYPE_CMYK_8 : TYPE_CMYK_8_REV/TYPE_CMYK_8_REV : TYPE_CMYK_8/'
mutant colour-table-bytes image/icc.c - colours 's/if (bytes > TABLE_BYTES_MAX)/if (bytes == 1)/'
mutant colour-deep image/image.c - "containers colours" 's/pixel\[c\] = arc_to_8(row\[c\], 65535)/pixel[c] = (uint8_t)(row[c] >> 8)/'
mutant film-clear image/film.c - frames 's/f->last.dispose == ARC_DISPOSE_CLEAR/f->last.dispose == ARC_DISPOSE_BACK/'
mutant film-back image/film.c - frames 's/else if (f->last.dispose == ARC_DISPOSE_BACK)/else if (f->canvas == NULL)/'
mutant film-blend image/film.c - frames 's/b = under\[3\] \* (255 - a)/b = under[3] * 255/'
mutant film-png-still image/apng.c - frames 's/a->next = 1; /a->next = 0; /'
mutant film-webp-blend image/webp_film.c - frames 's/i->blend_method == WEBP_MUX_BLEND/i->blend_method != WEBP_MUX_BLEND/'
mutant turn-transpose image/orient.c - containers 's/bool swap = orientation >= 5;/bool swap = orientation >= 6;/'
mutant turn-mirror image/orient.c - containers 's/orientation == 3 || orientation == 4 || orientation == 6/orientation == 3 || orientation == 4 || orientation == 5/'
mutant turn-twice-jxl image/jxl.c - containers 's/JxlDecoderSetKeepOrientation(decoder, JXL_TRUE)/JxlDecoderSetKeepOrientation(decoder, JXL_FALSE)/'
mutant turn-not-heif image/heif.c - containers 's/ignore_transformations = !d->want_orientation/ignore_transformations = d->want_orientation/'
mutant film-heif-number image/heif.c - frames 's/++number == d->frame/number++ == d->frame/'
mutant colour-exif image/orient.c - colours 's/memcmp(entry->data, "R03", 3) == 0/memcmp(entry->data, "R98", 3) == 0/'
# Second looks.
mutant turn-side face/detect/upright.c - looks 's/turns == 1 ? v : turns == 2 ? last_x - u/turns == 3 ? v : turns == 2 ? last_x - u/'
mutant turn-index face/detect/upright.c - looks 's/last_x = (float)(width_px - 1)/last_x = (float)width_px/'
mutant upright-turned face/detect/upright.c - looks 's/return fabsf(y) <= LEANING \* -x;/return fabsf(y) <= LEANING * x;/'
mutant doubt-landmarks face/detect/upright.c - looks 's/ || !arc_face_upright(face);/;/'
mutant doubt-score face/detect/upright.c - looks 's/face->score < arc_usual_score(kind) || /face->score < arc_usual_score(kind) \/ 9 || /'
mutant merge-weaker face/detect/upright.c - looks 's/ || other->score > face->score;/ || other->score > 0;/'
mutant merge-lying face/detect/upright.c - looks 's/bool wins = arc_face_upright(t);/bool wins = true;/'
mutant add-known face/detect/upright.c - looks 's/is_new = k == before/is_new = true/'
mutant window-last face/detect/again.c - looks 's/score\[t\] > score\[\*turns\] \&\& //'
mutant add-small face/detect/upright.c - looks 's/is_small(\&faces->face\[k\], small_px)/is_small(\&faces->face[k], 9 * small_px)/'
mutant border-none face/detect/again.c - looks 's/turn_all(a, 0, true, err)/turn_all(a, 1, true, err)/'
mutant border-coarse face/detect/again.c - looks 's/a->faces->face\[0\].turned_degrees \/ 90 : 0/0 : 0/'
mutant tiles-step face/detect/again.c - looks 's/i % x->tiles \* x->step_px/i % x->tiles * x->step_px \/ 2/'
mutant tiles-crowd face/detect/again.c - looks 's/return small == faces->count || (all .*;/return faces->count == 0 || (all \&\& small == 77);/'
# The protocols.
mutant eval-first-best eval/protocol/verification.c - eval 's/if (k == 0 || correct > most)/if (k == 0 || correct >= most)/'
mutant eval-strict eval/protocol/verification.c - eval 's/right += (j->dist\[i\] < threshold)/right += (j->dist[i] <= threshold)/'
mutant eval-strict-far eval/protocol/verification.c - eval 's/+= j->dist\[i\] < at_far/+= j->dist[i] <= at_far/'
mutant eval-strict-grid eval/protocol/verification.c - eval 's/while (k < n \&\& !(dist < k \* step))/while (k < n \&\& !(dist <= k * step))/'
mutant eval-fold-rest eval/protocol/verification.c - eval 's/ARC_MIN(f, pairs % folds)/ARC_MAX(0, f - folds + pairs % folds)/'
mutant eval-own-fold eval/protocol/verification.c - eval 's/best_coarse(\&j->all, \&j->fold\[f\])/best_coarse(\&j->all, NULL)/'
mutant eval-far-left-end eval/protocol/verification.c - eval 's/if ((double)accepted \/ total > target)/if ((double)accepted \/ total >= target)/'
mutant eval-deviation eval/protocol/verification.c - eval 's/sqrt(squares \/ n)/sqrt(squares \/ (n - 1))/'
mutant eval-facenet-folds eval/protocol/verification.c - curves 's/share(sum\[0\], total\[0\]) \/ v->folds/share(sum[0], j->out->impostor)/'
mutant generate-pair-sides generate/metrics/pairs.c - generate_eval 's/score(s, g\[k\], r\[1 - k\]/score(s, g[k], r[k]/'
mutant generate-threshold generate/metrics/pairs.c - generate_eval 's/if (\*threshold < 0)/if (true)/'
mutant template-at-threshold generate/templates/trial.c - template_audit 's/accepted += c >= threshold/accepted += c > threshold/'
mutant template-protected-owner generate/templates/audit.c - template_audit 's/arc_trial_run(w->ctx, face, w->target, a->rebuilt, a->dim, a->threshold, NULL, \&a->unkeyed/arc_trial_run(w->ctx, face, hidden, a->rebuilt, a->dim, a->threshold, NULL, \&a->unkeyed/'
mutant frechet-rows vector/frechet.c - frechet 's/sqrt((double)(s->rows - 1))/sqrt((double)s->rows)/'
mutant frechet-pivot vector/frechet.c - frechet 's/if (!(variance > least))/if (!(variance > 0))/'
mutant index-error vector/search/quantise.c - index 's/error\[i % LANES\] += left \* left/error[i % LANES] += 0 * left/'
mutant index-ties vector/search/ranking.c - index 's/a->id < b->id/a->id > b->id/'
mutant index-owners vector/search/shortlist.c - index 's/    if (s->by_owner)/    if (false)/'
mutant index-run vector/search/id_table.c - index 's/>= ((at - hole) \& mask)/> ((at - hole) \& mask) + 1/'
mutant index-memory vector/search/blocks.c - index_memory 's/b->pieces \* b->piece_bytes +/b->pieces +/'
mutant index-zero vector/search/scan.c - index 's/out->zero\[j\] = 128 \* sum/out->zero[j] = 127 * sum/'
mutant index-checksum vector/search/checksum.c - index_file 's/crc\[at\] != g.code_crc\[at\]/false/'
mutant index-removed vector/search/save.c - index_file 's/i < f->touches; i++)$/i + 1 < f->touches; i++)/'
mutant index-other vector/search/save.c - index_file 's/ \&\& r.version == x->file.version//'
mutant index-sketch vector/search/sketch.c - index 's/bias = 8 \* ones/bias = 0 * ones/'
mutant scan-vnni kernel/x86/scan_avx512.c - kernels_scan 's/vpdpbusd %2, %1, %0/vpdpbusd %1, %2, %0/'
mutant protect-order vector/protect.c - protect 's/const size_t k = r->back ? step/const size_t k = !r->back ? step/'
mutant protect-counter vector/protect.c - protect 's/nonce, at \* 8 \/ 64, seed/nonce, 0, seed/'
mutant eval-auc-ties eval/stats/curve.c - "eval curves" 's/0\.5 \* (double)genuine/(double)genuine/'
mutant eval-nearest-of-equals eval/stats/curve.c - "curves templates" 's/if (off > b->nearest\[i\])/if (off >= b->nearest[i])/'
mutant eval-far-not-above eval/stats/curve.c - curves 's/if (far <= c->operating/if (far < c->operating/'
mutant eval-eer eval/stats/curve.c - "eval curves" 's/before \/ (before - after) \*/0.5 */'
mutant eval-wilson eval/stats/rates.c - curves 's/z2 \/ (4 \* n \* n)/z2 \/ (2 * n * n)/'
mutant eval-sort-range eval/stats/sort.c - curves 's/pairs % p->chunks)/pairs % p->chunks - (p->chunks > 3))/'
mutant eval-sort-digit eval/stats/sort.c - curves 's/differs >> shift \& (DIGITS - 1)/differs >> shift \& (DIGITS - 2)/'
mutant eval-match-second eval/protocol/template_pairs.c - templates 's/find_row(m, p\[1\])/find_row(m, p[i % 4096 ? 1 : 0])/'
mutant eval-block-column vector/similarity.c - searches 's/row, (int)m, p->first + j,/row, (int)m, j,/'
mutant eval-mate-ties eval/protocol/identify.c - searches 's/if (x >= own && /if (x > own \&\& /'
mutant eval-mate-twice eval/protocol/identify.c - searches 's/ && s->counted\[p\] != owner//'
mutant eval-mate-best eval/protocol/identify.c - gallery_rates 's/ARC_MAX(s->mate_score\[p\], x)/x/'
mutant cohort-half gallery/decide/cohort.c - cohort 's/ identity.deviation) \/ 2;/ identity.deviation);/'
mutant cohort-itself gallery/cohort_rule.c - cohort 's/count, from, &none/count, -1, \&none/'
mutant cohort-own gallery/decide/decide.c - cohort 's/ && !(m->cosine < m->own_threshold)//'
mutant cohort-fusion gallery/normalise.c - cohort 's/arc_fuse(n->fusion,/arc_fuse(ARC_FUSE_MAX,/'
mutant eval-fpir-count eval/protocol/identify.c - searches 's/if (s->mate\[p\] < 0)/if (s->mate[p] < 1)/'
mutant eval-fpir-rank eval/protocol/identify.c - searches 's/(size_t)ceil((double)probes \* wrong_targets\[k\])/(size_t)((double)probes * wrong_targets[k])/'
mutant eval-fpir-strict eval/protocol/identify.c - searches 's/(double)s->mate_score\[p\] > threshold/(double)s->mate_score[p] >= threshold/'
mutant eval-media-mean eval/protocol/templates.c - templates 's/p->sum\[k\] \/ p->pictures/p->sum[k]/'
mutant eval-media-weight eval/protocol/templates.c - templates 's/feature\[k\] \* (float)weight/feature[k]/'
mutant eval-seed eval/stats/bootstrap.c - uncertainty 's/arc_rng_seed(\&rng, seed,/arc_rng_seed(\&rng, 1,/'
mutant eval-drawn-twice eval/stats/bootstrap.c - uncertainty 's/(double)times\[p->a\] \* times\[p->b\]/times[p->a] + times[p->b]/'
mutant eval-mcnemar eval/stats/compare.c - uncertainty 's/k <= few/k < few/'
mutant eval-held-out eval/stats/compare.c - uncertainty 's/right(a, f, i)/right(a, 0, i)/'
mutant eval-drawn-pairs eval/protocol/sampled_pairs.c - curves 's/for (d->pairs = 0; d->pairs < want; d->next++)/for (d->pairs = 0, d->next = 0; d->pairs < want; d->next++)/'
mutant probe-close eval/probe/probe.c - probe 's/close |= t->behind.low <= 0/close |= t->behind.high < 0/'
mutant probe-alike eval/probe/probe.c - probe 's/if (t->alike)/if (false)/'
mutant eval-search-far eval/stats/calibrate.c - templates 's/-expm1(log1p(-fpir) \/ (double)gallery)/fpir \/ (double)gallery/'
# Training.
mutant exchange-gap train/run/exchange.c - exchange 's/e->open.n += room;/e->open.n += p->count;/'
mutant sgd-momentum train/trainer/optimiser.c - steps 's/m\[i\] = momentum \* m\[i\] + d;/m[i] = d;/'
mutant decay-norms train/trainer/step.c - steps 's/p->decays || t->recipe\.decay_all/p->decays/'
mutant decay-centres train/trainer/open.c - steps 's/r->decay_head ? r->decay : 0/0/'
mutant clip-off train/trainer/step.c - steps 's/step\.factor = t->recipe\.clip/step.factor = out->norm/'
mutant schedule-late train/trainer/schedule.c - steps 's/step >= s->milestone/step > s->milestone/'
mutant statistic-stale train/trainer/step.c - steps 's/ + t->stat_sum\[i\]\[k\] \* share;/;/'
mutant adaface-stale train/head/margin.c - steps 's/state->norm_deviation += m->norm_average/state->norm_deviation += 0/'
mutant adaface-mean train/head/margin.c - steps 's/state->norm_mean += m->norm_average/state->norm_mean += 0/'
mutant curricular-stale train/head/margin.c - steps 's/state->curriculum += CURRICULUM_AVERAGE/state->curriculum += 0/'
mutant subcenter-skipped train/head/tile.c - steps 's/for (size_t k = 1; k < centres; k++)/for (size_t k = 2; k < centres; k++)/'
# Devices and what tests are held against.
mutant upload-skipped run/session.c - device 's/s->x\.device->upload(/if (!to) s->x.device->upload(/'
mutant sync-ignored run/session.c - device 's/const arc_status st = device->sync(&s->x, err);/const arc_status st = ARC_OK;/'
mutant reference-pads device/reference/conv.c - onnx_nodes 's/return less_before ? total \/ 2/return !less_before ? total \/ 2/'
mutant reference-variance device/reference/norm.c - learn_layers 's/\*variance += apart \* apart \/ count/*variance += apart * apart \/ (count - 1)/'
mutant frozen-kept op/conv/conv_learn.c - learn_steps 's/keeps\[0\] = !s->weight->frozen/keeps[0] = true/'
# Exports and archives.
mutant archive-empty-head deploy/archive/config.c - archive 's/"EmbeddingsParser") == 0 \&\& count != 1/"EmbeddingsParser") == 0 \&\& count > 1/'
mutant archive-order deploy/archive/crossed.c - archive 's/c\.bgr ? "RGB" : "BGR", 3/c.bgr ? "BGR" : "RGB", 3/'
mutant archive-bomb deploy/archive/open.c - archive 's/if (r->unpacked > most || r->unpacked > ARC_ARCHIVE_MAX_BYTES)/if (r->unpacked > ARC_ARCHIVE_MAX_BYTES)/'
mutant archive-layout deploy/archive/config.c - archive 's/planes ? second : last/planes ? last : second/'
mutant spell-gelu deploy/spell.c - export_graphs 's/number(w, M_SQRT2)/number(w, 2)/'
mutant spell-norm-axis deploy/spell.c - export_graphs 's/for (int64_t a = axis; a < 0/for (int64_t a = -1; a < 0/'
mutant farthest-nearest vector/farthest.c - farthest 's/ARC_MAX(c->cosine\[i\], cosine)/cosine/'
mutant archive-anchors deploy/archive/nnarchive.c - archive 's#/ cells));#/ cells / 2));#'
mutant spell-gate deploy/spell.c - export_graphs 's/arc_deploy_source(g, m->input\[!k\]) != own/arc_deploy_source(g, m->input[!k]) == own/'
mutant export-rows-proof deploy/rows.c - export_graphs 's/c->dropped || (same_but_rows/c->dropped || true || (same_but_rows/'
mutant export-sizes deploy/fixed.c - export_graphs 's/w->as\[source\] >= 0)/w->as[source] >= 0 || true)/'
mutant yunet-first-box deploy/yunet.c - export_detectors 's/{{3, 10}, {2, 32}/{{3, 10}, {2, 48}/'
mutant yunet-centre deploy/yunet.c - export_detectors 's/-5 \* ratio/0/'
mutant archive-yunet-grid deploy/archive/config.c - archive 's/same |= json_integer_value/same = json_integer_value/'
mutant card-foreign deploy/card/sources.c - card 's/sha256 \&\& \*sha256 \&\& strcmp(sha256, s->facts.sha256) == 0/sha256 \&\& *sha256/'
mutant card-escape deploy/card/markdown.c - card 's/#|~/#~/'
mutant card-shared deploy/card/blocks.c - card 's/i < count \* times; i++/i < count; i++/'
mutant kit-alike deploy/kit/choose.c - kit 's/\.alike = ARC_KIT_ALIKE/.alike = 2/'
mutant kit-encoding deploy/kit/yaml.c - kit 's/{"inputs.0.encoding.from", "BGR"},//'
mutant kit-missing deploy/kit/sums.c - kit 's/if (!c.list\[i\].seen)/if (c.list[i].seen)/'
mutant blob-dims deploy/archive/blob.c - archive 's/const_section + u32(r)/u32(r)/'
# Operators and forms of models as people export them today.
mutant group-norm-channel op/norm/row.c - layers_images 's/group \* each + i \/ plane/group * each/'
mutant lp-norm-root op/norm/row.c - layers_images 's/job->square ? sqrt(sum) : sum;/sum;/'
mutant lrn-share op/norm/local.c - layers_images 's/"alpha", 1e-4f) \/ (double)size/"alpha", 1e-4f)/'
mutant mvn-deviation op/norm/local.c - onnx_nodes 's/(x\[e\] - mean\[g\]) \* (x\[e\] - mean\[g\]) \* (double)groups/(x[e] - mean[g]) * (double)groups/'
mutant instance-variance op/norm/norm.c - onnx_nodes 's/variance\[j\] \/= (double)hw;/variance[j] \/= (double)(hw - 1);/'
mutant selu-gamma op/activation/activation.c - onnx_nodes 's/y\[i\] = gamma \* (x\[i\] < 0/y[i] = gamma * gamma * (x[i] < 0/'
mutant softplus-large op/activation/activation.c - onnx_nodes 's/fmaxf(x\[i\], 0) + log1pf/log1pf/'
mutant split-last-part op/shape/move.c - layers_shape 's/: y\.dim\[axis\] - each \* (parts - 1);/: each;/'
mutant tile-place op/shape/move.c - onnx_nodes 's/at += rest % times \* x->dim\[i\] \* to\[i\];/at += rest % times * to[i];/'
mutant pad-reflect op/shape/cut.c - onnx_nodes 's/? 2 \* (in - 1) - at : at;/? 2 * in - 1 - at : at;/'
mutant gather-negative op/shape/index.c - onnx_nodes 's/i = i < 0 ? i + dim : i;/i = i < 0 ? 0 : i;/'
mutant scatter-add op/shape/index.c - onnx_nodes 's/how == ADD ? a + b : how == MUL/how == ADD ? b : how == MUL/'
mutant topk-equal op/shape/index.c - layers_shape 's/    return ia < ib;/    return ia > ib;/'
mutant topk-least op/shape/index.c - onnx_nodes 's/return largest ? a > b : a < b;/return a > b;/'
mutant nonzero-order op/shape/select.c - layers_places 's/y\[d \* found + at\] = rest/y[at * x->shape.rank + d] = rest/'
mutant onehot-axis op/shape/select.c - onnx_nodes 's/e \/ (inner \* depth) \* inner + e % inner/e \/ depth/'
mutant suppress-overlap op/shape/suppress.c - layers_places 's/(areas - h \* w) : 0/areas : 0/'
mutant suppress-corners op/shape/suppress.c - layers_places 's/c\[i\] = ARC_MIN(first, second);/c[i] = first;/'
mutant reduce-no-axes op/reduce/reduce.c - onnx_nodes 's/count == 0 \&\& arc_attr_int(in->node, "noop_with_empty_axes", 0) == 0/count == 0/'
mutant reduce-exp op/reduce/reduce.c - onnx_nodes 's/return log(sum) + most;/return log(sum);/'
mutant einsum-diagonal op/dense/einsum.c - onnx_nodes 's/e->stride\[k\]\[at\] += d == 1/e->stride[k][at] = d == 1/'
mutant einsum-sum op/dense/einsum.c - layers_shape 's/done += e->dim\[last\];/done += e->dim[last] + 1;/'
mutant grid-corners op/resize/grid.c - onnx_nodes 's/(v + 1) \/ 2 \* (double)(size - 1) : /(v + 1) \/ 2 * (double)size : /'
mutant grid-reflection op/resize/grid.c - onnx_nodes 's/off > range ? most - (off - range)/off > range ? most - off/'
mutant affine-corners op/resize/grid.c - layers_places 's/at\[i\] = corners ? size > 1/at[i] = !corners ? size > 1/'
mutant resize-aspect op/resize/resize.c - layers_images 's/larger ? fmax(common, scale) : fmin(common, scale)/fmin(common, scale)/'
mutant resize-antialias op/resize/filter.c - layers_images 's/r->antialias ? fmin(r->scale, 1\.0) : 1\.0, reach/1.0, reach/'
mutant deform-order op/conv/deform.c - layers_places 's/\* d->dilation\[0\]) + move\[0\];/* d->dilation[0]) + move[pixels];/'
mutant deform-mask op/conv/deform.c - layers_places 's/row\[c \* d->taps + t\] = weight \* sample/row[c * d->taps + t] = (weight > 0) * sample/'
mutant uint64-order op/elementwise/elementwise.c - layers_elementwise 's/return (int64_t)ARC_MAX(a, b);/return ARC_MAX(p, q);/'
mutant shift-sign op/elementwise/elementwise.c - layers_elementwise 's/(uint64_t)p << q/(uint64_t)p << (q % 8)/'
mutant quantize-block op/int8/quantize.c - layers_integers 's/(outer \* blocks + at \/ block) \* inner/(outer * blocks + at \/ block \/ 2) * inner/'
mutant quantize-16 op/int8/quantize.c - layers_integers 's/job\.hi = 65535;/job.hi = 32767;/'
mutant half-even op/element.c - layers_elementwise 's/nearbyint((mantissa \* 2 - 1) \* 1024)/((mantissa * 2 - 1) * 1024 + 0.5)/'
mutant half-cast pass/widen.c - wild_models 's/(strcmp(n->attr\[i\]\.name, "to") == 0 ||/(strcmp(n->attr[i].name, "into") == 0 ||/'
mutant if-branch format/onnx/inline.c - wild_models 's/condition\.value\[0\] ? "then_branch" : "else_branch"/condition.value[0] ? "else_branch" : "then_branch"/'
mutant loop-turns format/onnx/turns.c - wild_models 's/i < turns\.value\[0\]); i++)/i <= turns.value[0]); i++)/'
mutant scan-backwards format/onnx/turns.c - wild_models 's/s->backwards\[i\] ? s->turns - 1 - turn : turn,/turn,/'
mutant scan-rows format/onnx/turns.c - wild_models 's/s->row_axis\[k\], s->row_backwards\[k\] != 0)/s->row_axis[k], false)/'
mutant function-default format/onnx/node.c - wild_models 's/\*found = given ? given : find_attr/*found = find_attr/'
mutant function-opset format/onnx/inline.c - hostile_models 's/if (f->opset == 0 || f->opset == r->g->opset)/if (f->opset >= 0)/'
mutant external-offset format/onnx/external.c - hostile_models 's/\*data = map->data + place->offset;/*data = map->data;/'
mutant external-link format/onnx/external.c - hostile_models 's/if (!lies_under(real, folder, strlen(folder)) \&\& /if (!lies_under(real, "\/", 1) \&\& /'
mutant qlinear-bias format/onnx/contrib.c - wild_models 's/= one \* each\[i\] \* factor;/= one * one * each[i] * factor;/'
mutant qlinear-concat format/onnx/contrib.c - wild_models 's/in\[count++\] = dequantized(w, arc_swap_input(w, i), arc_swap_input(w, i + 1), /in[count++] = dequantized(w, arc_swap_input(w, i), arc_swap_input(w, 3), /'
mutant attention-causal op/attention/attention.c - layers_attention 's/(a->causal \&\& j > i + /(a->causal \&\& j >= i + /'
mutant attention-cap op/attention/attention.c - layers_attention 's/a->cap \* tanh(v \/ a->cap)/tanh(v \/ a->cap) \/ 2/'
mutant rotary-turn op/attention/attention.c - layers_attention 's/a, c \* p - d \* q);/a, c * p + d * q);/'
mutant rotary-pairs op/attention/attention.c - layers_attention 's/a = first + (paired ? 2 \* i : i), b/a = first + i, b/'
mutant channels-last format/onnx/swap.c - wild_models 's/to_front\[4\] = {0, 3, 1, 2}/to_front[4] = {0, 3, 2, 1}/'
mutant channels-kept format/onnx/swap.c - wild_models 's/        w->planes\[out\] = y + 1;/        w->planes[out] = w->from.input[0] + 1;/'
mutant key-mask format/onnx/attention.c - wild_models 's/"mask_filter_value", -10000)/"mask_filter_value", 0)/'
mutant line-pads format/onnx/lines.c - wild_models 's/{0, pads->ints\[0\], 0, pads->ints\[1\]}/{pads->ints[0], 0, pads->ints[1], 0}/'
# Devices' arithmetic, and what they gave.
mutant rounding-even op/elementwise/rounding.c - rounding 's/(size + 0xfff + (size >> 13 \& 1))/(size + 0x1000)/'
mutant simulate-border deploy/parity/rounded.c - simulate 's/(arc_node_is(&g->node\[next\], ARC_KIND_RELU) ||/(arc_node_is(\&g->node[next], ARC_KIND_PRELU) ||/'
mutant simulate-channels deploy/parity/rounded.c - simulate 's/to_int8_rows(data, s\.dim\[0\], count \/ s\.dim\[0\])/to_int8_rows(data, 1, count)/'
mutant recording-zero deploy/parity/recording.c - compare 's/json_number_value(v) - zero) \* scale/json_number_value(v) + zero) * scale/'
# Swin Transformers: what keeps shifted windows apart, the order in which neighbours become one patch, whose windows fit.
mutant swin-strips format/torch/swin.c - checkpoints 's/at < v->padded - v->window \/ 2 ? 1 : 2/at < v->padded ? 1 : 2/'
mutant swin-merge format/torch/swin.c - checkpoints 's/perm\[6\] = {0, 1, 3, 4, 2, 5}/perm[6] = {0, 1, 3, 2, 4, 5}/'
mutant swin-side format/torch/swin.c - checkpoints 's/low != high || low % window)/low != high)/'
# Photos by name, and in archives.
mutant listing-again base/listing.c - feed 's/strcmp(name, l->last) <= 0/strcmp(name, l->last) < 0/'
mutant listing-heap base/listing.c - feed 's/    sink(l->name, l->count);/    rise(l->name, 0);/'
mutant feed-loop source/walk.c - feed 's/kind == ARC_PATH_DIR \&\& !leads_back(w, &id)/kind == ARC_PATH_DIR/'
mutant feed-depth source/walk.c - feed 's/define DEPTH_MAX 32/define DEPTH_MAX 64/'
mutant feed-window source/feed.c - feed 's/    if (!old || !old->out) {/    if (!old || old) {/'
mutant fetch-limit source/fetch.c - fetch 's/arc_buffer_init(&x.body, f->alloc, (size_t)f->limits.max_bytes);/arc_buffer_init(\&x.body, f->alloc, SIZE_MAX \/ 2);/'
mutant fetch-time source/fetch.c - fetch 's/CURLOPT_TIMEOUT, (long)l->timeout_s/CURLOPT_TIMEOUT, 10 * (long)l->timeout_s/'
mutant fetch-redirects source/fetch.c - fetch 's/CURLOPT_MAXREDIRS, (long)l->redirects/CURLOPT_MAXREDIRS, (long)l->redirects + 1/'
mutant fetch-judged-late source/fetch.c - fetch 's/define JUDGED_BYTES 1024UL/define JUDGED_BYTES 1024000UL/'
mutant address-secret source/kinds.c - fetch 's/strcspn(address, "?#")/strlen(address)/'
mutant address-user source/kinds.c - fetch 's/            user = i + 1;/            user = 0;/'
mutant input-limit base/input.c - feed 's/if (st == ARC_ELIMIT)/if (st == ARC_ELIMIT \&\& (out->bytes = 0) != 0)/'
mutant results-rows face/results.c - results 's/(const int64_t\[2\]){w->faces, w->dim}/(const int64_t[2]){w->faces - 1, w->dim}/'
mutant profile-thop plan/conventions.c - profile 's/{"BatchNormalization", true, 4, 2}/{"BatchNormalization", true, 2, 2}/'
mutant profile-folded-back model/layers.c - profile 's/r->step = back >= 0 ? back : step;/r->step = step;/'
mutant profile-unknown plan/plan.c - profile 's/if (survey->unknown++ == 0)/if (survey->unknown++ > 0)/'
mutant treemap-rows report/treemap.c - page 's/    return fmax(most \/ (thick \* thick), thick \* thick \/ least);/    return 1 + 0 * fmax(most \/ thick, least);/'
mutant photo-archive-bomb source/archive.c - photo_archives 's/out > z->limits.bomb_bytes/out > 100 * z->limits.bomb_bytes/'
mutant photo-archive-watch source/archive.c - photo_archives 's/    if (!z->packed) {/    if (!z->packed || z->members) {/'
mutant photo-archive-member-limit source/archive.c - photo_archives 's/arc_buffer_init(&b, z->alloc, (size_t)z->limits.max_bytes);/arc_buffer_init(\&b, z->alloc, SIZE_MAX \/ 2);/'
mutant photo-archive-outside source/archive.c - photo_archives 's/if (bytes == 2 \&\& part\[0\] == .\.. \&\& part\[1\] == .\..)$/if (bytes == 2 \&\& part == name \&\& part[0] == 46 \&\& part[1] == 46)/'
mutant photo-archive-again source/archive.c - photo_archives 's/    z->names += !\*again;/    z->names += !*again, *again = false;/'
# Galleries in a server.
mutant server-smuggle server/http/multipart.c - http 's/if (\*disposed)/if (false)/'
mutant server-zero server/http/request.c - http 's/if (c == 0)/if (c == 1)/'
mutant server-origin server/route/access.c - server 's/strcmp(from + 3, host) == 0/true/'
mutant server-trickle server/http/clients.c - server 's/limit_s > 0 \&\& now_ns/limit_s < 0 \&\& now_ns/'
mutant server-name server/api/identities.c - server 's/id != but/id == but/'
mutant server-memory server/http/transport.c - server 's/x->received_bytes > x->max_body_bytes/false/'
mutant shards-order gallery/shards.c - gallery_shards 's/a->cosine > b->cosine/a->cosine < b->cosine/'
mutant postgres-outcome gallery/store/postgres/transaction.c - gallery_postgres 's/strcmp(status.data, "committed") == 0/strcmp(status.data, "aborted") == 0/'
mutant qdrant-late gallery/store/qdrant/write.c - gallery_qdrant 's/"range", "lt", (json_int_t)commit/"range", "lt", (json_int_t)commit + 1000/'
mutant qdrant-order gallery/store/qdrant/rows.c - gallery_qdrant_replies 's/if (id <= l->last)/if (id < l->last)/'
mutant postgres-null gallery/store/postgres/statement.c - gallery_postgres 's/null ? UINT32_MAX : /null ? 0 : /'
mutant vectors-margin gallery/nearest.c - gallery_vectors 's/(full \&\& (near->hnsw ||/(full \&\& (true ||/'
mutant vectors-kept gallery/store/postgres/template.c - gallery_vectors '0,/st = arc_pg_vectors_put(s, rows, count, err);/s//st = ARC_OK;/'
mutant generate-variation generate/smooth.c - generate 's/d\[(ptrdiff_t)x + other\] += slope;/d[(ptrdiff_t)x + other] += 0.999f * slope;/'
mutant generate-class-weight generate/options.c - generate 's/class_weight = 2 \/ options->scale/class_weight = 1/'
mutant generate-deviation generate/statistics.c - generate 's/weight \* unit \* v \/ sigma/2 * weight * unit * v \/ sigma/'
mutant generate-second-person generate/people.c - generate_runs 's/own = group ? group\[i\] : 0/own = group ? group[0] : 0/'
mutant generate-second-judge generate/outcome.c - generate_runs 's/judge_cosine\[m - 1\] :/judge_cosine[0] :/'
mutant generate-back generate/state.c - generate_files 's/"in_row", \&in_row) == 0/"halvings", \&in_row) == 0/'
# Photos into galleries.
mutant enroll-copy gallery/photo/batch.c - enroll 's/            find_in_batch(b, i);/            (void)find_in_batch;/'
mutant enroll-first gallery/photo/batch.c - enroll 's/e->told.first = holds(e) \&\& !before;/e->told.first = holds(e);/'
mutant enroll-outlier gallery/pictures.c - enroll 's/if (i != of)/if (i < of)/'
mutant enroll-digest-box gallery/photo/digests.c - enroll 's/else if (p->has_box)/else if (!p->has_box)/'
# Decisions of galleries.
mutant gallery-commit gallery/store/sqlite/transaction.c - gallery_survival 's/arc_sqlite_change(s, "COMMIT", NULL, 0, "store the change", err);/arc_sqlite_change(s, "COMMIT", NULL, 0, "store the change", err) == ARC_ENOMEM ? ARC_ENOMEM : ARC_OK;/'
mutant gallery-mark gallery/store/sqlite/gallery.c - gallery_sqlite 's/memcmp(there, mark, sizeof there) == 0/memcmp(there, mark, 0) == 0/'
mutant gallery-gone gallery/store/sqlite/template.c - gallery 's/INSERT INTO gone SELECT ?2, ?3, id FROM templates WHERE identity = ?1/INSERT INTO gone SELECT ?2, ?3, id FROM templates WHERE identity = ?1 AND 0/'
mutant gallery-traces gallery/removal.c - gallery_moves '/leave(g, remove_identity/{n;s/arc_gallery_erase(g, err)/ARC_OK/}'
mutant gallery-export-end gallery/exchange/sealed_read.c - gallery_moves 's/\*last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL/*last = true/'
mutant gallery-import-link gallery/exchange/folder_read.c - gallery_imports 's/arc_map_open_unlinked(&s->crop/arc_map_open(\&s->crop/'
mutant gallery-import-rotation gallery/exchange/import.c - gallery_imports 's/memcpy(theirs->protection, ours->protection, sizeof theirs->protection);/(void)ours;/'
mutant gallery-move-place gallery/migrate/move.c - gallery_migrate 's/p->at != from.at || p->after != from.after/p->at > ARC_MOVE_DONE/'
mutant gallery-move-map gallery/migrate/move.c - gallery_migrate 's/const arc_status st = arc_move_recall_map(m, err);/const arc_status st = ARC_OK;/'
mutant gallery-move-rotation gallery/migrate/batch.c - gallery_migrate 's/arc_protect(m->to, b->made, b->rows, b->made);/(void)m;/'
mutant gallery-index-key gallery/index_file.c - gallery_moves_memory 's/memcmp(g->index_key, key, sizeof g->index_key)/memcmp(g->index_key, key, 0)/'
mutant gallery-rotated gallery/values.c - gallery_moves 's/arc_protect(g->protection, out, 1, out)/(void)out/'
mutant gallery-upgrade gallery/store/sqlite/schema.c - gallery_survival 's/i = (size_t)from; i </i = (size_t)from + 1; i </'
mutant gallery-others gallery/follow.c - gallery 's/(changed || is_distrusted(g))/is_distrusted(g)/'
mutant survey-outlier gallery/pictures.c - gallery_survey 's/if (i != of)/if (i < of)/'
mutant survey-pair gallery/survey.c - gallery_survey 's/ARC_MIN(place, second), ARC_MAX(place, second)/place, second/'
mutant quality-step gallery/decide/quality.c - quality 's/ - 4 \* here;/ - 3 * here;/'
mutant quality-side gallery/decide/quality.c - quality 's/atan2(across,/atan2(-across,/'
mutant decide-size gallery/decide/rule.c - decide 's/log1p(-wished) \/ (double)out->comparisons/log1p(-wished)/'
mutant decide-stored gallery/decide/rule.c - decide 's/ \&\& wished == c->fpir//'
mutant decide-negative gallery/decide/decide.c - decide 's/negative_cosine >= m->best_cosine/negative_cosine > m->best_cosine/'
mutant decide-inclusive gallery/decide/decide.c - decide 's/m->cosine >= m->threshold/m->cosine > m->threshold/'
mutant decide-unknown-quality gallery/decide/decide.c - decide 's/known > 0 ? sum \/ known : 1/1/'
if [ $dry = yes ]; then
    echo "faults: $seeded can be seeded, $broken broken"
    [ $broken -eq 0 ]
    exit
fi
echo "faults: $noticed noticed, $missed missed, $broken broken, $skipped skipped"
[ $((missed + broken)) -eq 0 ] || exit 1
[ $noticed -gt 0 ] || exit 77
