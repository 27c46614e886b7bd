/* plan: choosing one of a layer's candidates, by record, measurement or cost model. Files of records are cache.c's, measuring is
 * tune.c's. */
#include "plan/choice.h"
#include "plan/cache.h"
#include "plan/tune.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GAIN 0.95 /* another candidate wins when it takes less than this share of the time of the cost model's */
#define COLD_WEIGHT_BYTES ((size_t)16 << 20) /* a network of more does not stay in the cache from run to run */

struct arc_choices {
    arc_chooser chooser; /* first member: layers hold a pointer to it, recorded_or_measured finds the rest behind it */
    const arc_execution *x;
    arc_plan_record record;
    arc_tuner tuner;
    bool tune, changed;
    char path[ARC_PATH_BYTES + 64], owner[ARC_PLAN_OWNER_BYTES];
};

/* ---- one layer ------------------------------------------------------------------------------------------------------------- */

/* The fastest on this machine among the candidates with that algorithm (NULL: any). The cost model's choice stays where another
 * is faster by no more than measuring varies. */
static arc_status fastest(arc_choices *c, const arc_prepare *p, const char *key, const void *layer,
                          const arc_candidate *candidate, int count, const char *algorithm, const arc_candidate **best) {
    const arc_candidate *expected = arc_candidate_cheapest(candidate, count, algorithm, NULL);
    double least = 0;
    *best = NULL;
    for (int i = 0; i < count; i++) {
        double ns = 0;
        if (algorithm && strcmp(candidate[i].algorithm, algorithm) != 0)
            continue;
        const arc_status st = arc_tune_candidate(&c->tuner, p, layer, &candidate[i], &ns);
        if (st != ARC_OK)
            return st;
        arc_log(c->x->ctx, ARC_LOG_DEBUG, "%s: %s, %s: %.1f us", key, candidate[i].algorithm, candidate[i].schedule, ns * 1e-3);
        if (&candidate[i] == expected)
            ns *= GAIN;
        if (!*best || ns < least) {
            *best = &candidate[i];
            least = ns;
        }
    }
    return ARC_OK;
}

/* arc_chooser's choose. */
static arc_status recorded_or_measured(const arc_chooser *self, const arc_prepare *p, const char *key, const void *layer,
                                       const arc_candidate *candidate, int count, const arc_candidate **best) {
    arc_choices *c = (arc_choices *)(uintptr_t)self;
    const int threads = arc_pool_threads(p->step->pool);
    const char *algorithm = arc_plan_record_find(&c->record, key, 0), *schedule = NULL;
    if (algorithm && !arc_candidate_cheapest(candidate, count, algorithm, NULL))
        algorithm = NULL; /* the record is of a version that had other candidates */
    if (algorithm) {
        schedule = arc_plan_record_find(&c->record, key, threads);
        *best = schedule ? arc_candidate_cheapest(candidate, count, algorithm, schedule) : NULL;
        if (*best || !c->tune) {
            *best = *best ? *best : arc_candidate_cheapest(candidate, count, algorithm, NULL);
            return ARC_OK;
        }
    } else if (!c->tune) {
        *best = arc_candidate_cheapest(candidate, count, NULL, NULL);
        return ARC_OK;
    }
    arc_status st = fastest(c, p, key, layer, candidate, count, algorithm, best);
    if (st == ARC_OK)
        st = arc_plan_record_set(&c->record, key, 0, (*best)->algorithm, p->err);
    if (st == ARC_OK)
        st = arc_plan_record_set(&c->record, key, threads, (*best)->schedule, p->err);
    c->changed = true;
    return st;
}

/* ---- one plan -------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_shape(uint64_t hash, const arc_shape *s) {
    return arc_hash_bytes(hash, s->dim, (size_t)ARC_MAX(s->rank, 0) * sizeof s->dim[0]);
}

/* Hash of all that decides which candidates there are and how fast: the machine, the network's layers, the shapes of weights and
 * inputs, precision. */
