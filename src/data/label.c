/* data: checks a label as files store it (a float32). */
#include "data/set_internal.h"
#include <math.h>

arc_status arc_data_label_check(double value, int64_t identities, int64_t *label, arc_error *err) {
    *label = -1;
    if (!(value >= 0 && value < ARC_DATA_MAX_IDENTITIES) || value != floor(value))
        return arc_fail(err, ARC_ECORRUPT, "label %g is not the number of an identity", value);
    if (value >= (double)identities)
        return arc_fail(err, ARC_ECORRUPT, "label %.0f, but there are %lld identities (0 to %lld)", value, (long long)identities,
                        (long long)identities - 1);
    *label = (int64_t)value;
    return ARC_OK;
}
