/* The list of precisions in --precision. */
#include "ui/cli.h"
#include <string.h>

static bool one(const char *text, size_t bytes, arc_precision *out) {
    for (arc_precision p = ARC_PRECISION_FP32; p <= ARC_PRECISION_FP16; p++) {
        const char *name = arc_precision_name(p);
        if (strlen(name) == bytes && memcmp(name, text, bytes) == 0) {
            *out = p;
            return true;
        }
    }
    return false;
}

bool cli_precisions(const cli *c, int most, arc_precision *precision, int *count) {
    const char *text = cli_value(c, "precision");
    *count = 1;
    precision[0] = ARC_PRECISION_FP32;
    if (!text)
        return true;
    *count = 0;
    for (const char *at = text; *count < most;) {
        const size_t bytes = strcspn(at, ",");
        if (!one(at, bytes, &precision[(*count)++]))
            break;
        if (!at[bytes])
            return true;
        at += bytes + 1;
    }
    cli_usage(c,
              most > 1 ? "--precision %s: fp32, bf16 and fp16, with commas between them, are expected"
                       : "--precision %s: must be fp32, bf16 or fp16",
              text);
    return false;
}
