/* Ranges for quantization: a histogram of what a tensor held, and four ways to choose what 255 levels should cover. */
#include "quantize/quantize.h"
#include <math.h>
#include <string.h>

#define HALF (ARC_RANGE_BINS / 2)
#define FIRST_BINS 1024 /* a half's bins that the first values fill: later ones may be twice as large */
#define LEVELS 256
#define SHRINK_STEPS 48 /* candidate ranges at each end */
#define SHRINK_LEAST 0.25
#define SMALL 1e-4 /* what an empty bin counts in a divergence, as MXNet has it */

/* ---- histogram ---- */

static void widen(arc_histogram *h) {
    uint64_t wider[ARC_RANGE_BINS] = {0};
    for (int i = 0; i < ARC_RANGE_BINS; i++)
        wider[HALF + (i >= HALF ? (i - HALF) / 2 : -((HALF - 1 - i) / 2) - 1)] += h->bin[i];
    memcpy(h->bin, wider, sizeof wider);
    h->width *= 2;
}

void arc_histogram_add(arc_histogram *h, const float *x, size_t count) {
    float least = h->least, most = h->most;
    for (size_t i = 0; i < count; i++)
        if (isfinite(x[i])) {
            least = x[i] < least ? x[i] : least;
            most = x[i] > most ? x[i] : most;
        }
    h->least = least;
    h->most = most;
    const double largest = fmax((double)most, -(double)least);
    if (h->width == 0)
        h->width = fmax(largest / FIRST_BINS, 1e-30);
    while (largest >= h->width * (HALF - 1))
        widen(h);
    const float per_width = (float)(1 / h->width);
    for (size_t i = 0; i < count; i++)
        if (isfinite(x[i]))
            h->bin[HALF + (int)floorf(x[i] * per_width)]++;
}

/* ---- ranges ---- */

static double middle(const arc_histogram *h, int bin) {
    return (bin - HALF + 0.5) * h->width;
}

static int bin_of(const arc_histogram *h, double value) {
    const double bin = HALF + floor(value / h->width);
    return (int)fmin(fmax(bin, 0), ARC_RANGE_BINS - 1);
}

static arc_range percentile_range(const arc_histogram *h, arc_range all, double percentile) {
    double total = 0, below = 0, above = 0;
    for (int i = 0; i < ARC_RANGE_BINS; i++)
        total += (double)h->bin[i];
    const double cut = total * (1 - percentile / 100);
    int lo = bin_of(h, (double)all.lo), hi = bin_of(h, (double)all.hi);
    for (; lo < HALF && below + (double)h->bin[lo] <= cut; lo++)
        below += (double)h->bin[lo];
    for (; hi >= HALF && above + (double)h->bin[hi] <= cut; hi--)
        above += (double)h->bin[hi];
    return (arc_range){fmaxf(all.lo, (float)((lo - HALF) * h->width)), fminf(all.hi, (float)((hi - HALF + 1) * h->width))};
}

/* Squared error of rounding and clipping to the range, and of each bin's spread inside a step. */
static double squared_error(const arc_histogram *h, double lo, double hi) {
    const double step = (hi - lo) / (LEVELS - 1);
    double sum = 0;
    for (int i = 0; i < ARC_RANGE_BINS; i++) {
        if (!h->bin[i])
            continue;
        const double v = middle(h, i), d = v < lo ? lo - v : v > hi ? v - hi : 0;
        sum += (double)h->bin[i] * (d > 0 ? d * d : step * step / 12);
    }
    return sum;
}

/* Kullback-Leibler divergence of the clipped distribution (outliers in the edge bins) from its 256-level quantization, whose mass
 * is spread over the bins of a level that hold anything (MXNet's and TensorRT's rule, for a range that need not be symmetric). */
static double divergence(const arc_histogram *h, double lo, double hi) {
    double p[ARC_RANGE_BINS] = {0}, q[ARC_RANGE_BINS], total_p = 0, total_q = 0, sum = 0;
    const int first = bin_of(h, lo), last = bin_of(h, hi), bins = last - first + 1;
    for (int i = 0; i < bins; i++)
        p[i] = (double)h->bin[first + i];
    for (int level = 0; level < LEVELS; level++) {
        const int from = (int)((int64_t)level * bins / LEVELS), to = (int)((int64_t)(level + 1) * bins / LEVELS);
        double mass = 0, filled = 0;
        for (int i = from; i < to; i++) {
            mass += p[i];
            filled += p[i] > 0;
        }
        for (int i = from; i < to; i++)
            q[i] = p[i] > 0 ? mass / filled : 0;
    }
    for (int i = 0; i < first; i++)
        p[0] += (double)h->bin[i];
    for (int i = last + 1; i < ARC_RANGE_BINS; i++)
        p[bins - 1] += (double)h->bin[i];
    for (int i = 0; i < bins; i++) {
        p[i] += SMALL;
        q[i] += SMALL;
        total_p += p[i];
        total_q += q[i];
    }
    for (int i = 0; i < bins; i++)
        sum += p[i] / total_p * log(p[i] / total_p / (q[i] / total_q));
    return sum;
}

/* The least cost over both ends shrunk in steps, one end after the other, twice. */
static arc_range least_cost(const arc_histogram *h, arc_range all, double (*cost)(const arc_histogram *, double, double)) {
    double end[2] = {(double)all.lo, (double)all.hi}, best = cost(h, end[0], end[1]);
    for (int round = 0; round < 4; round++) {
        const int side = (round + 1) % 2;
        const double whole = side ? (double)all.hi : (double)all.lo;
        double chosen = end[side];
        for (int step = 0; step < SHRINK_STEPS && whole != 0; step++) {
            const double tried = whole * (1 - (1 - SHRINK_LEAST) * step / SHRINK_STEPS);
            const double c = side ? cost(h, end[0], tried) : cost(h, tried, end[1]);
            if (c < best) {
                best = c;
                chosen = tried;
            }
        }
        end[side] = chosen;
    }
    return (arc_range){(float)end[0], (float)end[1]};
}

arc_range arc_range_of(const arc_histogram *h, arc_quantize_method method, double percentile) {
    const arc_range all = {fminf(h->least, 0), fmaxf(h->most, 0)};
    if (h->width == 0 || !(all.hi - all.lo > 1e-30f))
        return (arc_range){-1, 1};
    arc_range chosen = all;
    if (method == ARC_QUANTIZE_PERCENTILE)
        chosen = percentile_range(h, all, percentile);
    else if (method == ARC_QUANTIZE_MSE)
        chosen = least_cost(h, all, squared_error);
    else if (method == ARC_QUANTIZE_KL)
        chosen = least_cost(h, all, divergence);
    return chosen.hi > chosen.lo ? chosen : all; /* half of the values off each end can be all of them */
}
