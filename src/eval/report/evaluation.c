/* eval: the result of an evaluation; one arena owns all its strings and arrays. */
#include "eval/eval_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_KEPT 1000
#define NOTES_MAX 64

typedef struct owner {
    arc_evaluation e;
    arc_arena arena;
} owner;

arc_arena *arc_evaluation_arena(arc_evaluation *e) {
    return &((owner *)e->memory)->arena;
}

arc_status arc_evaluation_new(arc_context *ctx, const char *protocol, arc_evaluation **out, arc_error *err) {
    *out = NULL;
    owner *b = arc_mem_new(&ctx->alloc, 1, sizeof *b);
    if (!b)
        return arc_fail_nomem(err, "the evaluation");
    arc_arena_init(&b->arena, &ctx->alloc, 0);
    b->e.memory = b;
    b->e.protocol = protocol;
    b->e.accuracy_bootstrap = (arc_interval){1, 0};
    b->e.provenance = (arc_provenance){"", "", "", "", "", "", "", "", "", "", 0};
    b->e.note = arc_arena_new(&b->arena, NOTES_MAX, sizeof *b->e.note);
    b->e.missing_image = arc_arena_new(&b->arena, MISSING_KEPT, sizeof *b->e.missing_image);
    *out = &b->e;
    if (b->e.note && b->e.missing_image)
        return ARC_OK;
    arc_evaluation_free(ctx, out);
    return arc_fail_nomem(err, "the evaluation");
}

void arc_evaluation_free(arc_context *ctx, arc_evaluation **evaluation) {
    if (!evaluation || !*evaluation)
        return;
    owner *b = (*evaluation)->memory;
    *evaluation = NULL;
    arc_curve_free(ctx, &b->e.curve);
    arc_arena_free(&b->arena);
    arc_mem_free(&ctx->alloc, b);
}

arc_status arc_evaluation_note(arc_evaluation *e, arc_error *err, const char *fmt, ...) {
    char text[1024];
    va_list args;
    if (e->notes == NOTES_MAX)
        return ARC_OK;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    e->note[e->notes] = arc_arena_strdup(arc_evaluation_arena(e), text);
    return e->note[e->notes] ? (e->notes++, ARC_OK) : arc_fail_nomem(err, "a note");
}

arc_status arc_evaluation_missing(arc_evaluation *e, const char *name, const char *why, arc_error *err) {
    e->missing++;
    if (e->missing_images == MISSING_KEPT)
        return ARC_OK;
    arc_missing_image *m = &e->missing_image[e->missing_images];
    m->name = arc_arena_strdup(arc_evaluation_arena(e), name);
    m->why = arc_arena_strdup(arc_evaluation_arena(e), why);
    return m->name && m->why ? (e->missing_images++, ARC_OK) : arc_fail_nomem(err, "the list of missing pictures");
}

/* ---- worst pairs ---- */

typedef struct candidate {
    double badness; /* the cosine of an impostor pair, minus the cosine of a genuine one */
    int64_t pair;
} candidate;

static int by_badness(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    return x->badness > y->badness ? -1 : x->badness < y->badness ? 1 : (x->pair > y->pair) - (x->pair < y->pair);
}

static const char *image_name(arc_evaluation *e, const arc_eval_set *set, int64_t index) {
    char name[4096];
    set->name(set->source, index, name, sizeof name);
    return arc_arena_strdup(arc_evaluation_arena(e), name);
}

static arc_status worst_of(arc_evaluation *e, const arc_eval_set *set, const int (*image)[2], int worst, bool same,
                           arc_pair_score **out, int *count, arc_error *err) {
    const arc_alloc *a = arc_evaluation_arena(e)->alloc;
    candidate *c = arc_mem_raw(a, (size_t)e->pairs, sizeof *c);
    if (!c)
        return arc_fail_nomem(err, "the worst pairs");
    size_t n = 0;
    for (int64_t i = 0; i < e->pairs; i++)
        if ((e->pair_same[i] != 0) == same)
            c[n++] = (candidate){same ? -e->pair_score[i] : e->pair_score[i], i};
    if (n)
        qsort(c, n, sizeof *c, by_badness);
    *count = (int)ARC_MIN((size_t)ARC_MAX(worst, 0), n);
    *out = arc_arena_new(arc_evaluation_arena(e), (size_t)*count, sizeof **out);
    bool good = *out != NULL;
    for (int k = 0; k < *count && good; k++) {
        arc_pair_score *p = &(*out)[k];
        *p = (arc_pair_score){.score = e->pair_score[c[k].pair], .same = same};
        for (int side = 0; side < 2; side++) {
            p->index[side] = image[c[k].pair][side];
            p->name[side] = image_name(e, set, p->index[side]);
            p->path[side] = set->names_are_paths ? p->name[side] : NULL;
            good = good && p->name[side];
        }
    }
    arc_mem_free(a, c);
    return good ? ARC_OK : arc_fail_nomem(err, "the worst pairs");
}

arc_status arc_evaluation_worst(arc_evaluation *e, const arc_eval_set *set, const int (*image)[2], int worst, arc_error *err) {
    arc_status st = worst_of(e, set, image, worst, true, &e->worst_genuine, &e->worst_genuines, err);
    return st != ARC_OK ? st : worst_of(e, set, image, worst, false, &e->worst_impostor, &e->worst_impostors, err);
}

arc_status arc_evaluation_support_notes(arc_evaluation *e, double far_target, arc_error *err) {
    const double impostors = (double)e->curve.impostor;
    if (!(far_target > 0) || impostors == 0 || impostors * far_target >= 10)
        return ARC_OK;
    return arc_evaluation_note(
        e, err, "FAR %g asks for %.3g false accepts among %.0f impostor pairs: %s; %.0f pairs or more would support it",
        far_target, impostors * far_target, impostors,
        impostors * far_target < 1 ? "it cannot be measured here" : "its TAR is a rough guess", 10 / far_target);
}
