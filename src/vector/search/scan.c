/* vector/search: the scan. A few probes stream through the templates' codes, which is as fast as memory; many are multiplied with
 * 256 templates at a time, which stay in the cache, by the kernel of 8-bit layers. Threads take segments, so that what a thread
 * finds depends on chance, but not what its lists and the others' amount to. */
#include "vector/search/scan.h"
#include "vector/search/checksum.h"
#include "vector/search/filter.h"
#include <stdatomic.h>
#include <string.h>

#define PANEL_PROBES 8 /* from so many on, products by panels are faster */
#define GRAIN 4        /* segments that a thread takes at once */

arc_status arc_scan_probes_make(arc_scan_probes *out, const arc_context *ctx, const arc_segment_layout *l, const float *probes,
                                int count, arc_error *err) {
    const size_t nr = ctx->kernels->int8_igemm_nr, panels = ((size_t)count + nr - 1) / nr;
    *out = (arc_scan_probes){.count = count};
    out->code = arc_mem_raw(&ctx->alloc, (size_t)count, l->stride);
    if (count >= PANEL_PROBES)
        out->panels = arc_mem_new(&ctx->alloc, panels * nr, l->stride);
    if (!out->code || (count >= PANEL_PROBES && !out->panels)) {
        arc_scan_probes_free(out, ctx);
        return arc_fail_nomem(err, "the probes of a search");
    }
    for (int j = 0; j < count; j++) {
        int8_t *code = out->code + (size_t)j * l->stride;
        const arc_quantised q = arc_quantised_probe(arc_quantise(probes + (size_t)j * l->dim, l->dim, code, l->stride));
        int32_t sum = 0;
        for (size_t i = 0; i < l->stride; i++)
            sum += code[i];
        out->scale[j] = q.scale;
        out->error[j] = q.error;
        out->whole[j] = q.whole;
        out->zero[j] = 128 * sum;
        if (out->panels) {
            int8_t *column = out->panels + (size_t)j / nr * nr * l->stride + (size_t)j % nr * 4;
            for (size_t k = 0; k < l->stride; k += 4)
                memcpy(column + k * nr, code + k, 4);
        }
    }
    return ARC_OK;
}

void arc_scan_probes_free(arc_scan_probes *p, const arc_context *ctx) {
    arc_mem_free(&ctx->alloc, p->code);
    arc_mem_free(&ctx->alloc, p->panels);
    p->code = p->panels = NULL;
}

/* A template and a probe whose interval reaches the limit. */
static void offer(const arc_scan *s, const arc_segment *g, uint32_t first, size_t at, int probe, int32_t sum,
                  arc_shortlist *list) {
    const uint32_t slot = first + (uint32_t)at;
    const arc_scan_probes *p = s->probes;
    if (s->slots->id[slot] == 0 || !arc_filter_has(s->allowed, slot))
        return;
    const float middle = (float)(sum - p->zero[probe]) * (g->scale[at] * p->scale[probe]);
    const float bound = g->error[at] * p->whole[probe] + g->length[at] * p->error[probe];
    arc_shortlist_offer(list, slot, s->slots->owner[slot], middle, bound);
}

/* The scales follow the codes in the cache, then the codes of the next segment, `after` (NULL: there is none). */
static void scan_streaming(const arc_scan *s, const arc_segment *g, uint32_t first, size_t rows, const uint8_t *after,
                           arc_shortlist *list) {
    const arc_scan_probes *p = s->probes;
    const size_t stride = s->slots->layout.stride;
    int32_t sum[ARC_SEGMENT_SLOTS];
    uint32_t kept[ARC_SEGMENT_SLOTS];
    for (int j = 0; j < p->count; j++) {
        const arc_bounded_row probe = {p->scale[j], p->error[j],   p->whole[j],
                                       p->zero[j],  list[j].limit, j + 1 < p->count ? NULL : after};
        const arc_bounded_columns templates = {g->scale, g->error, g->length, NULL, NULL};
        s->kernels->int8_dots(rows, stride, g->code, stride, p->code + (size_t)j * stride, sum, g->scale);
        const size_t count = s->kernels->bounded_reach(rows, sum, &probe, &templates, kept);
        for (size_t i = 0; i < count; i++)
            offer(s, g, first, kept[i], j, sum[kept[i]], &list[j]);
    }
}

