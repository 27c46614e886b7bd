/* What other arithmetic does to embeddings, as text and JSON. */
#include "base/text.h"
#include "deploy/parity/parity.h"

static const char *const device_names[] = {"rvc2", "rvc4-int8", "rvc4-int16"};

static void put_parity_json(arc_text *t, const arc_parity *p) {
    const arc_parity_cosines *c = &p->cosine;
    arc_text_add(t,
                 "\"embeddings\": %d, \"dim\": %d, \"cosine\": {\"mean\": %.7f, \"p50\": %.7f, \"p5\": %.7f, \"p1\": %.7f, "
                 "\"least\": %.7f, \"worst\": ",
                 c->count, p->dim, c->mean, c->p50, c->p5, c->p1, c->least);
    arc_text_quote(t, p->worst);
    arc_text_add(t, "}");
    if (p->verified)
        arc_text_add(t, ", \"pairs\": %d, \"folds\": %d, \"accuracy\": [%.5f, %.5f], \"tar\": [%.5f, %.5f]", p->before.pairs,
                     p->before.folds, p->before.accuracy, p->after.accuracy, p->before.tar, p->after.tar);
    arc_text_add(t, ", \"passed\": %s, \"refused\": ", arc_text_bool(!*p->refused));
    arc_text_quote(t, p->refused);
}

static void put_parity(arc_text *t, const arc_parity *p) {
    const arc_parity_cosines *c = &p->cosine;
    arc_text_add(t, "%d embeddings of %d numbers\n", c->count, p->dim);
    arc_text_add(t, "cosine to float32  mean %.6f, median %.6f, 5th percentile %.6f, 1st %.6f, worst %.6f (%s)\n", c->mean,
                 c->p50, c->p5, c->p1, c->least, p->worst);
    if (p->verified)
        arc_text_add(t, "%d pairs         accuracy %.5f -> %.5f, TAR@FAR=1e-3 %.5f -> %.5f (%d folds)\n", p->before.pairs,
                     p->before.accuracy, p->after.accuracy, p->before.tar, p->after.tar, p->before.folds);
    if (*p->refused)
        arc_text_add(t, "verdict            not accurate enough: %s\n", p->refused);
    else
        arc_text_add(t, "verdict            accurate enough (mean cosine %g, 1st percentile %g%s)\n", p->min_cosine,
                     p->min_low_cosine, p->verified ? ", drops of pairs" : "");
}

arc_status arc_parity_describe(arc_context *ctx, const arc_parity *p, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json) {
        arc_text_add(&t, "{");
        put_parity_json(&t, p);
        arc_text_add(&t, "}\n");
    } else {
        put_parity(&t, p);
    }
    return arc_text_end(&t, text, err);
}

static void put_overflows(arc_text *t, const arc_simulation *s) {
    for (int i = 0; i < s->overflows && i < ARC_SIMULATION_MAX_LAYERS; i++)
        arc_text_add(t, "overflow           %s: %lld numbers in %d crops\n", s->overflow[i].layer,
                     (long long)s->overflow[i].numbers, s->overflow[i].crops);
    if (s->overflows > ARC_SIMULATION_MAX_LAYERS)
        arc_text_add(t, "                   and %d layers behind these\n", s->overflows - ARC_SIMULATION_MAX_LAYERS);
}

arc_status arc_simulation_describe(arc_context *ctx, const arc_simulation *s, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json) {
        arc_text_add(&t, "{\"device\": \"%s\", \"calibrated\": %d, \"tensors\": %d, \"largest\": %.6g, \"largest_layer\": ",
                     device_names[s->device], s->calibrated, s->tensors, s->largest);
        arc_text_quote(&t, s->largest_layer);
        arc_text_add(&t, ", \"overflows\": %d, \"overflow\": [", s->overflows);
        for (int i = 0; i < s->overflows && i < ARC_SIMULATION_MAX_LAYERS; i++) {
            arc_text_add(&t, "%s{\"layer\": ", i ? ", " : "");
            arc_text_quote(&t, s->overflow[i].layer);
            arc_text_add(&t, ", \"numbers\": %lld, \"crops\": %d}", (long long)s->overflow[i].numbers, s->overflow[i].crops);
        }
        arc_text_add(&t, "], ");
        put_parity_json(&t, &s->parity);
        arc_text_add(&t, "}\n");
    } else {
        arc_text_add(&t, "arithmetic         %s, %d tensors rounded", device_names[s->device], s->tensors);
        if (s->calibrated)
            arc_text_add(&t, ", ranges from %d crops", s->calibrated);
        arc_text_add(&t, "\nlargest number     %.6g in float32, given by %s\n", s->largest, s->largest_layer);
        put_overflows(&t, s);
        put_parity(&t, &s->parity);
    }
    return arc_text_end(&t, text, err);
}
