/* arcface generate eval: how good the faces of a folder are that arcface generate wrote. */
#include "ui/cli.h"

typedef struct job {
    cli *c;
    arc_model *model, *features;
    arc_model *judge[ARC_GENERATE_EVAL_MAX_JUDGES];
    int judges;
    char **real;
    int reals;
    arc_generate_eval eval;
} job;

static int load(job *j) {
    cli *c = j->c;
    const char *features = cli_value(c, "feature-net"), *real = cli_value(c, "real"), *judge[ARC_GENERATE_EVAL_MAX_JUDGES];
    const int judges = cli_values(c, "judge", judge, ARC_GENERATE_EVAL_MAX_JUDGES);
    int code = cli_load(c, ARC_TASK_EMBED, &j->model), most = 1000000;
    for (int i = 0; code == CLI_OK && i < judges; i++) {
        code = cli_load_any(c, judge[i], ARC_TASK_EMBED, &j->judge[i]);
        j->judges += code == CLI_OK;
    }
    if (code == CLI_OK && features)
        code = cli_load_any(c, features, ARC_TASK_UNKNOWN, &j->features);
    cli_int(c, "most-real", &most);
    return code == CLI_OK && real ? cli_photos_paths(c, real, most, &j->real, &j->reals) : code;
}

static int judge(job *j) {
    cli *c = j->c;
    arc_generate_eval_options opt;
    arc_error err = {0};
    cli_progress bar;
    char *text = NULL;
    arc_generate_eval_options_default(&opt);
    opt.judge = (const arc_model *const *)j->judge;
    opt.judges = j->judges;
    opt.feature_net = j->features;
    opt.real = (const char *const *)j->real;
    opt.real_count = j->reals;
    opt.pairs = cli_value(c, "pairs");
    opt.images = cli_value(c, "images");
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    cli_progress_start(&bar, c, "generated faces");
    arc_status st = arc_generate_evaluate(c->ctx, c->args[0], j->model, &opt, &j->eval, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    st = arc_generate_eval_describe(c->ctx, &j->eval, cli_given(c, "json"), &text, &err);
    return cli_show(c, st, &text, &err);
}

static int run(cli *c) {
    if (!cli_value(c, "pairs") != !cli_value(c, "images"))
        return cli_usage(c, "--pairs FILE and --images FOLDER belong together");
    if (cli_given(c, "feature-net") && !cli_given(c, "real"))
        return cli_usage(c, "--feature-net measures the distance from real faces: name a folder of them with --real DIR");
    if (cli_values(c, "judge", NULL, 0) > ARC_GENERATE_EVAL_MAX_JUDGES)
        return cli_usage(c, "--judge is given %d times: at most %d judges are possible", cli_values(c, "judge", NULL, 0),
                         ARC_GENERATE_EVAL_MAX_JUDGES);
    job *j = cli_new(1, sizeof *j);
    j->c = c;
    int code = load(j);
    if (code == CLI_OK)
        code = judge(j);
    for (int i = 0; i < j->reals; i++)
        cli_free(j->real[i]);
    cli_free(j->real);
    arc_model_free(&j->features);
    for (int i = 0; i < j->judges; i++)
        arc_model_free(&j->judge[i]);
    arc_model_free(&j->model);
    cli_free(j);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("judge", 0, "FILE", NULL, "an independent recognition model that judges as well; again for more"),
    CLI_FOLDER("real", 0, "DIR", NULL,
               "aligned crops of real people: for the Frechet distance, and those whom the faces shall show"),
    CLI_WHOLE("most-real", 0, "N", 2, 1000000, "1000000", "of them at most, evenly from the folder"),
    CLI_FILE("feature-net", 0, "FILE.onnx", "the first judge", "network whose output the Frechet distance is taken in"),
    CLI_FILE("pairs", 0, "FILE", NULL, "verify these pairs (LFW's format) with generated faces in the place of real ones ..."),
    CLI_FOLDER("images", 0, "DIR", NULL, "... whose aligned pictures are in this folder"),
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_generate_eval = {
    .group = CLI_GROUP_EVALUATION,
    .name = "generate eval",
    .args = "DIR",
    .takes = CLI_IS_FOLDER,
    .min_args = 1,
    .max_args = 1,
    .what = "how good generated faces are: likeness, verification, distribution, diversity",
    .about =
        "Judges the folder that arcface generate wrote, as the ArcFace paper does: cosines with the target embeddings by the "
        "generating model, and with real pictures of the same people by it and by a judge; verification accuracy with generated "
        "faces in the place of listed ones; the Frechet distance between generated and real faces; how alike faces of one "
        "identity and of two are. --model names the model that the faces were generated with.",
    .example =
        "arcface generate eval faces/ --model r50.onnx --judge r100.onnx --real lfw-112/ --pairs pairs.txt --images lfw-112/",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
