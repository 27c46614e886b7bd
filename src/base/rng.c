/* base: counter-based random numbers: number i of a stream depends on (seed, stream, i) alone and is the same on every
 * machine. */
#include "base/base.h"
#include <math.h>

/* SplitMix64's finaliser (Steele, Lea, Flood 2014) over a Weyl sequence. */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t arc_rng_hash(uint64_t key, uint64_t counter) {
    return mix(mix(key + 0x9e3779b97f4a7c15u) + (counter + 1) * 0x9e3779b97f4a7c15u);
}

void arc_rng_seed(arc_rng *r, uint64_t seed, uint64_t stream) {
    r->key = arc_rng_hash(seed, stream);
    r->counter = 0;
}

uint32_t arc_rng_u32(arc_rng *r) {
    return (uint32_t)(arc_rng_hash(r->key, r->counter++) >> 32);
}

float arc_rng_uniform(arc_rng *r) {
    return (float)(arc_rng_u32(r) >> 8) * 0x1p-24f;
}

float arc_rng_normal(arc_rng *r) {
    double u1 = ((double)arc_rng_u32(r) + 0.5) * 0x1p-32; /* never 0 */
    double u2 = ((double)arc_rng_u32(r) + 0.5) * 0x1p-32;
    return (float)(sqrt(-2.0 * log(u1)) * cos(6.283185307179586476925287 * u2));
}