/* mr templates with all probes: their sums lie in one row of c for each template. */
static void multiply_panels(const arc_scan *s, const uint8_t *const *a, size_t m, int32_t *c) {
    const arc_kernels *k = s->kernels;
    const size_t stride = s->slots->layout.stride, nr = k->int8_igemm_nr;
    for (size_t j0 = 0; j0 < (size_t)s->probes->count; j0 += nr) {
        const size_t n = ARC_MIN(nr, (size_t)s->probes->count - j0);
        k->int8_igemm(m, n, stride, 1, a, s->probes->panels + j0 * stride, c + j0, ARC_SCAN_MAX_PROBES);
    }
}

static void scan_panels(const arc_scan *s, const arc_segment *g, uint32_t first, size_t rows, arc_shortlist *list) {
    const arc_scan_probes *p = s->probes;
    const size_t stride = s->slots->layout.stride, mr = s->kernels->int8_igemm_mr;
    const uint8_t *a[ARC_IGEMM_MAX_MR];
    int32_t c[ARC_IGEMM_MAX_MR * ARC_SCAN_MAX_PROBES];
    uint32_t reach[ARC_SCAN_MAX_PROBES];
    float limit[ARC_SCAN_MAX_PROBES];
    const arc_bounded_columns probes = {p->scale, p->error, p->whole, p->zero, limit};
    for (int j = 0; j < p->count; j++)
        limit[j] = list[j].limit;
    for (size_t i0 = 0; i0 < rows; i0 += mr) {
        const size_t m = ARC_MIN(mr, rows - i0);
        for (size_t i = 0; i < m; i++)
            a[i] = g->code + (i0 + i) * stride;
        multiply_panels(s, a, m, c);
        for (size_t i = 0; i < m; i++) {
            const int32_t *sums = c + i * ARC_SCAN_MAX_PROBES;
            const arc_bounded_row template = {g->scale[i0 + i], g->error[i0 + i], g->length[i0 + i], 0, 0, NULL};
            const size_t count = s->kernels->bounded_reach((size_t)p->count, sums, &template, &probes, reach);
            for (size_t q = 0; q < count; q++) {
                offer(s, g, first, i0 + i, (int)reach[q], sums[reach[q]], &list[reach[q]]);
                limit[reach[q]] = list[reach[q]].limit;
            }
        }
    }
}

static void scan_segments(void *arg, size_t begin, size_t end, int thread) {
    arc_scan *s = arg;
    arc_shortlist *list = s->list + (size_t)thread * (size_t)s->probes->count;
    for (size_t i = begin; i < end; i++) {
        const size_t rows = arc_slots_in(s->slots, i);
        const arc_segment g = arc_slots_segment(s->slots, i);
        if (!arc_filter_any(s->allowed, i))
            continue;
        if (!arc_checksum_ready(s->kernels, s->slots, i)) {
            atomic_store(&s->damaged, true);
            return;
        }
        if (s->probes->panels)
            scan_panels(s, &g, (uint32_t)(i * ARC_SEGMENT_SLOTS), rows, list);
        else
            scan_streaming(s, &g, (uint32_t)(i * ARC_SEGMENT_SLOTS), rows,
                           i + 1 < s->slots->segments ? s->slots->segment[i + 1] : NULL, list);
    }
}

void arc_scan_run(const arc_context *ctx, arc_scan *scan) {
    arc_pool_run(ctx->pool, arc_slots_segments(scan->slots), GRAIN, scan_segments, scan);
}

void arc_scan_one(const arc_scan *scan, uint32_t slot, int probe, arc_shortlist *list) {
    const size_t stride = scan->slots->layout.stride, at = slot % ARC_SEGMENT_SLOTS;
    const arc_segment g = arc_slots_segment(scan->slots, slot / ARC_SEGMENT_SLOTS);
    int32_t sum;
    scan->kernels->int8_dots(1, stride, g.code + at * stride, stride, scan->probes->code + (size_t)probe * stride, &sum, NULL);
    offer(scan, &g, slot - (uint32_t)at, at, probe, sum, list);
}
