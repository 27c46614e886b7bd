/* generate: an audit of templates as text and as JSON. */
#include "base/text.h"
#include "generate/templates/say.h"

static void add_line(arc_text *t, const char *head, const char *sentence) {
    if (!sentence)
        t->st = ARC_ENOMEM;
    else
        arc_text_add(t, "%s%s\n", head, sentence);
}

static void tell(arc_text *t, const arc_template_audit *a, arc_arena *arena) {
    arc_text_add(t, "%lld templates of %d numbers, made by %s\n", (long long)a->templates, a->dim, a->model);
    add_line(t, "accepted from:  ", arc_template_say_threshold(arena, a->threshold, a->source, a->far));
    if (a->reference != ARC_TEMPLATE_NO_REFERENCE)
        add_line(t, "independently:  ", arc_template_say_threshold(arena, a->independent_threshold, a->independent_source, 0));
    add_line(t, "\n", arc_template_say_plain(arena, a));
    if (a->reference != ARC_TEMPLATE_NO_REFERENCE)
        add_line(t, "\n", arc_template_say_elsewhere(arena, a));
    if (a->has_protected) {
        add_line(t, "\n", arc_template_say_unkeyed(arena, a));
        add_line(t, "\n", arc_template_say_keyed(arena, a));
    }
    add_line(t, "\n", arc_template_say_limits(arena, a));
}

/* ---- for programs ---- */

static void json_cosines(arc_text *t, const arc_generate_cosines *c) {
    arc_text_add(t, "{\"mean\": %.9g, \"least\": %.9g, \"p5\": %.9g, \"median\": %.9g, \"p95\": %.9g}", c->mean, c->least, c->p5,
                 c->median, c->p95);
}

static void json_rate(arc_text *t, const char *name, const arc_rate *r) {
    arc_text_add(t, "\"%s\": {\"hits\": %lld, \"trials\": %lld, \"rate\": %.9g, \"low\": %.9g, \"high\": %.9g}", name,
                 (long long)r->hits, (long long)r->trials, r->value, r->wilson.low, r->wilson.high);
}

static void json_trial(arc_text *t, const char *name, const arc_template_trial *trial) {
    arc_text_add(t, ", \"%s\": {\"cosine\": ", name);
    json_cosines(t, &trial->cosine);
    arc_text_add(t, ", ");
    json_rate(t, "accepted", &trial->accepted);
    arc_text_add(t, ", ");
    json_rate(t, "strangers", &trial->strangers);
    arc_text_add(t, "}");
}

static void json_threshold(arc_text *t, const char *name, double threshold, arc_threshold_source source) {
    static const char *const word[] = {"given", "far", "calibrated", "contract"};
    arc_text_add(t, ", \"%s\": {\"cosine\": %.9g, \"source\": \"%s\"}", name, threshold, word[source]);
}

static void json_all(arc_text *t, const arc_template_audit *a) {
    static const char *const reference[] = {"none", "photos", "second faces"};
    arc_text_add(t, "{\"model\": ");
    arc_text_quote(t, a->model);
    arc_text_add(t, ", \"templates\": %lld, \"dim\": %d, \"rebuilt\": %d, \"steps\": %lld", (long long)a->templates, a->dim,
                 a->rebuilt, (long long)a->steps);
    json_threshold(t, "threshold", a->threshold, a->source);
    if (a->far > 0)
        arc_text_add(t, ", \"far\": %.9g", a->far);
    json_trial(t, "plain", &a->plain);
    if (a->reference != ARC_TEMPLATE_NO_REFERENCE) {
        arc_text_add(t, ", \"independent\": ");
        arc_text_quote(t, a->independent);
        arc_text_add(t, ", \"reference\": \"%s\"", reference[a->reference]);
        json_threshold(t, "independent_threshold", a->independent_threshold, a->independent_source);
        json_trial(t, "elsewhere", &a->elsewhere);
    }
    if (a->has_protected) {
        json_trial(t, "protected_without_key", &a->unkeyed);
        arc_text_add(t, ", \"protected_fit\": ");
        json_cosines(t, &a->unkeyed_fit);
        arc_text_add(t, ", \"cosine_change\": %.3g, \"key_error\": %.3g", a->cosine_change, a->key_error);
    }
    arc_text_add(t, "}\n");
}

arc_status arc_template_audit_describe(arc_context *ctx, const arc_template_audit *audit, bool json, char **text,
                                       arc_error *err) {
    arc_text t;
    arc_arena arena;
    arc_arena_init(&arena, &ctx->alloc, 0);
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        json_all(&t, audit);
    else
        tell(&t, audit, &arena);
    arc_arena_free(&arena);
    return arc_text_end(&t, text, err);
}
