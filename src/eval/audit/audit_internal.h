/* audit: data and functions that the files of an audit share. */
#ifndef ARC_EVAL_AUDIT_AUDIT_INTERNAL_H
#define ARC_EVAL_AUDIT_AUDIT_INTERNAL_H

#include "base/base.h"
#include <arcface/audit.h>

/* One set: its rows normalised, its samples sorted by identity, and its centres. */
typedef struct arc_audit_side {
    const arc_audit_set *set;
    const arc_alloc *alloc;
    int dim;
    float *unit;     /* [samples][dim]; zeros for unreadable pictures */
    float *norm;     /* [samples] norm of the raw embedding, 0 if unreadable */
    double *sum;     /* [identities][dim] sums of unit rows */
    float *centre;   /* [identities][dim] normalised sums; zeros for an identity without pictures */
    int64_t *first;  /* [identities + 1] positions in `member` */
    int64_t *member; /* samples sorted by identity, in order */
} arc_audit_side;

/* centres.c */
arc_status arc_audit_side_make(arc_audit_side *side, const arc_alloc *a, const arc_audit_set *set, int dim, arc_error *err);
void arc_audit_side_free(arc_audit_side *side); /* idempotent */
/* Cosine of a sample to the centre of the *other* pictures of its identity; NaN if there is none. */
double arc_audit_own_cosine(const arc_audit_side *side, int64_t sample);

/* lists.c: growing lists that store at most `limit` entries and count all. */
typedef struct arc_audit_list {
    const arc_alloc *alloc;
    void *entry;
    size_t entry_bytes, count, capacity;
    int64_t all;
} arc_audit_list;
arc_status arc_audit_put(arc_audit_list *list, const void *entry, arc_error *err);

arc_status arc_audit_find_suspects(const arc_context *ctx, const arc_audit_side *side, const int32_t *nearest,
                                   const float *nearest_cosine, const arc_audit_options *opt, arc_audit_list *out,
                                   arc_audit *audit, arc_error *err);
arc_status arc_audit_find_duplicates(const arc_audit_side *side, const int32_t *nearest, const arc_audit_options *opt,
                                     arc_audit_list *out, arc_error *err);
arc_status arc_audit_find_shared(const arc_context *ctx, const arc_audit_side *side, const arc_audit_side *other,
                                 const arc_audit_options *opt, arc_audit_list *out, arc_error *err);

#endif
