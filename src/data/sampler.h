/* data: which sample is at which place of an epoch. The permutation is computed, not stored, and any place can be looked up
 * directly. It depends on seed and epoch alone, so resumed trainings, ranks and threads agree without communicating. */
#ifndef ARC_DATA_SAMPLER_H
#define ARC_DATA_SAMPLER_H

#include "base/base.h"

typedef struct arc_sampler {
    uint64_t samples; /* at least 1 */
    uint64_t key[8];  /* for the rounds of the Feistel network */
    unsigned half_bits;
} arc_sampler;

/* The order of one epoch. shuffle false: the samples in their own order. */
void arc_sampler_init(arc_sampler *s, uint64_t samples, uint64_t seed, uint64_t epoch, bool shuffle);
uint64_t arc_sampler_at(const arc_sampler *s, uint64_t place); /* place < samples; each sample occurs once */

#endif
