/* Templates: pooling and verification in double precision, as the published routine computes them. */
#include "eval/templates.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TILE_PAIRS 65536

arc_status arc_pooling_begin(arc_pooling *p, const arc_alloc *a, int64_t templates, int dim, arc_error *err) {
    *p = (arc_pooling){.alloc = a, .media = -1};
    p->out.dim = dim;
    p->out.row = arc_mem_new(a, (size_t)templates, (size_t)dim * sizeof(double));
    p->out.number = arc_mem_new(a, (size_t)templates, sizeof(int));
    p->sum = arc_mem_new(a, (size_t)dim, sizeof(double));
    if (p->out.row && p->out.number && p->sum)
        return ARC_OK;
    arc_pooling_abort(p);
    return arc_fail_nomem(err, "the templates");
}

void arc_pooling_abort(arc_pooling *p) {
    arc_mem_free(p->alloc, p->out.row);
    arc_mem_free(p->alloc, p->out.number);
    arc_mem_free(p->alloc, p->sum);
    *p = (arc_pooling){.alloc = p->alloc};
}

static void end_media(arc_pooling *p) {
    if (p->pictures) {
        double *row = p->out.row + (size_t)(p->out.count - 1) * (size_t)p->out.dim;
        for (int k = 0; k < p->out.dim; k++)
            row[k] += p->sum[k] / p->pictures;
        memset(p->sum, 0, (size_t)p->out.dim * sizeof(double));
    }
    p->pictures = 0;
}

static void end_template(arc_pooling *p) {
    if (p->out.count == 0)
        return;
    end_media(p);
    double *row = p->out.row + (size_t)(p->out.count - 1) * (size_t)p->out.dim, sum = 0;
    for (int k = 0; k < p->out.dim; k++)
        sum += row[k] * row[k];
    for (int k = 0; k < p->out.dim && sum > 0; k++)
        row[k] /= sqrt(sum);
}

void arc_pooling_put(arc_pooling *p, int number, int media, const float *feature, double weight) {
    if (p->out.count == 0 || number != p->out.number[p->out.count - 1]) {
        end_template(p);
        p->out.number[p->out.count++] = number;
        p->media = media;
    } else if (media != p->media) {
        end_media(p);
        p->media = media;
    }
    if (!feature)
        return;
    for (int k = 0; k < p->out.dim; k++)
        p->sum[k] += (double)(float)(feature[k] * (float)weight);
    p->pictures++;
}

void arc_pooling_end(arc_pooling *p, arc_templates *out) {
    end_template(p);
    arc_mem_free(p->alloc, p->sum);
    *out = p->out;
    *p = (arc_pooling){.alloc = p->alloc};
}

