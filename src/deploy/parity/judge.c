/* Cosines of other arithmetic's embeddings to float32's, and the verdict on them, which is that of `quantize`. */
#include "deploy/parity/parity.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked {
    double cosine;
    int row;
} ranked;

/* Equal ones in their order, so that the worst does not depend on the library's sort. */
static int by_cosine(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    return x->cosine != y->cosine ? (x->cosine > y->cosine) - (x->cosine < y->cosine) : (x->row > y->row) - (x->row < y->row);
}

static bool usable(const float *row, int dim) {
    bool any = false;
    for (int i = 0; i < dim; i++) {
        if (!isfinite(row[i]))
            return false;
        any |= row[i] != 0;
    }
    return any;
}

static double percentile(const ranked *r, int count, int percent) {
    return r[(int64_t)count * percent / 100].cosine;
}

arc_status arc_parity_cosines_of(arc_context *ctx, const float *a, const float *b, int rows, int dim, arc_parity_cosines *out,
                                 arc_error *err) {
    ranked *r = arc_mem_raw(&ctx->alloc, (size_t)rows, sizeof *r);
    *out = (arc_parity_cosines){.count = rows};
    if (!r)
        return arc_fail_nomem(err, "cosines");
    for (int i = 0; i < rows; i++) {
        const float *x = a + (size_t)i * (size_t)dim, *y = b + (size_t)i * (size_t)dim;
        r[i] = (ranked){usable(y, dim) ? arc_embedding_cosine(x, y, dim) : -1, i};
        out->mean += r[i].cosine / rows;
    }
    qsort(r, (size_t)rows, sizeof *r, by_cosine);
    out->p50 = percentile(r, rows, 50);
    out->p5 = percentile(r, rows, 5);
    out->p1 = percentile(r, rows, 1);
    out->least = r[0].cosine;
    out->worst = r[0].row;
    arc_mem_free(&ctx->alloc, r);
    return ARC_OK;
}

void arc_parity_judge(arc_parity *p, const arc_quantize_gate *gate) {
    arc_quantize_gate own;
    const arc_quantize_case c = {.mean_cosine = p->cosine.mean,
                                 .low_cosine = p->cosine.p1,
                                 .before = p->verified ? &p->before : NULL,
                                 .after = p->verified ? &p->after : NULL};
    arc_quantize_gate_default(&own);
    if (!gate)
        gate = &own;
    p->min_cosine = gate->min_cosine;
    p->min_low_cosine = gate->min_low_cosine;
    arc_quantize_verdict(&c, gate, p->refused);
}
