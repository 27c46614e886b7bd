/* arcface audit templates: what stored templates give away. */
#include "ui/cli.h"
#include <string.h>

typedef struct job {
    cli *c;
    arc_model *model, *attacker;
    char **photo;
    int photos;
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    arc_generate_options generate;
    arc_template_audit_options opt;
    arc_template_audit *audit;
} job;

static int read_key(job *j) {
    const char *name = cli_value(j->c, "protect");
    arc_protect_source source;
    arc_error err = {0};
    if (!name)
        return CLI_OK;
    if (arc_protect_key(name, j->key, &source, &err) != ARC_OK)
        return cli_fail(&err);
    if (source == ARC_PROTECT_TEXT)
        cli_warn(
            j->c,
            "there is no file \"%s\": the words themselves are the key, and others may see them in the list of processes; name a "
            "file or env:NAME",
            name);
    j->opt.key = j->key;
    return CLI_OK;
}

static int prepare(job *j) {
    cli *c = j->c;
    const char *attacker = cli_value(c, "attacker-model"), *photos = cli_value(c, "photos"),
               *statistics = cli_value(c, "statistics-from");
    int64_t seed = 1;
    arc_generate_options_preset(&j->generate, cli_word(c, "preset") == 1 ? ARC_GENERATE_PAPER : ARC_GENERATE_QUICK);
    arc_template_audit_options_default(&j->opt);
    cli_long(c, "steps", &j->generate.steps);
    cli_long(c, "seed", &seed);
    j->generate.seed = (uint64_t)seed;
    j->generate.statistics = statistics;
    j->opt.generate = &j->generate;
    cli_int(c, "count", &j->opt.most);
    cli_float(c, "threshold", &j->opt.threshold);
    cli_float(c, "far", &j->opt.far);
    cli_float(c, "attacker-threshold", &j->opt.independent_threshold);
    int code = read_key(j);
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_EMBED, &j->model);
    if (code == CLI_OK && attacker)
        code = cli_load_any(c, attacker, ARC_TASK_EMBED, &j->attacker);
    if (code == CLI_OK && photos)
        code = cli_photos_paths(c, photos, 10000000, &j->photo, &j->photos);
    j->opt.independent = j->attacker;
    j->opt.photos = (const char *const *)j->photo;
    j->opt.photo_count = j->photos;
    return code;
}

static int audit(job *j) {
    cli *c = j->c;
    cli_progress bar;
    arc_error err = {0};
    char *text = NULL;
    const char *report = cli_value(c, "report");
    j->opt.progress = cli_progress_stage;
    j->opt.progress_ctx = &bar;
    cli_progress_start(&bar, c, "rebuilding faces");
    arc_status st = arc_template_audit_run(c->ctx, c->args[0], j->model, &j->opt, &j->audit, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (report && arc_template_audit_report(c->ctx, j->audit, c->args[0], j->opt.photos, report, &err) != ARC_OK)
        return cli_fail_write(&err);
    st = arc_template_audit_describe(c->ctx, j->audit, cli_given(c, "json"), &text, &err);
    return cli_show(c, st, &text, &err);
}

static int run(cli *c) {
    if (cli_given(c, "threshold") && cli_given(c, "far"))
        return cli_usage(c, "--threshold and --far both say from where the model accepts: name one of them");
    if (cli_given(c, "photos") && !cli_given(c, "attacker-model"))
        return cli_usage(c, "--photos are what --attacker-model FILE compares rebuilt faces with");
    job *j = cli_new(1, sizeof *j);
    j->c = c;
    int code = prepare(j);
    if (code == CLI_OK)
        code = audit(j);
    arc_template_audit_free(c->ctx, &j->audit);
    for (int i = 0; i < j->photos; i++)
        cli_free(j->photo[i]);
    cli_free(j->photo);
    arc_model_free(&j->attacker);
    arc_model_free(&j->model);
    explicit_bzero(j->key, sizeof j->key);
    cli_free(j);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("attacker-model", 0, "FILE", NULL,
             "an independent model that a thief may meet elsewhere: does it accept the faces too?"),
    CLI_FOLDER("photos", 0, "DIR", NULL, "aligned crops of the owners in the order of the templates, for the independent model"),
    CLI_TEXT("protect", 0, "KEY", NULL,
             "also audit the templates under the rotation of this key: a file, env:NAME, or the words"),
    CLI_FILE("report", 0, "FILE.html", NULL, "a page with the figures, the faces and what they mean"),
    CLI_WHOLE("count", 0, "N", 1, 100000, "16", "templates to rebuild, evenly from the file"),
    CLI_REAL("threshold", 0, "COS", -1, 1, "the model's", "cosine from which the model accepts"),
    CLI_REAL("far", 0, "RATE", 1e-12, 1, NULL, "the threshold at this FAR of the model's calibration"),
    CLI_REAL("attacker-threshold", 0, "COS", -1, 1, "the model's", "cosine from which the independent model accepts"),
    CLI_WORD("preset", 0, "NAME", "quick paper", "quick", "how faces are rebuilt, as in arcface generate"),
    CLI_WHOLE("steps", 0, "N", 1, 10000000, "the preset's", "of the generator"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of its noise"),
    CLI_FILE("statistics-from", 0, "FILE", NULL,
             "for networks whose BatchNormalizations are folded: statistics.measured of a run of arcface generate"),
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_audit_templates = {
    .group = CLI_GROUP_EVALUATION,
    .name = "audit templates",
    .args = "FILE.npy",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "what stored templates give away: faces rebuilt from them, and who accepts these",
    .about = "Rebuilds faces from stored templates, as somebody could who has stolen them and has the model (--model), and "
             "counts how often "
             "such a face would be accepted in the place of its owner: by the model itself at its operating threshold, and by an "
             "independent "
             "one beside photos of the owners; without photos it is asked whether two faces of one template are one person to "
             "it. With "
             "--protect the same for templates under a secret rotation, with and without the key. Read docs/GENERATION.md before "
             "you use it "
             "on people's data.",
    .example =
        "arcface audit templates gallery.npy --model r50.onnx --attacker-model r100.onnx --protect key.bin --report audit.html",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