static uint64_t hash_plan(const arc_choices_of *of, const char *owner) {
    const arc_graph *g = of->graph;
    const arc_precision precision = of->x->precision;
    const uint8_t flags =
        (uint8_t)((precision == ARC_PRECISION_BF16) | of->x->low_memory << 1 | (precision == ARC_PRECISION_FP16) << 2);
    uint64_t hash = arc_hash_bytes(ARC_HASH_START, owner, strlen(owner));
    hash = arc_hash_bytes(hash, &flags, 1);
    for (int i = 0; i < g->inputs; i++)
        hash = hash_shape(hash, &of->input_shape[i]);
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *n = &g->node[i];
        hash = arc_hash_bytes(hash, n->op, strlen(n->op) + 1);
        for (int k = 0; k < n->inputs; k++)
            if (n->input[k] >= 0 && g->value[n->input[k]].data)
                hash = hash_shape(hash, &g->value[n->input[k]].shape);
    }
    return hash;
}

static size_t weight_bytes(const arc_graph *g) {
    size_t bytes = 0;
    for (int v = 0; v < g->values; v++)
        bytes += g->value[v].data ? g->value[v].data_bytes : 0;
    return bytes;
}

/* Reads the record. One that can't be used is logged and counts as none. */
static arc_status load(arc_choices *c, arc_error *err) {
    arc_error why = {0};
    arc_status st = arc_plan_record_load(&c->record, c->path, c->owner, &why);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, "a plan's record");
    if (st != ARC_OK && st != ARC_ENOTFOUND)
        arc_log(c->x->ctx, ARC_LOG_WARN, "%s", why.text);
    if (!c->tune)
        return ARC_OK;
    st = arc_plan_record_save(&c->record, c->path, c->owner, &why); /* nothing is measured that could not be kept */
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, "a plan's record");
    if (st != ARC_OK) {
        arc_log(c->x->ctx, ARC_LOG_WARN, "nothing is measured, the plan could not be kept: %s", why.text);
        c->tune = false;
    }
    return ARC_OK;
}

arc_status arc_choices_open(arc_choices **out, const arc_choices_of *of, arc_error *err) {
    char root[ARC_PATH_BYTES], cpu[160];
    const arc_execution *x = of->x;
    *out = NULL;
    arc_choices *c = arc_mem_new(x->alloc, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(err, "a plan's choices");
    c->chooser.choose = recorded_or_measured;
    c->x = x;
    c->tune = x->tune;
    c->tuner = (arc_tuner){.alloc = x->alloc, .cold = weight_bytes(of->graph) > COLD_WEIGHT_BYTES};
    arc_plan_record_init(&c->record, x->alloc);
    arc_cpu_text(cpu, sizeof cpu);
    snprintf(c->owner, sizeof c->owner, "%s on %.120s, arcface %s", x->kernels->name, cpu, arc_version());
    arc_status st = arc_rates_find(&c->chooser.rates, x, cpu, err);
    c->tuner.weight_floats = c->chooser.rates.weight_floats;
    arc_error why = {0};
    if (st == ARC_OK && arc_cache_root(x->ctx->cache_dir, root, sizeof root, &why) == ARC_OK) {
        snprintf(c->path, sizeof c->path, "%s/plans/%016" PRIx64 ".plan", root, hash_plan(of, c->owner));
        st = load(c, err);
    } else if (st == ARC_OK && c->tune) {
        arc_log(x->ctx, ARC_LOG_WARN, "nothing is measured, the plan could not be kept: %s", why.text);
        c->tune = false;
    }
    if (st != ARC_OK)
        arc_choices_close(&c);
    *out = c;
    return st;
}

const arc_chooser *arc_choices_chooser(const arc_choices *choices) {
    return choices ? &choices->chooser : NULL;
}

void arc_choices_close(arc_choices **choices) {
    arc_choices *c = choices ? *choices : NULL;
    arc_error why = {0};
    if (!c)
        return;
    if (c->changed && arc_plan_record_save(&c->record, c->path, c->owner, &why) != ARC_OK)
        arc_log(c->x->ctx, ARC_LOG_WARN, "the measured plan is lost: %s", why.text);
    arc_plan_record_free(&c->record);
    arc_tuner_free(&c->tuner);
    const arc_alloc *a = c->x->alloc;
    arc_mem_free(a, c);
    *choices = NULL;
}
