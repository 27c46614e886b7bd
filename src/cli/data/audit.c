/* arcface data audit: what a model sees in a set that its labels do not say. */
#include "ui/cli.h"
#include <stdio.h>
#include <string.h>

static void put_tables(cli_text *t, const arc_audit *a) {
    cli_printf(t, "pictures            %lld of %lld identities (%lld to %lld each, mean %.1f)\n", (long long)a->samples,
               (long long)a->identities, (long long)a->least_samples, (long long)a->most_samples, a->mean_samples);
    cli_printf(t, "single pictures     %lld identities; %lld have none\n", (long long)a->singletons,
               (long long)a->empty_identities);
    cli_printf(t, "unreadable          %lld\n", (long long)a->unreadable);
    cli_printf(t, "doubtful labels     %lld\n", (long long)a->suspects_all);
    cli_printf(t, "pictures twice      %lld\n", (long long)a->duplicates_all);
    cli_printf(t, "%s %lld\n", a->other_identities ? "in both sets       " : "split identities   ", (long long)a->shareds_all);
}

/* One line a finding: kind, keys, figures. */
static void put_list(cli_text *t, const arc_audit *a) {
    cli_printf(t, "kind\tsample\tother\tidentity\tother_identity\tangle_deg\tother_angle_deg\tcosine\tremark\n");
    for (int64_t i = 0; i < a->suspects; i++) {
        const arc_audit_suspect *s = &a->suspect[i];
        cli_printf(t, "label\t%s\t\t%lld\t%lld\t%.2f\t%.2f\t\t%s\n", s->key, (long long)s->identity,
                   (long long)s->nearest_identity, s->angle_deg, s->nearest_angle_deg,
                   s->elsewhere ? "nearer to the other identity" : "far from both");
    }
    for (int64_t i = 0; i < a->duplicates; i++) {
        const arc_audit_duplicate *d = &a->duplicate[i];
        cli_printf(t, "duplicate\t%s\t%s\t\t\t\t\t%.5f\t%s%s\n", d->key[0], d->key[1], d->cosine,
                   d->same_bytes ? "same bytes" : "alike", d->same_identity ? "" : ", two identities");
    }
    for (int64_t i = 0; i < a->shareds; i++) {
        const arc_audit_shared *s = &a->shared[i];
        cli_printf(t, "shared\t%s\t%s\t%lld\t%lld\t\t\t%.5f\t\n", s->key[0], s->key[1], (long long)s->identity[0],
                   (long long)s->identity[1], s->cosine);
    }
}

static void put_bins(cli_text *t, const char *name, const int64_t *bin, int count) {
    cli_printf(t, ",\n \"%s\": [", name);
    for (int i = 0; i < count; i++)
        cli_printf(t, "%s%lld", i ? "," : "", (long long)bin[i]);
    cli_printf(t, "]");
}

static void put_json(cli_text *t, const arc_audit *a) {
    cli_printf(
        t, "{\"samples\": %lld, \"identities\": %lld, \"unreadable\": %lld, \"singletons\": %lld, \"empty_identities\": %lld,\n",
        (long long)a->samples, (long long)a->identities, (long long)a->unreadable, (long long)a->singletons,
        (long long)a->empty_identities);
    cli_printf(t, " \"least_samples\": %lld, \"most_samples\": %lld, \"mean_samples\": %.17g,\n", (long long)a->least_samples,
               (long long)a->most_samples, a->mean_samples);
    cli_printf(t,
               " \"suspects_all\": %lld, \"duplicates_all\": %lld, \"shared_all\": %lld, \"norm_low\": %.9g, \"norm_high\": %.9g",
               (long long)a->suspects_all, (long long)a->duplicates_all, (long long)a->shareds_all, a->norm_low, a->norm_high);
    put_bins(t, "size_bins", a->size_bin, ARC_AUDIT_BINS);
    put_bins(t, "norm_bins", a->norm_bin, ARC_AUDIT_BINS);
    put_bins(t, "sharpness_bins", a->sharpness_bin, ARC_AUDIT_BINS);
    put_bins(t, "angle_bins", a->angle_bin, CLI_COUNT(a->angle_bin));
    cli_printf(t, ",\n \"suspects\": [");
    for (int64_t i = 0; i < a->suspects; i++) {
        const arc_audit_suspect *s = &a->suspect[i];
        cli_printf(t, "%s\n  {\"sample\": ", i ? "," : "");
        cli_json_string(t, s->key);
        cli_printf(t,
                   ", \"identity\": %lld, \"angle_deg\": %.9g, \"nearest_identity\": %lld, \"nearest_angle_deg\": %.9g, "
                   "\"elsewhere\": %s}",
                   (long long)s->identity, s->angle_deg, (long long)s->nearest_identity, s->nearest_angle_deg,
                   s->elsewhere ? "true" : "false");
    }
    cli_printf(t, "],\n \"duplicates\": [");
    for (int64_t i = 0; i < a->duplicates; i++) {
        const arc_audit_duplicate *d = &a->duplicate[i];
        cli_printf(t, "%s\n  {\"samples\": [", i ? "," : "");
        cli_json_string(t, d->key[0]);
        cli_printf(t, ", ");
        cli_json_string(t, d->key[1]);
        cli_printf(t, "], \"cosine\": %.9g, \"same_bytes\": %s, \"same_identity\": %s}", d->cosine,
                   d->same_bytes ? "true" : "false", d->same_identity ? "true" : "false");
    }
    cli_printf(t, "],\n \"shared\": [");
    for (int64_t i = 0; i < a->shareds; i++) {
        const arc_audit_shared *s = &a->shared[i];
        cli_printf(t, "%s\n  {\"identities\": [%lld, %lld], \"samples\": [", i ? "," : "", (long long)s->identity[0],
                   (long long)s->identity[1]);
        cli_json_string(t, s->key[0]);
        cli_printf(t, ", ");
        cli_json_string(t, s->key[1]);
        cli_printf(t, "], \"cosine\": %.9g}", s->cosine);
    }
    cli_printf(t, "]}\n");
}

