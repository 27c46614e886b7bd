/* plan: the rates of the cost model: a table of what was measured, and measuring where the table does not know the processor. */
#include "plan/cache.h"
#include "plan/tune.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool arc_rates_know(const char *cpu) {
    static const char zen5[] = "AuthenticAMD family 26 ";
    return strncmp(cpu, zen5, sizeof zen5 - 1) == 0;
}

/* Measures the rates and writes them to the cache; *out is changed only when both worked. */
static arc_status measure(arc_rates *out, const arc_execution *x, const char *path, const char *owner, arc_error *err) {
    arc_plan_record record;
    arc_error why = {0};
    arc_plan_record_init(&record, x->alloc);
    arc_status st = arc_plan_record_save(&record, path, owner, &why); /* first, so that nothing is measured that can't be kept */
    if (st == ARC_OK)
        st = arc_tune_rates(x, &record.rates, &why);
    if (st == ARC_OK)
        st = arc_plan_record_save(&record, path, owner, &why);
    if (st == ARC_OK) /* the figures as every later plan will read them */
        st = arc_plan_record_load(&record, path, owner, &why);
    if (st == ARC_OK && record.rates.macs > 0)
        *out = record.rates;
    else if (st != ARC_ENOMEM)
        arc_log(x->ctx, ARC_LOG_INFO, "this processor is planned for by the figures of another: %s", why.text);
    arc_plan_record_free(&record);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "measuring the processor") : ARC_OK;
}

arc_status arc_rates_find(arc_rates *out, const arc_execution *x, const char *cpu, arc_error *err) {
    char root[ARC_PATH_BYTES], path[ARC_PATH_BYTES + 64], owner[ARC_PLAN_OWNER_BYTES];
    *out = arc_rates_shipped(x->kernels->isa);
    if (arc_rates_know(cpu) || arc_cache_root(x->ctx->cache_dir, root, sizeof root, NULL) != ARC_OK)
        return ARC_OK;
    snprintf(owner, sizeof owner, "%s on %.120s, arcface %s", x->kernels->name, cpu, arc_version());
    snprintf(path, sizeof path, "%s/plans/%016" PRIx64 ".rates", root, arc_hash_bytes(ARC_HASH_START, owner, strlen(owner)));
    arc_plan_record record;
    arc_plan_record_init(&record, x->alloc);
    const arc_status st = arc_plan_record_load(&record, path, owner, NULL);
    const arc_rates kept = record.rates;
    arc_plan_record_free(&record);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, "the processor's rates");
    if (st == ARC_OK && kept.macs > 0) {
        *out = kept;
        return ARC_OK;
    }
    return measure(out, x, path, owner, err);
}
