/* eval: counts scores of pairs on the fixed grid and collects the worst ones. */
#include "eval/protocol/pair_counts.h"
#include "vector/similarity.h"

/* Orders by score, then by position, so that the list is the same for any number of threads. */
static bool worse(const arc_worst_list *l, const arc_index_pair *x, const arc_index_pair *y) {
    if (x->score != y->score)
        return l->lowest ? x->score < y->score : x->score > y->score;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

void arc_worst_offer(arc_worst_list *l, float score, int64_t a, int64_t b) {
    const arc_index_pair p = {score, a, b};
    if (l->capacity == 0 || (l->count == l->capacity && !worse(l, &p, &l->pair[l->count - 1])))
        return;
    int at = l->count < l->capacity ? l->count++ : l->count - 1;
    for (; at > 0 && worse(l, &p, &l->pair[at - 1]); at--)
        l->pair[at] = l->pair[at - 1];
    l->pair[at] = p;
}

void arc_pair_counts_add(arc_pair_counts *c, int thread, bool genuine, float score, int64_t a, int64_t b) {
    arc_thread_counts *t = &c->thread[thread];
    t->grid[genuine][arc_grid_point(score)]++;
    arc_worst_offer(&t->worst[genuine], score, a, b);
}

void arc_pair_counts_visit(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                           size_t stride) {
    arc_pair_counts *c = arg;
    for (int i = 0; i < rows; i++) {
        const int64_t a = c->first + row + i;
        if (c->empty[a])
            continue;
        for (int64_t j = ARC_MAX((int64_t)0, row + i + 1 - column); j < columns; j++) {
            const int64_t b = c->first + column + j;
            if (!c->empty[b])
                arc_pair_counts_add(c, thread, c->identity[a] == c->identity[b], score[(size_t)i * stride + (size_t)j], a, b);
        }
    }
}
