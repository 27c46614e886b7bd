/* vector/search: a sorted array of answers. */
#include "vector/search/ranking.h"
#include <math.h>
#include <string.h>

#define LANES 8

float arc_exact_cosine(const float *a, const float *b, size_t dim) {
    double part[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= dim; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            part[j] += (double)a[i + j] * (double)b[i + j];
    for (size_t j = 0; i + j < dim; j++)
        part[j] += (double)a[i + j] * (double)b[i + j];
    for (size_t j = 0; j < LANES; j++)
        sum += part[j];
    return (float)sum;
}

float arc_ranking_limit(const arc_ranking *r) {
    return r->count == r->top ? r->hit[r->top - 1].cosine : -INFINITY;
}

static bool before(const arc_index_hit *a, const arc_index_hit *b) {
    return a->cosine != b->cosine ? a->cosine > b->cosine : a->id < b->id;
}

static void take_out(arc_ranking *r, int at) {
    memmove(r->hit + at, r->hit + at + 1, (size_t)(r->count - at - 1) * sizeof *r->hit);
    r->count--;
}

void arc_ranking_put(arc_ranking *r, arc_index_hit hit) {
    for (int i = 0; r->by_owner && i < r->count; i++)
        if (r->hit[i].owner == hit.owner) {
            if (!before(&hit, &r->hit[i]))
                return;
            take_out(r, i);
            break;
        }
    if (r->count == r->top) {
        if (!before(&hit, &r->hit[r->top - 1]))
            return;
        r->count--;
    }
    int low = 0, high = r->count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (before(&r->hit[middle], &hit))
            low = middle + 1;
        else
            high = middle;
    }
    memmove(r->hit + low + 1, r->hit + low, (size_t)(r->count - low) * sizeof *r->hit);
    r->hit[low] = hit;
    r->count++;
}