static int by_place(const void *a, const void *b) {
    const arc_pooled *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    if (x->media != y->media)
        return x->media < y->media ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

int64_t arc_pooled_sort(arc_pooled *p, int64_t n) {
    int64_t templates = n > 0;
    if (n)
        qsort(p, (size_t)n, sizeof *p, by_place);
    for (int64_t i = 1; i < n; i++)
        templates += p[i].number != p[i - 1].number;
    return templates;
}

arc_status arc_templates_pool(arc_context *ctx, const float *feature, const float *weight, const int *number, const int *media,
                              int64_t n, int dim, arc_templates *out, arc_error *err) {
    arc_pooling p;
    *out = (arc_templates){0};
    if (n < 1 || dim < 1)
        return arc_fail(err, ARC_EINVAL, "templates need pictures");
    arc_pooled *order = arc_mem_raw(&ctx->alloc, (size_t)n, sizeof *order);
    if (!order)
        return arc_fail_nomem(err, "the templates");
    for (int64_t i = 0; i < n; i++)
        order[i] = (arc_pooled){number[i], media[i], i};
    arc_status st = arc_pooling_begin(&p, &ctx->alloc, arc_pooled_sort(order, n), dim, err);
    for (int64_t i = 0; i < n && st == ARC_OK; i++) {
        const float *x = feature + (size_t)order[i].index * (size_t)dim;
        for (int k = 0; k < dim && st == ARC_OK; k++)
            if (!isfinite(x[k]))
                st = arc_fail(err, ARC_EINVAL, "feature %lld is not finite", (long long)order[i].index);
        if (st == ARC_OK)
            arc_pooling_put(&p, order[i].number, order[i].media, x, weight ? (double)weight[order[i].index] : 1);
    }
    if (st == ARC_OK)
        arc_pooling_end(&p, out);
    else
        arc_pooling_abort(&p);
    arc_mem_free(&ctx->alloc, order);
    return st;
}

void arc_templates_free(arc_context *ctx, arc_templates *templates) {
    if (!templates)
        return;
    arc_mem_free(&ctx->alloc, templates->row);
    arc_mem_free(&ctx->alloc, templates->number);
    *templates = (arc_templates){0};
}

int64_t arc_templates_find(const arc_templates *t, int number) {
    int64_t low = 0, high = t->count - 1;
    while (low <= high) {
        const int64_t middle = (low + high) / 2;
        if (t->number[middle] == number)
            return middle;
        if (t->number[middle] < number)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

/* ---- verification ---- */

typedef struct matching {
    const arc_templates *t;
    const int *pair;
    int64_t pairs;
    double *score;
    uint8_t *same, *empty;
    int64_t *unknown; /* [tiles] the first pair whose template is not there, -1 */
} matching;

/* Eight sums, fixed order: the compiler may keep them in vectors. */
static double dot(const double *a, const double *b, int dim) {
    double s[8] = {0};
    int k = 0;
    for (; k + 8 <= dim; k += 8)
        for (int i = 0; i < 8; i++)
            s[i] += a[k + i] * b[k + i];
    for (; k < dim; k++)
        s[k % 8] += a[k] * b[k];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static void match_tiles(void *arg, size_t begin, size_t end, int thread) {
    matching *m = arg;
    (void)thread;
    for (size_t tile = begin; tile < end; tile++) {
        const int64_t first = (int64_t)tile * TILE_PAIRS, last = ARC_MIN(first + TILE_PAIRS, m->pairs);
        m->unknown[tile] = -1;
        for (int64_t i = first; i < last; i++) {
            const int *p = m->pair + 3 * i;
            const int64_t a = arc_templates_find(m->t, p[0]), b = arc_templates_find(m->t, p[1]);
            if (a < 0 || b < 0) {
                m->unknown[tile] = i;
                break;
            }
            m->same[i] = p[2] != 0;
            m->score[i] = m->empty[a] || m->empty[b] ? -1
                                                     : dot(m->t->row + (size_t)a * (size_t)m->t->dim,
                                                           m->t->row + (size_t)b * (size_t)m->t->dim, m->t->dim);
        }
    }
}

arc_status arc_templates_verify(arc_context *ctx, const arc_templates *t, const int *pair, int64_t pairs,
                                const double *far_targets, int targets, arc_curve *out, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    const size_t tiles = (size_t)((pairs + TILE_PAIRS - 1) / TILE_PAIRS);
    arc_status st = ARC_OK;
    *out = (arc_curve){0};
    matching m = {.t = t, .pair = pair, .pairs = pairs};
    m.score = arc_mem_raw(a, (size_t)pairs, sizeof *m.score);
    m.same = arc_mem_raw(a, (size_t)pairs, 1);
    m.empty = arc_mem_new(a, (size_t)t->count, 1);
    m.unknown = arc_mem_raw(a, tiles, sizeof *m.unknown);
    if (!m.score || !m.same || !m.empty || !m.unknown)
        ARC_TRY(arc_fail_nomem(err, "the scores of the template pairs"));
    for (int64_t i = 0; i < t->count; i++)
        m.empty[i] = !(dot(t->row + (size_t)i * (size_t)t->dim, t->row + (size_t)i * (size_t)t->dim, t->dim) > 0);
    arc_pool_run(ctx->pool, tiles, 1, match_tiles, &m);
    for (size_t tile = 0; tile < tiles; tile++)
        if (m.unknown[tile] >= 0)
            ARC_TRY(arc_fail(err, ARC_EINVAL, "pair %lld names template %d or %d, of which no picture is listed",
                             (long long)m.unknown[tile] + 1, pair[3 * m.unknown[tile]], pair[3 * m.unknown[tile] + 1]));
    ARC_TRY(arc_curve_of_scores(ctx, m.score, m.same, pairs, far_targets, targets, out, err));
done:
    arc_mem_free(a, m.unknown);
    arc_mem_free(a, m.empty);
    arc_mem_free(a, m.same);
    arc_mem_free(a, m.score);
    return st;
}
