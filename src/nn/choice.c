/* nn: choosing one of a layer's candidates. */
#include "nn/choice.h"
#include <assert.h>

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

arc_rates arc_choice_rates(const arc_prepare *p) {
    return arc_rates_shipped(p->step->kernels->isa);
}

arc_status arc_choose(arc_prepare *p, const char *key, const void *layer, const arc_candidate *candidate, int count) {
    assert(count > 0 && count <= ARC_MAX_CANDIDATES);
    (void)key;
    const arc_candidate *best = candidate;
    for (int i = 1; i < count; i++)
        if (candidate[i].cost_ns < best->cost_ns)
            best = &candidate[i];
    return best->prepare(p, layer, best);
}
