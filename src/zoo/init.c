/* zoo: random weights: normally distributed numbers by the ziggurat method (Marsaglia and Tsang 2000, 256 layers) from a
 * counter-based hash. 98.8 % of the numbers take one hash and one comparison, so the 52 million weights of r100 take a
 * fraction of a second. */
#include "base/hash.h"
#include "zoo/layers.h"
#include <math.h>
#include <string.h>

#define LAYERS 256
#define TAIL_START 3.6541528853610088 /* where the tail of the lowest layer begins */
#define LAYER_AREA 0.00492867323399

static double density_at(double x) {
    return exp(-0.5 * x * x);
}

void arc_zoo_normal_init(arc_zoo_normal *n) {
    n->edge[0] = LAYER_AREA / density_at(TAIL_START);
    n->edge[1] = TAIL_START;
    n->edge[LAYERS] = 0;
    for (int i = 1; i < LAYERS - 1; i++)
        n->edge[i + 1] = sqrt(-2.0 * log(LAYER_AREA / n->edge[i] + density_at(n->edge[i])));
    for (int i = 0; i <= LAYERS; i++)
        n->density[i] = density_at(n->edge[i]);
}

static double unit(uint64_t bits) {
    return ((double)(bits >> 11) + 0.5) * 0x1p-53; /* (0,1) */
}

/* The tail beyond TAIL_START, by exponentially distributed numbers. */
static double draw_tail(uint64_t key, uint64_t *counter) {
    for (;;) {
        double x = -log(unit(arc_rng_hash(key, (*counter)++))) / TAIL_START;
        double y = -log(unit(arc_rng_hash(key, (*counter)++)));
        if (y + y > x * x)
            return TAIL_START + x;
    }
}

/* Rare: the first number fell into a wedge or the tail. More numbers come from the element's own stream. */
static double draw_slowly(const arc_zoo_normal *n, uint64_t key, uint64_t first) {
    uint64_t own = arc_rng_hash(key ^ 0x5851f42d4c957f2du, first), counter = 0, bits = first;
    for (;;) {
        unsigned layer = (unsigned)(bits & 255);
        double x = unit(bits) * n->edge[layer], sign = bits & 256 ? -1 : 1;
        if (x < n->edge[layer + 1])
            return sign * x;
        if (layer == 0)
            return sign * draw_tail(own, &counter);
        double y = unit(arc_rng_hash(own, counter++));
        if (n->density[layer] + y * (n->density[layer + 1] - n->density[layer]) < density_at(x))
            return sign * x;
        bits = arc_rng_hash(own, counter++);
    }
}

static uint64_t stream_of(uint64_t seed, const char *name) {
    return arc_rng_hash(seed, arc_hash_bytes(ARC_HASH_START, name, strlen(name)));
}

void arc_zoo_fill_normal(const arc_zoo_normal *n, uint64_t seed, const char *name, double std, float *out, size_t count) {
    uint64_t key = stream_of(seed, name);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = arc_rng_hash(key, i);
        unsigned layer = (unsigned)(bits & 255);
        double x = unit(bits) * n->edge[layer];
        if (x < n->edge[layer + 1])
            x = bits & 256 ? -x : x;
        else
            x = draw_slowly(n, key, bits);
        out[i] = (float)(x * std);
    }
}

void arc_zoo_fill_uniform(uint64_t seed, const char *name, double bound, float *out, size_t count) {
    uint64_t key = stream_of(seed, name);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)((2 * unit(arc_rng_hash(key, i)) - 1) * bound);
}
