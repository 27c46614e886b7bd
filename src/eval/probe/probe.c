/* eval: a probe. Every contract embeds the same faces in one session, which is possible because a contract only changes how
 * pixels become numbers; then the contracts are ranked, and the best is compared with each other one over the same resampled
 * people. */
#include "eval/probe/probe_internal.h"
#include "eval/stats/bootstrap.h"
#include "face/embed.h"
#include <string.h>

/* Mean cosine from which on two contracts give one embedding; networks in 8 bits round differently after any change of their
 * input. */
#define ALIKE 0.999
#define ALIKE_INT8 0.99

void arc_probe_options_default(arc_probe_options *opt) {
    *opt = (arc_probe_options){.struct_size = sizeof *opt, .people = 60, .images_each = 3, .bootstrap = 1000, .seed = 1};
    arc_detect_options_default(&opt->detect);
}

static arc_status check_options(const arc_probe_options *opt, arc_error *err) {
    if (ARC_CHECK_OPTIONS(arc_probe_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!opt)
        return ARC_OK;
    if (ARC_CHECK_OPTIONS(arc_detect_options, &opt->detect, err) != ARC_OK)
        return ARC_EINVAL;
    if (opt->people < 2 || opt->people > 1000 || opt->images_each < 2 || opt->images_each > 100 || opt->bootstrap < 100 ||
        opt->bootstrap > 100000)
        return arc_fail(err, ARC_EINVAL,
                        "a probe takes 2 to 1000 people, 2 to 100 pictures of each and 100 to 100000 replicates");
    if (opt->aligned && opt->photos)
        return arc_fail(err, ARC_EINVAL, "pictures are aligned crops or photos, not both");
    return ARC_OK;
}

/* A probe at work; rows, sums and replicates are of the trials in the order in which they were listed. */
typedef struct prober {
    arc_context *ctx;
    const arc_probe_options *opt;
    arc_probe *out;
    arc_probe_faces faces;
    arc_model view; /* the model with the contract that is being tried */
    arc_embedder *embedder;
    int dim;
    float *row;         /* [trials][faces][dim] unit rows */
    double *sums;       /* [trials][2][people][people] */
    int64_t *pairs;     /* [people][people] */
    double *drawn;      /* [trials][bootstrap] d' of each replicate */
    double *difference; /* [bootstrap] */
    int *times;         /* [people] */
    int replicates;     /* with pairs of both kinds */
} prober;

static float *rows_of(const prober *p, int trial) {
    return p->row + (size_t)trial * (size_t)p->faces.count * (size_t)p->dim;
}

static arc_probe_sums sums_of(const prober *p, int trial) {
    const size_t cells = (size_t)p->faces.people * (size_t)p->faces.people;
    double *at = p->sums + 2 * cells * (size_t)trial;
    return (arc_probe_sums){at, at + cells};
}

static arc_status make_room(prober *p, arc_error *err) {
    const arc_alloc *a = &p->ctx->alloc;
    const size_t trials = (size_t)p->out->trials, people = (size_t)p->faces.people, replicates = (size_t)p->opt->bootstrap;
    p->row = arc_mem_new(a, trials * (size_t)p->faces.count, (size_t)p->dim * sizeof *p->row);
    p->sums = arc_mem_new(a, 2 * trials * people, people * sizeof *p->sums);
    p->pairs = arc_mem_new(a, people, people * sizeof *p->pairs);
    p->drawn = arc_mem_new(a, trials, replicates * sizeof *p->drawn);
    p->difference = arc_mem_new(a, replicates, sizeof *p->difference);
    p->times = arc_mem_new(a, people, sizeof *p->times);
    return p->row && p->sums && p->pairs && p->drawn && p->difference && p->times ? ARC_OK : arc_fail_nomem(err, "the probe");
}

static void release(prober *p) {
    const arc_alloc *a = &p->ctx->alloc;
    arc_mem_free(a, p->times);
    arc_mem_free(a, p->difference);
    arc_mem_free(a, p->drawn);
    arc_mem_free(a, p->pairs);
    arc_mem_free(a, p->sums);
    arc_mem_free(a, p->row);
    arc_embedder_free(&p->embedder);
    arc_probe_faces_free(p->ctx, &p->faces);
}

/* Embeds all faces under the contract of trials `at` (plain) and `at` + 1 (with the mirrored face) and measures both. */
static arc_status try_contract(prober *p, int at, arc_error *err) {
    arc_probe_trial *t = &p->out->trial[at];
    const arc_embed_extra extra = {.points = (const float(*)[5][2])p->faces.points, .plain = rows_of(p, at)};
    p->view.contract.bgr = t->bgr;
    memcpy(p->view.contract.mean, t->mean, sizeof t->mean);
    memcpy(p->view.contract.scale, t->scale, sizeof t->scale);
    arc_status st = arc_embed_faces(p->embedder, p->faces.crop, &extra, p->faces.count, true, rows_of(p, at + 1), err);
    if (st == ARC_ECORRUPT)
        return ARC_OK; /* it overflows: these numbers are none that the network was trained on */
    for (int k = at; st == ARC_OK && k < at + 2; k++) {
        const arc_probe_sums sums = sums_of(p, k);
        arc_embedding_normalise(rows_of(p, k), p->faces.count, p->dim);
        p->out->trial[k].finite = true;
        st = arc_probe_measure(p->ctx, &p->faces, rows_of(p, k), p->dim, &p->out->trial[k], &sums, p->pairs, err);
    }
    return st;
}

static arc_status try_all(prober *p, arc_error *err) {
    const int64_t steps = p->out->trials / 2;
    for (int at = 0; at < p->out->trials; at += 2) {
        const arc_status st = try_contract(p, at, err);
        if (st != ARC_OK)
            return st;
        if (p->opt->progress && p->opt->progress(p->opt->progress_ctx, at / 2 + 1, steps) != 0)
            return arc_fail(err, ARC_ECANCEL, "the probe was cancelled");
    }
    return ARC_OK;
}

/* d' of every trial over resampled people, the same ones for all. */
static void resample(prober *p) {
    const int trials = p->out->trials;
    for (int r = 0; r < p->opt->bootstrap; r++) {
        bool whole = true;
        arc_bootstrap_draw(p->opt->seed, r, p->faces.people, p->times);
        for (int k = 0; k < trials; k++) {
            const arc_probe_sums sums = sums_of(p, k);
            double *to = p->drawn + (size_t)k * (size_t)p->opt->bootstrap + p->replicates;
            if (p->out->trial[k].finite)
                whole &= arc_probe_dprime(&sums, p->pairs, p->faces.people, p->times, to);
        }
        p->replicates += whole; /* few people: one alone may be drawn, who has no impostors */
    }
}

/* 95 % of a's d' minus b's; b < 0: of a's. */
static arc_interval interval_of(prober *p, int a, int b) {
    const size_t each = (size_t)p->opt->bootstrap;
    for (int r = 0; r < p->replicates; r++)
        p->difference[r] = p->drawn[(size_t)a * each + (size_t)r] - (b < 0 ? 0 : p->drawn[(size_t)b * each + (size_t)r]);
    return p->replicates ? arc_bootstrap_interval(p->difference, p->replicates) : (arc_interval){0, 0};
}

static double agreement(const prober *p, int a, int b) {
    double sum = 0;
    for (int i = 0; i < p->faces.count; i++)
        sum +=
            arc_embedding_cosine(rows_of(p, a) + (size_t)i * (size_t)p->dim, rows_of(p, b) + (size_t)i * (size_t)p->dim, p->dim);
    return sum / p->faces.count;
}

static bool better(const arc_probe_trial *a, const arc_probe_trial *b) {
    return a->finite != b->finite ? a->finite : a->dprime > b->dprime;
}

/* Compares every trial with the contract of trial `best`, each with the same flip. */
static void compare(prober *p, int best) {
    const int pair = best - best % 2;
    for (int k = 0; k < p->out->trials; k++) {
        arc_probe_trial *t = &p->out->trial[k];
        if (!t->finite)
            continue;
        t->interval = interval_of(p, k, -1);
        t->behind = interval_of(p, pair + k % 2, k);
        t->agreement = agreement(p, pair + k % 2, k);
        t->alike = t->agreement >= (arc_model_is_int8(p->view.graph) ? ALIKE_INT8 : ALIKE);
    }
    p->out->flip_gain = interval_of(p, pair + 1, pair);
}

/* Chooses among the contracts that give the best one's embeddings: the model's own, else the first listed. Nothing is chosen
 * while one that gives others is not behind by more than chance. */
static void decide(prober *p, int best) {
    arc_probe *out = p->out;
    const arc_probe_trial *b = &out->trial[best];
    int chosen = -1;
    bool close = false;
    out->chosen = -1;
    out->verdict = ARC_PROBE_NOTHING;
    if (!b->finite || b->interval.low <= 0)
        return;
    for (int k = best % 2; k < out->trials; k += 2) {
        const arc_probe_trial *t = &out->trial[k];
        if (!t->finite)
            continue;
        if (t->alike) {
            out->alike |= k != best;
            if (chosen < 0 || t->current)
                chosen = k;
        } else
            close |= t->behind.low <= 0;
    }
    out->verdict = close ? ARC_PROBE_CLOSE : out->trial[chosen].current ? ARC_PROBE_CONFIRMED : ARC_PROBE_OTHER;
    out->chosen = close ? -1 : chosen;
}

/* Best first; the order of the list among equals. */
static void rank(arc_probe *out) {
    for (int i = 1; i < out->trials; i++)
        for (int k = i; k > 0 && better(&out->trial[k], &out->trial[k - 1]); k--) {
            const arc_probe_trial t = out->trial[k];
            out->trial[k] = out->trial[k - 1];
            out->trial[k - 1] = t;
            if (out->chosen == k || out->chosen == k - 1)
                out->chosen = out->chosen == k ? k - 1 : k;
        }
}

static arc_status run(prober *p, const arc_model *model, arc_error *err) {
    int best = 0;
    arc_status st = arc_probe_faces_gather(p->ctx, model, p->opt, &p->faces, p->out, err);
    if (st != ARC_OK)
        return st;
    arc_probe_list(model, p->out);
    p->view = *model;
    st = arc_embedder_new(p->ctx, &p->view, &p->embedder, err);
    if (st != ARC_OK)
        return st;
    p->dim = arc_embedder_dim(p->embedder);
    st = make_room(p, err);
    if (st == ARC_OK)
        st = try_all(p, err);
    if (st != ARC_OK)
        return st;
    for (int k = 1; k < p->out->trials; k++)
        best = better(&p->out->trial[k], &p->out->trial[best]) ? k : best;
    resample(p);
    compare(p, best);
    decide(p, best);
    rank(p->out);
    return ARC_OK;
}

arc_status arc_model_probe(arc_context *ctx, const arc_model *model, const arc_probe_options *opt, arc_probe *out,
                           arc_error *err) {
    arc_probe_options options;
    *out = (arc_probe){.chosen = -1};
    arc_probe_options_default(&options);
    if (check_options(opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (opt)
        options = *opt;
    if (options.writes && arc_model_restatable(model, err) != ARC_OK)
        return ARC_EUNSUPPORTED;
    prober p = {.ctx = ctx, .opt = &options, .out = out};
    const arc_status st = run(&p, model, err);
    release(&p);
    return st;
}

arc_status arc_probe_write(arc_context *ctx, const arc_model *model, const arc_probe *probe, bool *changed, arc_error *err) {
    if (changed)
        *changed = false;
    if (probe->chosen < 0)
        return arc_fail(err, ARC_EINVAL, "nothing is written: the probe did not decide on a contract");
    const arc_probe_trial *t = &probe->trial[probe->chosen];
    const arc_status st = arc_model_restate(ctx, model, t->bgr, t->mean, t->scale, err);
    if (changed)
        *changed = st == ARC_OK && !t->current;
    return st;
}
