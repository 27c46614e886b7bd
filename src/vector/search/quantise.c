/* vector/search: 8-bit vectors and their bounds. Lengths are summed in double, whose error of 1e-13 the rounding up covers. */
#include "vector/search/quantise.h"
#include <math.h>
#include <string.h>

#define MOST 127

/* Rounding in float: a sum of products of up to 4096 * 127^2, two scales and the bound itself round six times by 2^-24 at most.
 */
#define ROUNDING 0x1p-20

static float above(double x) {
    return x > 0 ? nextafterf((float)(x * (1 + 1e-9)), INFINITY) : 0;
}

bool arc_quantise_fits(const float *x, size_t dim) {
    double sum = 0;
    for (size_t i = 0; i < dim; i++)
        sum += (double)x[i] * (double)x[i];
    if (sum == 0)
        return true;
    const double length = sqrt(sum);
    return length >= ARC_QUANTISE_SHORTEST && length <= ARC_QUANTISE_LONGEST; /* NaN is neither */
}

arc_quantised arc_quantise(const float *x, size_t dim, int8_t *code, size_t stride) {
    float most = 0;
    for (size_t i = 0; i < dim; i++)
        most = ARC_MAX(most, fabsf(x[i]));
    memset(code, 0, stride);
    if (most == 0)
        return (arc_quantised){0};
    const float scale = most / MOST, inverse = 1 / scale;
    double error = 0, length = 0, whole = 0;
    for (size_t i = 0; i < dim; i++) {
        const float q = ARC_MIN(ARC_MAX(rintf(x[i] * inverse), -MOST), MOST);
        const double near = (double)q * (double)scale, left = (double)x[i] - near;
        code[i] = (int8_t)q;
        error += left * left;
        length += near * near;
        whole += (double)x[i] * (double)x[i];
    }
    return (arc_quantised){scale, above(sqrt(error)), above(sqrt(length)), above(sqrt(whole))};
}

arc_quantised arc_quantised_probe(arc_quantised q) {
    const double more = 1 + ROUNDING;
    q.error = above(((double)q.error + ROUNDING * (double)q.whole) * more);
    q.whole = above((double)q.whole * more);
    return q;
}
