/* A device's embeddings beside a reference's. */
#include "deploy/parity/parity.h"
#include "deploy/reference.h"
#include "format/format.h"
#include <arcface/evaluate.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS 10
#define FAR_TARGET 1e-3 /* of the gate's TAR */

typedef struct comparing {
    arc_context *ctx;
    const arc_parity_options *opt;
    const char *path; /* of the candidate */
    arc_reference reference;
    arc_candidate candidate;
    int *by_name; /* [rows] the reference's rows in the order of their names */
    float *row;   /* [rows][dim] the candidate's in the order of the reference */
    arc_error *err;
} comparing;

void arc_parity_options_default(arc_parity_options *opt) {
    *opt = (arc_parity_options){.struct_size = sizeof *opt};
}

static arc_status check_options(const arc_parity_options *opt, arc_error *err) {
    arc_status st = ARC_CHECK_OPTIONS(arc_parity_options, opt, err);
    if (st == ARC_OK && opt)
        st = ARC_CHECK_OPTIONS(arc_quantize_gate, opt->gate, err);
    if (st == ARC_OK && opt && (!isfinite(opt->scale) || opt->scale < 0))
        st = arc_fail(err, ARC_EINVAL, "a scale of %g: it is above 0", opt->scale);
    if (st == ARC_OK && opt && opt->zero_point != 0 && opt->scale == 0)
        st = arc_fail(err, ARC_EINVAL, "a zero point belongs to a scale: give --scale S too");
    return st;
}

/* The folder itself, or `reference` in a kit. */
static arc_status open_reference(comparing *c, const char *folder) {
    char inside[ARC_PATH_BYTES], file[ARC_PATH_BYTES];
    const int n = snprintf(inside, sizeof inside, "%s/reference", folder),
              m = snprintf(file, sizeof file, "%s/reference/%s", folder, ARC_REFERENCE_EMBEDDINGS);
    const bool kit =
        n > 0 && (size_t)n < sizeof inside && m > 0 && (size_t)m < sizeof file && arc_path_kind_of(file) == ARC_PATH_FILE;
    if (arc_path_kind_of(folder) != ARC_PATH_DIR)
        return arc_fail(c->err, ARC_ENOTFOUND, "%s: no folder: a reference holds %s and %s, as a conversion kit has it", folder,
                        ARC_REFERENCE_NAMES, ARC_REFERENCE_EMBEDDINGS);
    return arc_reference_open(&c->reference, &c->ctx->alloc, kit ? inside : folder, c->err);
}

/* ---- names ---- */

typedef struct named {
    const char *name;
    int row;
} named;

