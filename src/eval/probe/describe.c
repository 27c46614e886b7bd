/* eval: a probe as text and as JSON. */
#include "base/text.h"
#include "eval/probe/probe_internal.h"
#include <string.h>

static const char *const verdicts[] = {[ARC_PROBE_CONFIRMED] = "confirmed",
                                       [ARC_PROBE_OTHER] = "other",
                                       [ARC_PROBE_CLOSE] = "close",
                                       [ARC_PROBE_NOTHING] = "nothing"};

static void put_name(arc_text *t, const arc_probe_trial *x) {
    arc_text_add(t, "%s %s", x->bgr ? "BGR" : "RGB", x->name);
}

static bool same_contract(const arc_probe_trial *a, const arc_probe_trial *b) {
    return a->bgr == b->bgr && strcmp(a->name, b->name) == 0;
}

static void put_row(arc_text *t, const arc_probe *p, const arc_probe_trial *x) {
    arc_text_add(t, "%s %-3s  %-13s %-4s", x->current ? "*" : " ", x->bgr ? "BGR" : "RGB", x->name, x->flip ? "flip" : "");
    if (!x->finite) {
        arc_text_add(t, "  the network overflows\n");
        return;
    }
    arc_text_add(t, " %6.3f  %6.3f to %-6.3f  %.4f %8.3f %8.3f", x->dprime, x->interval.low, x->interval.high, x->auc, x->genuine,
                 x->impostor);
    if (!same_contract(x, p->trial) && p->verdict != ARC_PROBE_NOTHING)
        arc_text_add(t, "  %s", x->alike ? "the best's embeddings" : x->behind.low <= 0 ? "too close to call" : "");
    arc_text_add(t, "\n");
}

/* The contracts that are too close to the best, and what to do. */
static void put_close(arc_text *t, const arc_probe *p) {
    const arc_probe_trial *best = &p->trial[0];
    arc_text_add(t, "too close to call: ");
    put_name(t, best);
    for (int i = 1; i < p->trials; i++) {
        const arc_probe_trial *x = &p->trial[i];
        if (x->finite && x->flip == best->flip && x->behind.low <= 0 && !x->alike) {
            arc_text_add(t, ", ");
            put_name(t, x);
        }
    }
    arc_text_add(t, " may each be the best. More people%s decide.\n",
                 p->drawn ? ", and photographs in place of drawn faces (--images)," : " (or more pictures of each)");
}

static void put_verdict(arc_text *t, const arc_probe *p) {
    const arc_probe_trial *chosen = p->chosen < 0 ? NULL : &p->trial[p->chosen];
    switch (p->verdict) {
    case ARC_PROBE_CONFIRMED:
        arc_text_add(t, "the model's own contract, ");
        put_name(t, chosen);
        arc_text_add(t, ", is right%s\n", p->alike ? "; others that give the same embeddings are marked" : "");
        break;
    case ARC_PROBE_OTHER:
        put_name(t, chosen);
        arc_text_add(t, " is right, not what the model says now%s\n",
                     p->alike ? "; others that give the same embeddings are marked" : "");
        break;
    case ARC_PROBE_CLOSE:
        put_close(t, p);
        break;
    case ARC_PROBE_NOTHING:
        arc_text_add(t, "nothing separates these people: is it a trained recogniser%s?\n",
                     p->drawn ? ", and one for faces like drawn ones (--images takes photographs)" : "");
        break;
    }
    if (p->verdict != ARC_PROBE_NOTHING)
        arc_text_add(t, "the mirrored face added (--flip) changes d' by %+.3f to %+.3f: %s\n", p->flip_gain.low,
                     p->flip_gain.high,
                     p->flip_gain.low > 0    ? "it helps"
                     : p->flip_gain.high < 0 ? "it harms"
                                             : "no difference shown");
}

static void put_plain(arc_text *t, const arc_probe *p) {
    arc_text_add(t, "%d pictures of %d %speople: %lld pairs of one person, %lld of two\n", p->images, p->people,
                 p->drawn ? "drawn " : "", (long long)p->genuine, (long long)p->impostor);
    if (p->skipped)
        arc_text_add(t, "%d pictures left out; the first: %s\n", p->skipped, p->first_problem);
    arc_text_add(t, "\n  %-3s  %-13s %-4s %6s  %-16s  %-6s %8s %8s\n", "", "normalisation", "", "d'", "95 % over people", "AUC",
                 "genuine", "impostor");
    for (int i = 0; i < p->trials; i++)
        put_row(t, p, &p->trial[i]);
    arc_text_add(t, "* what the model says now\n\n");
    put_verdict(t, p);
}

static void put_numbers(arc_text *t, const char *name, const float x[3]) {
    arc_text_add(t, ", \"%s\": [%.9g, %.9g, %.9g]", name, (double)x[0], (double)x[1], (double)x[2]);
}

static void put_trial_json(arc_text *t, const arc_probe_trial *x) {
    arc_text_add(t, "{\"color\": \"%s\", \"norm\": ", x->bgr ? "bgr" : "rgb");
    arc_text_quote(t, x->name);
    put_numbers(t, "mean", x->mean);
    put_numbers(t, "scale", x->scale);
    arc_text_add(t, ", \"flip\": %s, \"current\": %s, \"finite\": %s", arc_text_bool(x->flip), arc_text_bool(x->current),
                 arc_text_bool(x->finite));
    if (x->finite)
        arc_text_add(t,
                     ", \"dprime\": %.9g, \"low\": %.9g, \"high\": %.9g, \"behind_low\": %.9g, \"behind_high\": %.9g, \"auc\": "
                     "%.9g, \"genuine\": %.9g, \"impostor\": %.9g, \"agreement\": %.9g, \"alike\": %s",
                     x->dprime, x->interval.low, x->interval.high, x->behind.low, x->behind.high, x->auc, x->genuine, x->impostor,
                     x->agreement, arc_text_bool(x->alike));
    arc_text_add(t, "}");
}

static void put_json(arc_text *t, const arc_probe *p) {
    arc_text_add(t,
                 "{\"verdict\": \"%s\", \"drawn\": %s, \"people\": %d, \"images\": %d, \"skipped\": %d, \"genuine_pairs\": %lld, "
                 "\"impostor_pairs\": %lld,\n \"chosen\": ",
                 verdicts[p->verdict], arc_text_bool(p->drawn), p->people, p->images, p->skipped, (long long)p->genuine,
                 (long long)p->impostor);
    if (p->chosen < 0)
        arc_text_add(t, "null");
    else
        put_trial_json(t, &p->trial[p->chosen]);
    arc_text_add(t, ",\n \"alike\": %s, \"flip_gain_low\": %.9g, \"flip_gain_high\": %.9g,\n \"trials\": [",
                 arc_text_bool(p->alike), p->flip_gain.low, p->flip_gain.high);
    for (int i = 0; i < p->trials; i++) {
        arc_text_add(t, "%s\n  ", i ? "," : "");
        put_trial_json(t, &p->trial[i]);
    }
    arc_text_add(t, "]}\n");
}

arc_status arc_probe_describe(arc_context *ctx, const arc_probe *probe, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        put_json(&t, probe);
    else
        put_plain(&t, probe);
    return arc_text_end(&t, text, err);
}
