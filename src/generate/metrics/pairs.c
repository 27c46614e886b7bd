/* generate: pairs of a list, with generated pictures in the place of real ones. */
#include "generate/metrics/pairs.h"
#include <arcface/evaluate.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS 10
#define LEAST_PAIRS 100 /* for the protocol of ten folds */

/* ---- which pictures there are ---- */

static int face_of(const arc_generated *g, const char *listed) {
    char stem[512];
    int of_person = -1;
    arc_picture_stem(listed, stem, sizeof stem);
    for (int i = 0; i < g->faces; i++) {
        if (g->face[i].photo && strcmp(g->face[i].photo, stem) == 0)
            return i;
        if (of_person < 0 && arc_is_person(g->face[i].person, stem))
            of_person = i;
    }
    return of_person;
}

/* The file of a listed picture; NULL in *path when there is none. */
static arc_status find_file(arc_arena *arena, const char *dir, const char *listed, bool suffix, char **path, arc_error *err) {
    static const char *const tried[] = {".jpg", ".png", ".jpeg"};
    *path = NULL;
    for (size_t i = 0; i < (suffix ? 1 : ARC_COUNT(tried)); i++) {
        char *file = arc_arena_printf(arena, "%s/%s%s", dir, listed, suffix ? "" : tried[i]);
        if (!file)
            return arc_fail_nomem(err, "the list of pairs");
        if (arc_path_kind_of(file) == ARC_PATH_FILE) {
            *path = file;
            return ARC_OK;
        }
    }
    return ARC_OK;
}

typedef struct side {
    const char *listed;
    int where; /* 2*pair + side */
} side;

static int by_name(const void *a, const void *b) {
    const side *x = a, *y = b;
    const int order = strcmp(x->listed, y->listed);
    return order ? order : (x->where > y->where) - (x->where < y->where);
}

/* Numbers distinct pictures, and finds the file and the generated face of each. */
static arc_status number_pictures(arc_mixed_pairs *p, side *s, const char *images, const arc_generated *g, arc_error *err) {
    const int sides = 2 * p->list.pairs;
    int picture = -1, face = -1;
    qsort(s, (size_t)sides, sizeof *s, by_name);
    for (int i = 0; i < sides; i++) {
        if (i == 0 || strcmp(s[i].listed, s[i - 1].listed) != 0) {
            char *path;
            const arc_status st = find_file(&p->list.arena, images, s[i].listed, p->list.suffix, &path, err);
            if (st != ARC_OK)
                return st;
            picture = path ? p->pictures : -1;
            if (path)
                p->path[p->pictures++] = path;
            face = face_of(g, s[i].listed);
        }
        p->picture[s[i].where / 2][s[i].where % 2] = picture;
        p->face[s[i].where / 2][s[i].where % 2] = face;
    }
    return p->pictures > 0
               ? ARC_OK
               : arc_fail(err, ARC_ENOTFOUND, "%s has none of the pictures of the pairs, such as %s", images, s[0].listed);
}

arc_status arc_mixed_pairs_open(arc_context *ctx, const char *list, const char *images, const arc_generated *generated,
                                arc_mixed_pairs *out, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    *out = (arc_mixed_pairs){.pictures = 0};
    arc_status st = arc_pair_list_open(&out->list, a, list, err);
    if (st != ARC_OK)
        return st;
    const size_t pairs = (size_t)out->list.pairs;
    side *s = arc_mem_raw(a, 2 * pairs, sizeof *s);
    out->path = arc_mem_raw(a, 2 * pairs, sizeof *out->path);
    out->picture = arc_mem_raw(a, pairs, sizeof *out->picture);
    out->face = arc_mem_raw(a, pairs, sizeof *out->face);
    if (!s || !out->path || !out->picture || !out->face)
        st = arc_fail_nomem(err, "the list of pairs");
    for (int i = 0; st == ARC_OK && i < 2 * out->list.pairs; i++)
        s[i] = (side){out->list.pair[i / 2].path[i % 2], i};
    if (st == ARC_OK)
        st = number_pictures(out, s, images, generated, err);
    arc_mem_free(a, s);
    if (st != ARC_OK)
        arc_mixed_pairs_close(ctx, out);
    return st;
}