static int step(void *ctx, const char *stage, int64_t done, int64_t total) {
    cli_progress *bar = ctx;
    bar->what = stage;
    return cli_progress_tick(bar, done, total);
}

static int show(cli *c, const arc_audit *a) {
    const char *list = cli_value(c, "output"), *report = cli_value(c, "report"), *against = cli_value(c, "against"),
               *sheet = cli_value(c, "sheet");
    arc_error err = {0};
    cli_text t = {0};
    if (list) {
        put_list(&t, a);
        int code = cli_text_write(c, &t, list);
        if (code != CLI_OK)
            return code;
    }
    if (report && arc_audit_report(c->ctx, a, c->args[0], against, report, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (sheet && arc_audit_sheet(c->ctx, a, c->args[0], sheet, &err) != ARC_OK)
        return cli_fail_write(&err);
    t = (cli_text){0};
    if (cli_given(c, "json"))
        put_json(&t, a);
    else
        put_tables(&t, a);
    return cli_text_print(&t);
}

static int run(cli *c) {
    arc_audit_options opt;
    arc_audit *audit = NULL;
    arc_model *model = NULL;
    arc_error err = {0};
    cli_progress bar;
    arc_audit_options_default(&opt);
    opt.progress = step;
    opt.progress_ctx = &bar;
    cli_float(c, "noise-angle", &opt.noise_angle_deg);
    cli_float(c, "duplicate", &opt.duplicate_cosine);
    cli_float(c, "shared", &opt.shared_cosine);
    cli_long(c, "limit", &opt.limit);
    int code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code != CLI_OK)
        return code;
    cli_progress_start(&bar, c, "embedding");
    arc_status st = arc_audit_run(c->ctx, model, c->args[0], cli_value(c, "against"), &opt, &audit, &err);
    cli_progress_end(&bar);
    code = st == ARC_OK ? show(c, audit) : cli_fail(&err);
    arc_audit_free(c->ctx, &audit);
    arc_model_free(&model);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("against", 0, "SET", NULL, "another set (the one to be tested on): which identities are in both"),
    CLI_REAL("noise-angle", 0, "DEG", 0, 180, "70", "pictures farther than this from the centre of their identity are doubtful"),
    CLI_REAL("duplicate", 0, "COS", -1, 1, "0.98", "pictures at least this alike are the same"),
    CLI_REAL("shared", 0, "COS", -1, 1, "0.6", "identities whose centres are at least this alike are one person"),
    CLI_WHOLE("limit", 0, "N", 1, INT32_MAX, "10000", "longest list of findings of a kind (all are counted)"),
    CLI_FILE("output", 'o', "FILE", NULL, "every finding as a line of tab-separated values"),
    CLI_FILE("report", 0, "FILE.html", NULL, "a page with histograms and pictures of what was found"),
    CLI_FILE("sheet", 0, "FILE", NULL, "the worst doubtful labels on one picture, .png or .jpg"),
    CLI_FLAG("json", 'j', "one JSON object with everything"),
    {0},
};

const cli_command cli_data_audit = {
    .group = CLI_GROUP_DATA,
    .name = "data audit",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "wrong labels, duplicates and shared identities of a set, seen by a model",
    .about = "What a model sees in a set that its labels do not say: pictures far from the centre of their identity, or "
             "nearer to another one; the same picture twice (looked for inside each identity and in the one whose centre is "
             "nearest); one person under two identities; sizes of identities and quality of pictures. On the sheet each "
             "doubtful picture stands beside another one of its identity and one of the nearest other identity.",
    .example = "arcface data audit train.rec --against lfw/ --report audit.html --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
