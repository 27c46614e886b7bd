/* candidate: the cheapest by the cost model, the shipped rates, and asking the planner's chooser. */
#include "op/candidate.h"
#include <assert.h>
#include <string.h>

arc_rates arc_rates_shipped(arc_isa isa) {
    switch (isa) {
    case ARC_ISA_AVX512:
        return (arc_rates){100, 8, 7, 2};
    case ARC_ISA_AVX2:
        return (arc_rates){50, 6, 10, 2};
    case ARC_ISA_NEON:
        return (arc_rates){16, 2, 4, 2};
    case ARC_ISA_GENERIC:
        break;
    }
    return (arc_rates){4, 0.15, 10, 2};
}

const arc_candidate *arc_candidate_cheapest(const arc_candidate *candidate, int count, const char *algorithm,
                                            const char *schedule) {
    const arc_candidate *best = NULL;
    for (int i = 0; i < count; i++) {
        const arc_candidate *c = &candidate[i];
        if ((!algorithm || strcmp(c->algorithm, algorithm) == 0) && (!schedule || strcmp(c->schedule, schedule) == 0) &&
            (!best || c->cost_ns < best->cost_ns))
            best = c;
    }
    return best;
}

arc_rates arc_choice_rates(const arc_prepare *p) {
    return p->chooser ? p->chooser->rates : arc_rates_shipped(p->step->kernels->isa);
}

arc_status arc_choose(arc_prepare *p, const char *key, const void *layer, const arc_candidate *candidate, int count) {
    assert(count > 0 && count <= ARC_MAX_CANDIDATES);
    const arc_candidate *best = arc_candidate_cheapest(candidate, count, NULL, NULL);
    if (p->chooser && count > 1) {
        const arc_status st = p->chooser->choose(p->chooser, p, key, layer, candidate, count, &best);
        if (st != ARC_OK)
            return st;
    }
    p->step->schedule = best->schedule;
    return best->prepare(p, layer, best);
}