void arc_mixed_pairs_close(arc_context *ctx, arc_mixed_pairs *pairs) {
    arc_mem_free(&ctx->alloc, pairs->path);
    arc_mem_free(&ctx->alloc, pairs->picture);
    arc_mem_free(&ctx->alloc, pairs->face);
    arc_pair_list_close(&pairs->list);
    *pairs = (arc_mixed_pairs){.pictures = 0};
}

/* ---- verdicts ---- */

typedef struct scored {
    double *distance; /* squared, of unit vectors */
    uint8_t *same;
    int pairs;
} scored;

static void score(scored *s, const float *a, const float *b, int dim, uint8_t same) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    s->distance[s->pairs] = sum;
    s->same[s->pairs++] = same;
}

static void score_kind(const arc_mixed_pairs *p, arc_generate_pairs kind, const float *real, const float *face, int dim,
                       scored *s) {
    s->pairs = 0;
    for (int i = 0; i < p->list.pairs; i++) {
        const uint8_t same = p->list.pair[i].same;
        const float *r[2], *g[2];
        for (int k = 0; k < 2; k++) {
            r[k] = p->picture[i][k] < 0 ? NULL : real + (size_t)p->picture[i][k] * (size_t)dim;
            g[k] = p->face[i][k] < 0 ? NULL : face + (size_t)p->face[i][k] * (size_t)dim;
        }
        if (kind == ARC_GENERATE_REAL_REAL && r[0] && r[1])
            score(s, r[0], r[1], dim, same);
        if (kind == ARC_GENERATE_GENERATED_GENERATED && g[0] && g[1] && g[0] != g[1])
            score(s, g[0], g[1], dim, same);
        for (int k = 0; kind == ARC_GENERATE_GENERATED_REAL && k < 2; k++)
            if (g[k] && r[1 - k])
                score(s, g[k], r[1 - k], dim, same);
    }
}

/* The threshold, as a squared distance, that decides most pairs rightly. */
static arc_status judge_kind(arc_context *ctx, const scored *s, double *threshold, arc_generate_accuracy *out, arc_error *err) {
    arc_verification v;
    int64_t right = 0;
    *out = (arc_generate_accuracy){.pairs = s->pairs};
    for (int i = 0; i < s->pairs; i++)
        out->genuine += s->same[i] != 0;
    if (s->pairs >= LEAST_PAIRS && out->genuine > 0 && out->genuine < s->pairs) {
        const arc_status st = arc_verification_of_distances(ctx, s->distance, s->same, s->pairs, FOLDS, 1e-3, &v, NULL, err);
        if (st != ARC_OK)
            return st;
        out->folds = FOLDS;
        out->accuracy = v.accuracy;
        out->accuracy_std = v.accuracy_std;
        if (*threshold < 0)
            *threshold = 2 - 2 * v.best_threshold_cosine;
    }
    for (int i = 0; i < s->pairs; i++)
        right += (s->distance[i] < *threshold) == (s->same[i] != 0);
    out->at_threshold = s->pairs > 0 ? (double)right / s->pairs : 0;
    return ARC_OK;
}

arc_status arc_mixed_pairs_judge(arc_context *ctx, const arc_mixed_pairs *pairs, const float *real, const float *face, int dim,
                                 arc_generate_verdict *out, arc_error *err) {
    const size_t most = 2 * (size_t)pairs->list.pairs;
    scored s = {arc_mem_raw(&ctx->alloc, most, sizeof(double)), arc_mem_raw(&ctx->alloc, most, 1), 0};
    double threshold = -1;
    arc_status st = s.distance && s.same ? ARC_OK : arc_fail_nomem(err, "the scores of the pairs");
    for (int kind = 0; st == ARC_OK && kind < ARC_GENERATE_PAIR_KINDS; kind++) {
        score_kind(pairs, (arc_generate_pairs)kind, real, face, dim, &s);
        st = judge_kind(ctx, &s, &threshold, &out->accuracy[kind], err);
        if (st == ARC_OK && threshold < 0)
            st = arc_fail(err, ARC_EINVAL,
                          "the list has %d pairs of real pictures that are there; a threshold needs %d, of both kinds", s.pairs,
                          LEAST_PAIRS);
    }
    out->threshold = 1 - threshold / 2;
    arc_mem_free(&ctx->alloc, s.distance);
    arc_mem_free(&ctx->alloc, s.same);
    return st;
}
