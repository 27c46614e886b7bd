/* gallery/decide: cosines normalised by those with other people's faces (adaptive s-norm), and the threshold of such scores. */
#include "gallery/decide/decide.h"
#include <math.h>
#include <stdlib.h>

#define LEAST_DEVIATION 1e-6

static bool is_nearer(arc_cohort_near a, arc_cohort_near b) {
    return a.cosine > b.cosine || (a.cosine == b.cosine && a.member < b.member);
}

static void sink(arc_cohort_near *heap, int count, int at) {
    for (int child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_nearer(heap[child], heap[child + 1]))
            child++;
        if (!is_nearer(heap[at], heap[child]))
            return;
        const arc_cohort_near moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

static int nearest_first(const void *a, const void *b) {
    return is_nearer(*(const arc_cohort_near *)a, *(const arc_cohort_near *)b) ? -1 : 1;
}

/* A heap of the nearest so far, the farthest of them first. */
void arc_cohort_nearest(const float *cosine, int64_t count, int most, arc_cohort_near *near) {
    for (int i = 0; i < most; i++)
        near[i] = (arc_cohort_near){cosine[i], i};
    for (int i = most / 2; i-- > 0;)
        sink(near, most, i);
    for (int64_t i = most; i < count; i++) {
        const arc_cohort_near next = {cosine[i], (int32_t)i};
        if (!is_nearer(next, near[0]))
            continue;
        near[0] = next;
        sink(near, most, 0);
    }
    qsort(near, (size_t)most, sizeof *near, nearest_first);
}

arc_cohort_side arc_cohort_side_of(const arc_cohort_near *near, int nearest, int64_t without) {
    double sum = 0, squares = 0;
    int taken = 0;
    for (int i = 0; taken < nearest; i++) {
        if (near[i].member == without)
            continue;
        sum += (double)near[i].cosine;
        taken++;
    }
    const double mean = sum / nearest;
    taken = 0;
    for (int i = 0; taken < nearest; i++) {
        if (near[i].member == without)
            continue;
        const double d = (double)near[i].cosine - mean;
        squares += d * d;
        taken++;
    }
    return (arc_cohort_side){mean, ARC_MAX(sqrt(squares / nearest), LEAST_DEVIATION)};
}

double arc_cohort_score(double cosine, arc_cohort_side probe, arc_cohort_side identity) {
    return ((cosine - probe.mean) / probe.deviation + (cosine - identity.mean) / identity.deviation) / 2;
}

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

double arc_cohort_threshold(double *score, int64_t count, double fpir, int64_t *above) {
    const int64_t most = ARC_MIN((int64_t)(fpir * (double)count), count - 1);
    qsort(score, (size_t)count, sizeof *score, falling);
    for (*above = most; *above > 0 && score[*above - 1] == score[most];)
        --*above; /* equal scores are above a threshold together */
    return nextafter(score[most], INFINITY);
}
