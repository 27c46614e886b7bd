/* data: the order of samples: a Feistel network over the next even power of two, applied again until the result lies inside
 * the set (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002): on average fewer than four times. */
#include "data/sampler.h"
#include <assert.h>

#define STREAM 0x73616d706c657273u /* separates this order from other uses of the seed */

void arc_sampler_init(arc_sampler *s, uint64_t samples, uint64_t seed, uint64_t epoch, bool shuffle) {
    assert(samples >= 1);
    *s = (arc_sampler){.samples = samples};
    if (!shuffle)
        return;
    s->half_bits = 1;
    while (s->half_bits < 31 && (uint64_t)1 << (2 * s->half_bits) < samples)
        s->half_bits++;
    const uint64_t key = arc_rng_hash(arc_rng_hash(seed, STREAM), epoch);
    for (unsigned i = 0; i < ARC_COUNT(s->key); i++)
        s->key[i] = arc_rng_hash(key, i);
}

uint64_t arc_sampler_at(const arc_sampler *s, uint64_t place) {
    if (!s->half_bits)
        return place;
    const uint64_t mask = ((uint64_t)1 << s->half_bits) - 1;
    do {
        uint64_t left = place >> s->half_bits, right = place & mask;
        for (unsigned i = 0; i < ARC_COUNT(s->key); i++) {
            const uint64_t next = left ^ (arc_rng_hash(s->key[i], right) & mask);
            left = right;
            right = next;
        }
        place = left << s->half_bits | right;
    } while (place >= s->samples);
    return place;
}
