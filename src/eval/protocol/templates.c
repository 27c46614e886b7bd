/* eval: pools embeddings to templates in double precision, as InsightFace's published code computes it. */
#include "eval/protocol/templates.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

int64_t arc_templates_find_among(const arc_templates *t, int number, int64_t begin, int64_t end) {
    while (begin < end) {
        const int64_t middle = begin + (end - begin) / 2;
        if (t->number[middle] == number)
            return middle;
        if (t->number[middle] < number)
            begin = middle + 1;
        else
            end = middle;
    }
    return -1;
}

int64_t arc_templates_find(const arc_templates *t, int number) {
    return arc_templates_find_among(t, number, 0, t->count);
}