static int by_text(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static arc_status sort_names(comparing *c) {
    const arc_reference *r = &c->reference;
    named *sorted = arc_mem_raw(&c->ctx->alloc, (size_t)r->count, sizeof *sorted);
    c->by_name = arc_mem_raw(&c->ctx->alloc, (size_t)r->count, sizeof *c->by_name);
    if (sorted && c->by_name) {
        for (int i = 0; i < r->count; i++)
            sorted[i] = (named){r->name[i], i};
        qsort(sorted, (size_t)r->count, sizeof *sorted, by_text);
        for (int i = 0; i < r->count; i++)
            c->by_name[i] = sorted[i].row;
    }
    arc_mem_free(&c->ctx->alloc, sorted);
    return sorted && c->by_name ? ARC_OK : arc_fail_nomem(c->err, "names of pictures");
}

/* The row of a picture, whose name may have the suffix of its file; -1: there is none. */
static int find_row(const comparing *c, const char *name) {
    const size_t whole = strlen(name), bytes = whole > 4 && strcmp(name + whole - 4, ".png") == 0 ? whole - 4 : whole;
    int lo = 0, hi = c->reference.count - 1;
    while (lo <= hi) {
        const int middle = lo + (hi - lo) / 2, row = c->by_name[middle];
        const char *at = c->reference.name[row];
        int order = strncmp(name, at, bytes);
        if (order == 0)
            order = at[bytes] ? -1 : 0;
        if (order == 0)
            return row;
        if (order < 0)
            hi = middle - 1;
        else
            lo = middle + 1;
    }
    return -1;
}

/* ---- rows ---- */

/* The candidate's rows in the reference's order. */
static arc_status put_rows(comparing *c) {
    const arc_candidate *from = &c->candidate;
    const size_t dim = (size_t)from->dim;
    arc_status st = ARC_OK;
    bool *seen = arc_mem_new(&c->ctx->alloc, (size_t)from->rows, sizeof *seen);
    c->row = arc_mem_raw(&c->ctx->alloc, (size_t)from->rows * dim, sizeof *c->row);
    if (!seen || !c->row)
        st = arc_fail_nomem(c->err, "embeddings");
    for (int i = 0; st == ARC_OK && i < from->rows; i++) {
        const int row = from->name ? find_row(c, from->name[i]) : i;
        if (row < 0)
            st = arc_fail(c->err, ARC_ECORRUPT, "%s: message %d is of '%.100s', which the reference does not have", c->path, i,
                          from->name[i]);
        else if (seen[row])
            st = arc_fail(c->err, ARC_ECORRUPT, "%s: '%.100s' stands twice", c->path, from->name[i]);
        if (st != ARC_OK)
            break;
        seen[row] = true;
        memcpy(c->row + (size_t)row * dim, from->row + (size_t)i * dim, dim * sizeof *c->row);
    }
    arc_mem_free(&c->ctx->alloc, seen);
    return st;
}

static arc_status check_rows(const comparing *c, const float *rows, const char *path) {
    const arc_reference *r = &c->reference;
    for (int i = 0; i < r->count; i++) {
        const float *row = rows + (size_t)i * (size_t)r->dim;
        bool any = false;
        for (int k = 0; k < r->dim; k++) {
            if (!isfinite(row[k]))
                return arc_fail(
                    c->err, ARC_ECORRUPT,
                    "%s: row %d ('%s') has a number that is not finite: the device overflowed, or it was read wrongly", path, i,
                    r->name[i]);
            any |= row[k] != 0;
        }
        if (!any)
            return arc_fail(c->err, ARC_ECORRUPT, "%s: row %d ('%s') is zero: nothing can be compared with it", path, i,
                            r->name[i]);
    }
    return ARC_OK;
}

static arc_status match(comparing *c) {
    const arc_candidate *got = &c->candidate;
    const arc_reference *r = &c->reference;
    arc_status st;
    if (got->rows != r->count)
        return arc_fail(c->err, ARC_ESHAPE,
                        "%s: %d embeddings, the reference has %d: run the device on all of its pictures, in the "
                        "order of %s",
                        c->path, got->rows, r->count, ARC_REFERENCE_NAMES);
    if (got->dim != r->dim)
        return arc_fail(c->err, ARC_ESHAPE, "%s: embeddings of %d numbers, the reference's have %d: they are of another model",
                        c->path, got->dim, r->dim);
    ARC_TRY(sort_names(c));
    ARC_TRY(put_rows(c));
    ARC_TRY(check_rows(c, r->embedding, ARC_REFERENCE_EMBEDDINGS));
    ARC_TRY(check_rows(c, c->row, c->path));
done:
    return st;
}

/* ---- pairs ---- */

static arc_status verify_rows(const comparing *c, const float *rows, const int *index, const uint8_t *same, int pairs, int folds,
                              arc_verification *out) {
    const size_t dim = (size_t)c->reference.dim;
    float *pair = arc_mem_raw(&c->ctx->alloc, 2 * (size_t)pairs * dim, sizeof *pair);
    if (!pair)
        return arc_fail_nomem(c->err, "pairs");
    for (size_t i = 0; i < 2 * (size_t)pairs; i++)
        memcpy(pair + i * dim, rows + (size_t)index[i] * dim, dim * sizeof *pair);
    const arc_status st =
        arc_verification_of_embeddings(c->ctx, pair, c->reference.dim, same, pairs, folds, FAR_TARGET, out, c->err);
    arc_mem_free(&c->ctx->alloc, pair);
    return st;
}

static arc_status verify(comparing *c, const char *path, arc_parity *out) {
    arc_status st;
    arc_pair_list list = {0};
    int *index = NULL;
    uint8_t *same = NULL;
    ARC_TRY(arc_pair_list_open(&list, &c->ctx->alloc, path, c->err));
    index = arc_mem_raw(&c->ctx->alloc, 2 * (size_t)list.pairs, sizeof *index);
    same = arc_mem_raw(&c->ctx->alloc, (size_t)list.pairs, 1);
    if (!index || !same)
        ARC_TRY(arc_fail_nomem(c->err, path));
    for (int i = 0; i < 2 * list.pairs; i++) {
        const char *name = list.pair[i / 2].path[i % 2];
        same[i / 2] = list.pair[i / 2].same;
        if ((index[i] = find_row(c, name)) < 0)
            ARC_TRY(arc_fail(c->err, ARC_ECORRUPT, "%s: pair %d names '%.100s', which the reference does not have", path,
                             i / 2 + 1, name));
    }
    if (list.pairs < 4)
        ARC_TRY(arc_fail(c->err, ARC_EINVAL, "%s: %d pairs: at least 4 are needed, two a fold", path, list.pairs));
    const int folds = list.folds ? list.folds : ARC_MIN(FOLDS, list.pairs / 2);
    ARC_TRY(verify_rows(c, c->reference.embedding, index, same, list.pairs, folds, &out->before));
    ARC_TRY(verify_rows(c, c->row, index, same, list.pairs, folds, &out->after));
    out->verified = true;
done:
    arc_mem_free(&c->ctx->alloc, index);
    arc_mem_free(&c->ctx->alloc, same);
    arc_pair_list_close(&list);
    return st;
}

arc_status arc_parity_compare(arc_context *ctx, const char *reference, const char *candidate, const arc_parity_options *opt,
                              arc_parity *out, arc_error *err) {
    arc_parity_options own;
    char pairs[ARC_PATH_BYTES];
    comparing c = {.ctx = ctx, .path = candidate, .err = err};
    *out = (arc_parity){0};
    arc_status st = check_options(opt, err);
    if (st != ARC_OK)
        return st;
    arc_parity_options_default(&own);
    c.opt = opt ? opt : &own;
    ARC_TRY(open_reference(&c, reference));
    ARC_TRY(arc_candidate_open(&c.candidate, &ctx->alloc, candidate, c.opt, err));
    ARC_TRY(match(&c));
    const arc_reference *r = &c.reference;
    out->dim = r->dim;
    ARC_TRY(arc_parity_cosines_of(ctx, r->embedding, c.row, r->count, r->dim, &out->cosine, err));
    snprintf(out->worst, sizeof out->worst, "%s", r->name[out->cosine.worst]);
    const int n = snprintf(pairs, sizeof pairs, "%s/pairs.txt", r->folder);
    if (c.opt->pairs || (n > 0 && (size_t)n < sizeof pairs && arc_path_kind_of(pairs) == ARC_PATH_FILE))
        ARC_TRY(verify(&c, c.opt->pairs ? c.opt->pairs : pairs, out));
    arc_parity_judge(out, c.opt->gate);
done:
    arc_mem_free(&ctx->alloc, c.by_name);
    arc_mem_free(&ctx->alloc, c.row);
    arc_candidate_close(&c.candidate);
    arc_reference_close(&c.reference);
    return st;
}
