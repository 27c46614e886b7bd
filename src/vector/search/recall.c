/* vector/search: how often a fast search finds the first answer. */
#include "base/base.h"
#include <arcface/index.h>

/* First answers to probes [count][dim]. */
static arc_status first_answers(arc_index *index, const float *probes, int64_t count, arc_index_query query, bool fast,
                                arc_index_hit *hits, int *found, arc_error *err) {
    query.top = 1;
    query.fast = fast;
    return arc_index_search(index, probes, count, &query, hits, found, err);
}

arc_status arc_index_recall(arc_context *ctx, arc_index *index, const float *probes, int64_t count, const arc_index_query *query,
                            double *recall, arc_error *err) {
    arc_index_query q;
    arc_index_query_default(&q);
    *recall = 0;
    arc_status st = ARC_CHECK_OPTIONS(arc_index_query, query, err);
    if (st != ARC_OK)
        return st;
    if (count < 1)
        return arc_fail(err, ARC_EINVAL, "the recall of a search needs probes");
    arc_index_hit *hits = arc_mem_new(&ctx->alloc, (size_t)count, 2 * sizeof *hits);
    int *found = arc_mem_new(&ctx->alloc, (size_t)count, 2 * sizeof *found);
    st = hits && found ? ARC_OK : arc_fail_nomem(err, "the recall of a search");
    if (st == ARC_OK)
        st = first_answers(index, probes, count, query ? *query : q, false, hits, found, err);
    if (st == ARC_OK)
        st = first_answers(index, probes, count, query ? *query : q, true, hits + count, found + count, err);
    int64_t same = 0;
    for (int64_t i = 0; st == ARC_OK && i < count; i++)
        same += hits[i].id == hits[count + i].id;
    if (st == ARC_OK)
        *recall = (double)same / (double)count;
    arc_mem_free(&ctx->alloc, hits);
    arc_mem_free(&ctx->alloc, found);
    return st;
}
