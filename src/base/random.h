/* base: counter-based random numbers, the same on every machine. */
#ifndef ARC_BASE_RANDOM_H
#define ARC_BASE_RANDOM_H

#include <stdint.h>

typedef struct arc_rng {
    uint64_t key, counter;
} arc_rng;
void arc_rng_seed(arc_rng *r, uint64_t seed, uint64_t stream);
uint32_t arc_rng_u32(arc_rng *r);
float arc_rng_uniform(arc_rng *r); /* [0,1) with 24 bits */
float arc_rng_normal(arc_rng *r);  /* N(0,1), Box-Muller in double */
uint64_t arc_rng_hash(uint64_t key, uint64_t counter);

#endif
