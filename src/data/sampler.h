/* sampler: which sample stands at which place of an epoch. A permutation by arithmetic: any place is found at once, nothing is stored, and the
 * order depends on seed and epoch alone, so that resuming, ranks and threads need no agreement. */
#ifndef ARC_DATA_SAMPLER_H
#define ARC_DATA_SAMPLER_H

#include "base/base.h"

typedef struct arc_sampler {
    uint64_t samples; /* at least 1 */
    uint64_t key[8];  /* of the rounds */
    unsigned half_bits;
} arc_sampler;

/* The order of one epoch. shuffle false: the samples' own order. */
void arc_sampler_init(arc_sampler *s, uint64_t samples, uint64_t seed, uint64_t epoch, bool shuffle);
uint64_t arc_sampler_at(const arc_sampler *s, uint64_t place); /* place < samples; each sample once */

#endif
