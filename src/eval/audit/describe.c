/* An audit as text and JSON, and its findings as a list. */
#include "base/text.h"
#include <arcface/audit.h>

static void put_tables(arc_text *t, const arc_audit *a) {
    arc_text_add(t, "pictures            %lld of %lld identities (%lld to %lld each, mean %.1f)\n", (long long)a->samples,
                 (long long)a->identities, (long long)a->least_samples, (long long)a->most_samples, a->mean_samples);
    arc_text_add(t, "single pictures     %lld identities; %lld have none\n", (long long)a->singletons,
                 (long long)a->empty_identities);
    arc_text_add(t, "unreadable          %lld\n", (long long)a->unreadable);
    arc_text_add(t, "doubtful labels     %lld\n", (long long)a->suspects_all);
    arc_text_add(t, "pictures twice      %lld\n", (long long)a->duplicates_all);
    arc_text_add(t, "%s %lld\n", a->other_identities ? "in both sets       " : "split identities   ", (long long)a->shareds_all);
}

/* One line a finding: kind, keys, figures. */
static void put_list(arc_text *t, const arc_audit *a) {
    arc_text_add(t, "kind\tsample\tother\tidentity\tother_identity\tangle_deg\tother_angle_deg\tcosine\tremark\n");
    for (int64_t i = 0; i < a->suspects; i++) {
        const arc_audit_suspect *s = &a->suspect[i];
        arc_text_add(t, "label\t%s\t\t%lld\t%lld\t%.2f\t%.2f\t\t%s\n", s->key, (long long)s->identity,
                     (long long)s->nearest_identity, s->angle_deg, s->nearest_angle_deg,
                     s->elsewhere ? "nearer to the other identity" : "far from both");
    }
    for (int64_t i = 0; i < a->duplicates; i++) {
        const arc_audit_duplicate *d = &a->duplicate[i];
        arc_text_add(t, "duplicate\t%s\t%s\t\t\t\t\t%.5f\t%s%s\n", d->key[0], d->key[1], d->cosine,
                     d->same_bytes ? "same bytes" : "alike", d->same_identity ? "" : ", two identities");
    }
    for (int64_t i = 0; i < a->shareds; i++) {
        const arc_audit_shared *s = &a->shared[i];
        arc_text_add(t, "shared\t%s\t%s\t%lld\t%lld\t\t\t%.5f\t\n", s->key[0], s->key[1], (long long)s->identity[0],
                     (long long)s->identity[1], s->cosine);
    }
}

static void put_bins(arc_text *t, const char *name, const int64_t *bin, int count) {
    arc_text_add(t, ",\n \"%s\": [", name);
    for (int i = 0; i < count; i++)
        arc_text_add(t, "%s%lld", i ? "," : "", (long long)bin[i]);
    arc_text_add(t, "]");
}

static void put_json(arc_text *t, const arc_audit *a) {
    arc_text_add(
        t, "{\"samples\": %lld, \"identities\": %lld, \"unreadable\": %lld, \"singletons\": %lld, \"empty_identities\": %lld,\n",
        (long long)a->samples, (long long)a->identities, (long long)a->unreadable, (long long)a->singletons,
        (long long)a->empty_identities);
    arc_text_add(t, " \"least_samples\": %lld, \"most_samples\": %lld, \"mean_samples\": %.17g,\n", (long long)a->least_samples,
                 (long long)a->most_samples, a->mean_samples);
    arc_text_add(
        t, " \"suspects_all\": %lld, \"duplicates_all\": %lld, \"shared_all\": %lld, \"norm_low\": %.9g, \"norm_high\": %.9g",
        (long long)a->suspects_all, (long long)a->duplicates_all, (long long)a->shareds_all, a->norm_low, a->norm_high);
    put_bins(t, "size_bins", a->size_bin, ARC_AUDIT_BINS);
    put_bins(t, "norm_bins", a->norm_bin, ARC_AUDIT_BINS);
    put_bins(t, "sharpness_bins", a->sharpness_bin, ARC_AUDIT_BINS);
    put_bins(t, "angle_bins", a->angle_bin, (int)ARC_COUNT(a->angle_bin));
    arc_text_add(t, ",\n \"suspects\": [");
    for (int64_t i = 0; i < a->suspects; i++) {
        const arc_audit_suspect *s = &a->suspect[i];
        arc_text_add(t, "%s\n  {\"sample\": ", i ? "," : "");
        arc_text_quote(t, s->key);
        arc_text_add(t,
                     ", \"identity\": %lld, \"angle_deg\": %.9g, \"nearest_identity\": %lld, \"nearest_angle_deg\": %.9g, "
                     "\"elsewhere\": %s}",
                     (long long)s->identity, s->angle_deg, (long long)s->nearest_identity, s->nearest_angle_deg,
                     arc_text_bool(s->elsewhere));
    }
    arc_text_add(t, "],\n \"duplicates\": [");
    for (int64_t i = 0; i < a->duplicates; i++) {
        const arc_audit_duplicate *d = &a->duplicate[i];
        arc_text_add(t, "%s\n  {\"samples\": [", i ? "," : "");
        arc_text_quote(t, d->key[0]);
        arc_text_add(t, ", ");
        arc_text_quote(t, d->key[1]);
        arc_text_add(t, "], \"cosine\": %.9g, \"same_bytes\": %s, \"same_identity\": %s}", d->cosine,
                     arc_text_bool(d->same_bytes), arc_text_bool(d->same_identity));
    }
    arc_text_add(t, "],\n \"shared\": [");
    for (int64_t i = 0; i < a->shareds; i++) {
        const arc_audit_shared *s = &a->shared[i];
        arc_text_add(t, "%s\n  {\"identities\": [%lld, %lld], \"samples\": [", i ? "," : "", (long long)s->identity[0],
                     (long long)s->identity[1]);
        arc_text_quote(t, s->key[0]);
        arc_text_add(t, ", ");
        arc_text_quote(t, s->key[1]);
        arc_text_add(t, "], \"cosine\": %.9g}", s->cosine);
    }
    arc_text_add(t, "]}\n");
}

arc_status arc_audit_describe(arc_context *ctx, const arc_audit *audit, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? put_json : put_tables)(&t, audit);
    return arc_text_end(&t, text, err);
}

arc_status arc_audit_findings(arc_context *ctx, const arc_audit *audit, const char *path, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    put_list(&t, audit);
    return arc_text_save(&t, path, err);
}
