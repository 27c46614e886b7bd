/* Data sets, checks and copies as text and JSON: what the data commands print. */
#include "base/text.h"
#include <arcface/data.h>
#include <inttypes.h>

static void info_json(arc_text *t, const char *path, const arc_data_info *n) {
    arc_text_add(t, "{\"path\": ");
    arc_text_quote(t, path);
    arc_text_add(
        t, ", \"kind\": \"%s\", \"layout\": \"%s\", \"pictures\": %" PRId64 ", \"identities\": %" PRId64 ", \"used\": %" PRId64,
        n->kind, n->layout ? n->layout : "", n->pictures, n->identities, n->used);
    arc_text_add(t,
                 ", \"least\": %" PRId64 ", \"median\": %" PRId64 ", \"most\": %" PRId64 ", \"singles\": %" PRId64
                 ", \"bytes\": %" PRId64,
                 n->least, n->median, n->most, n->singles, n->bytes);
    arc_text_add(t,
                 ", \"unreadable\": %" PRId64 ", \"bad_labels\": %" PRId64 ", \"duplicate_keys\": %" PRId64
                 ", \"damaged\": %" PRId64 ", \"indexed\": %s, \"width\": %d, \"height\": %d}\n",
                 n->unreadable, n->bad_labels, n->duplicate_keys, n->damaged, arc_text_bool(n->indexed), n->width_px,
                 n->height_px);
}

static void line(arc_text *t, int64_t count, const char *what) {
    if (count > 0)
        arc_text_add(t, "%-12s %" PRId64 " %s\n", "", count, what);
}

static void info_text(arc_text *t, const char *path, const arc_data_info *n) {
    arc_text_add(t, "%-12s %s\n%-12s %s%s%s%s\n", "set", path, "kind", n->kind, n->layout ? ", layout " : "",
                 n->layout ? n->layout : "", n->indexed ? "" : ", no index (arcface data repair makes one)");
    arc_text_add(t, "%-12s %" PRId64 ", %.1f MB", "pictures", n->pictures, (double)n->bytes / 1e6);
    if (n->width_px)
        arc_text_add(t, ", the first %d x %d", n->width_px, n->height_px);
    arc_text_add(t, "\n%-12s %" PRId64 " (%" PRId64 " with pictures)", "identities", n->identities, n->used);
    if (n->property_identities >= 0)
        arc_text_add(t, ", property says %" PRId64, n->property_identities);
    arc_text_add(t, "\n%-12s %" PRId64 " to %" PRId64 ", median %" PRId64 "\n", "of each", n->least, n->most, n->median);
    line(t, n->singles, "identities with a single picture");
    line(t, n->unreadable, "unreadable records");
    line(t, n->bad_labels, "labels that are no identity");
    line(t, n->duplicate_keys, "keys more than once in the index");
    line(t, n->damaged, "damaged places");
    line(t, n->empty_folders, "folders without pictures");
    line(t, n->ignored_files, "files that are no pictures");
    if (n->used == 1)
        arc_text_add(t, "%-12s one identity only: nothing to tell apart\n", "");
}

static void verdict_json(arc_text *t, const arc_data_verdict *v) {
    arc_text_add(t,
                 "{\"pictures\": %" PRId64 ", \"good\": %" PRId64 ", \"problems\": %" PRId64 ", \"unreadable\": %" PRId64
                 ", \"undecodable\": %" PRId64 ", \"bad_labels\": %" PRId64 ", \"changed\": %" PRId64 ", \"unlisted\": %" PRId64,
                 v->pictures, v->good, v->problems, v->unreadable, v->undecodable, v->bad_labels, v->changed, v->unlisted);
    arc_text_add(t,
                 ", \"duplicate_keys\": %" PRId64 ", \"unindexed\": %" PRId64 ", \"damaged\": %" PRId64
                 ", \"bad_identities\": %" PRId64 ", \"sums\": %s}\n",
                 v->duplicate_keys, v->unindexed, v->damaged, v->bad_identities, arc_text_bool(v->sums));
}

static void verdict_text(arc_text *t, const arc_data_verdict *v, bool wrote) {
    arc_text_add(t, "%" PRId64 " of %" PRId64 " pictures are good%s\n", v->good, v->pictures,
                 wrote     ? "; checksums written"
                 : v->sums ? ", compared with their checksums"
                           : "");
    line(t, v->unreadable, "unreadable");
    line(t, v->undecodable, "not decodable");
    line(t, v->bad_labels, "with a label that is no identity");
    line(t, v->changed, "changed since their checksums were written");
    line(t, v->unlisted, "without a checksum");
    line(t, v->duplicate_keys, "keys more than once in the index");
    line(t, v->unindexed, "records that the index lacks (arcface data repair)");
    line(t, v->damaged, "damaged places in the file");
    line(t, v->bad_identities, "identity records that do not fit");
}

static void counts_json(arc_text *t, const char *path, const arc_data_counts *n) {
    arc_text_add(t, "{\"path\": ");
    arc_text_quote(t, path);
    arc_text_add(t,
                 ", \"pictures\": %" PRId64 ", \"identities\": %" PRId64 ", \"bytes\": %" PRId64 ", \"skipped\": %" PRId64
                 ", \"left_out\": %" PRId64 "}\n",
                 n->pictures, n->identities, n->bytes, n->skipped, n->left_out);
}

static void counts_text(arc_text *t, const char *path, const arc_data_counts *n) {
    arc_text_add(t, "%s: %" PRId64 " pictures of %" PRId64 " identities, %.1f MB", path, n->pictures, n->identities,
                 (double)n->bytes / 1e6);
    if (n->left_out)
        arc_text_add(t, ", %" PRId64 " left out", n->left_out);
    arc_text_add(t, "\n");
}

arc_status arc_data_info_describe(arc_context *ctx, const char *set, const arc_data_info *info, bool json, char **text,
                                  arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? info_json : info_text)(&t, set, info);
    return arc_text_end(&t, text, err);
}

arc_status arc_data_verdict_describe(arc_context *ctx, const arc_data_verdict *verdict, bool wrote_sums, bool json, char **text,
                                     arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        verdict_json(&t, verdict);
    else
        verdict_text(&t, verdict, wrote_sums);
    return arc_text_end(&t, text, err);
}

arc_status arc_data_counts_describe(arc_context *ctx, const char *path, const arc_data_counts *counts, bool json, char **text,
                                    arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? counts_json : counts_text)(&t, path, counts);
    return arc_text_end(&t, text, err);
}

arc_status arc_data_bench_describe(arc_context *ctx, const arc_data_bench_options *opt, double pictures_per_s, int64_t replaced,
                                   bool json, char **text, arc_error *err) {
    arc_data_bench_options o;
    arc_text t;
    if (ARC_CHECK_OPTIONS(arc_data_bench_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_data_bench_options_default(&o);
    o = opt ? *opt : o;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        arc_text_add(&t, "{\"threads\": %d, \"batch\": %d, \"size\": %d, \"images_per_s\": %.1f, \"replaced\": %" PRId64 "}\n",
                     o.threads, o.batch, o.size_px, pictures_per_s, replaced);
    else
        arc_text_add(&t, "%.0f pictures/s, %d x %d, batch %d, %s, %d threads\n", pictures_per_s, o.size_px, o.size_px, o.batch,
                     o.augment, o.threads);
    if (replaced && !json)
        arc_text_add(&t, "%" PRId64 " pictures could not be read and were replaced\n", replaced);
    return arc_text_end(&t, text, err);
}
