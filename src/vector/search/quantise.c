/* vector/search: 8-bit vectors and their bounds. Lengths are summed in double, whose error of 1e-13 the rounding up covers. */
#include "vector/search/quantise.h"
#include <math.h>
#include <string.h>

#define MOST 127
#define LANES 8 /* partial sums, which the compiler keeps in registers */
#define STEP 64

/* Rounding in float: a sum of products of up to 4096 * 127^2, two scales and the bound itself round six times by 2^-24 at most.
 */
#define ROUNDING 0x1p-20

static float above(double x) {
    return x > 0 ? nextafterf((float)(x * (1 + 1e-9)), INFINITY) : 0;
}

static double sum_of(const double part[LANES]) {
    double sum = 0;
    for (size_t j = 0; j < LANES; j++)
        sum += part[j];
    return sum;
}

static double square_of(const float *x, size_t dim) {
    double part[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= dim; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            part[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t j = 0; i + j < dim; j++)
        part[j] += (double)x[i + j] * (double)x[i + j];
    return sum_of(part);
}

bool arc_quantise_fits(const float *x, size_t dim) {
    const double sum = square_of(x, dim);
    if (sum == 0)
        return true;
    const double length = sqrt(sum);
    return length >= ARC_QUANTISE_SHORTEST && length <= ARC_QUANTISE_LONGEST; /* NaN is neither */
}

/* To the nearest whole number, for numbers up to 2^22: added to 1.5 * 2^23 a float has no places behind the point. */
static float nearest(float x) {
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

static float largest_of(const float *x, size_t dim) {
    float part[LANES] = {0}, most = 0;
    size_t i = 0;
    for (; i + LANES <= dim; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            part[j] = ARC_MAX(part[j], fabsf(x[i + j]));
    for (; i < dim; i++)
        most = ARC_MAX(most, fabsf(x[i]));
    for (size_t j = 0; j < LANES; j++)
        most = ARC_MAX(most, part[j]);
    return most;
}

arc_quantised arc_quantise(const float *x, size_t dim, int8_t *code, size_t stride) {
    float near[STEP];
    double error[LANES] = {0}, length[LANES] = {0};
    const float most = largest_of(x, dim);
    memset(code, 0, stride);
    if (most == 0)
        return (arc_quantised){0};
    const float scale = most / MOST, inverse = 1 / scale;
    for (size_t at = 0; at < dim; at += STEP) {
        const size_t n = ARC_MIN(dim - at, (size_t)STEP);
        for (size_t i = 0; i < n; i++)
            near[i] = ARC_MIN(ARC_MAX(nearest(x[at + i] * inverse), -MOST), MOST);
        for (size_t i = 0; i < n; i++)
            code[at + i] = (int8_t)near[i];
        for (size_t i = 0; i < n; i++) {
            const double q = (double)near[i] * (double)scale, left = (double)x[at + i] - q;
            error[i % LANES] += left * left;
            length[i % LANES] += q * q;
        }
    }
    return (arc_quantised){scale, above(sqrt(sum_of(error))), above(sqrt(sum_of(length))), above(sqrt(square_of(x, dim)))};
}

arc_quantised arc_quantised_probe(arc_quantised q) {
    const double more = 1 + ROUNDING;
    q.error = above(((double)q.error + ROUNDING * (double)q.whole) * more);
    q.whole = above((double)q.whole * more);
    return q;
}
