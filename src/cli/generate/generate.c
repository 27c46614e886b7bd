/* arcface generate: faces from a model's gradients and statistics. */
#include "generate/whom.h"
#include <math.h>
#include <stdio.h>

typedef struct display {
    cli_steps steps;
    double began;
    int64_t first; /* the batch's first step of this run */
    int batch;
} display;

static void say(void *ctx, const char *line) {
    display *d = ctx;
    cli_steps_say(&d->steps, line);
}

static int show(void *ctx, int batch, int batches, const arc_generate_progress *p) {
    display *d = ctx;
    const bool last = p->step == p->steps;
    const double now = cli_seconds();
    if (batch != d->batch) {
        d->batch = batch;
        d->began = now;
        d->first = p->step;
    }
    if (!cli_steps_due(&d->steps, last))
        return cli_steps_stop_wanted();
    const double rate = now > d->began ? (double)(p->step - d->first) / (now - d->began) : 0;
    const double left = (double)(p->steps - p->step) + (double)(batches - 1 - batch) * (double)p->steps;
    char terms[400], line[440] = "";
    arc_generate_progress_line(p, rate, rate > 0 ? left / rate : 0, terms, sizeof terms);
    if (batches > 1)
        snprintf(line, sizeof line, "batch %d/%d  %s", batch + 1, batches, terms);
    cli_steps_draw(&d->steps, batches > 1 ? line : terms, last);
    return cli_steps_stop_wanted();
}

static void read_options(const cli *c, arc_generate_options *o) {
    int64_t seed = 1;
    arc_generate_options_preset(o, cli_word(c, "preset") == 1 ? ARC_GENERATE_PAPER : ARC_GENERATE_QUICK);
    cli_long(c, "steps", &o->steps);
    cli_long(c, "seed", &seed);
    o->seed = (uint64_t)seed;
    cli_float(c, "identity-weight", &o->identity_weight);
    cli_float(c, "class-weight", &o->class_weight);
    cli_float(c, "margin", &o->margin);
    cli_float(c, "scale", &o->scale);
    cli_float(c, "bn-weight", &o->bn_weight);
    cli_float(c, "tv-weight", &o->tv_weight);
    cli_float(c, "l2-weight", &o->l2_weight);
    cli_float(c, "first-bn", &o->first_bn);
    cli_float(c, "folded-bn", &o->folded);
    if (cli_given(c, "bn-distance"))
        o->distance = (arc_generate_distance)cli_word(c, "bn-distance");
    cli_float(c, "lr", &o->rate);
    cli_int(c, "levels", &o->levels);
    cli_float(c, "sketch", &o->sketch);
    cli_float(c, "symmetric", &o->symmetric);
    cli_int(c, "jitter", &o->jitter_px);
}

/* By each judge, in the order of the options. */
static void put_judges(const cli *c, cli_text *t, const arc_generate_result *r, bool json) {
    const char *path[ARC_GENERATE_MAX_JUDGES];
    const int count = isfinite(r->judge_cosine[0]) ? cli_values(c, "judge", path, ARC_GENERATE_MAX_JUDGES) : 0; /* photos */
    for (int i = 0; i < count; i++) {
        char name[256];
        cli_base_name(path[i], name, sizeof name);
        if (json)
            cli_printf(t, "%s%.6f", i ? ", " : ", \"judge_cosine\": [", r->judge_cosine[i]);
        else
            cli_printf(t, ", by %s %.4f", name, r->judge_cosine[i]);
    }
    if (json && count > 0)
        cli_printf(t, "]");
}

static int print_result(cli *c, const arc_generate_result *r, const char *folder) {
    const bool json = cli_given(c, "json");
    cli_text t = {0};
    if (json)
        cli_printf(
            &t,
            "{\"pictures\": %d, \"people\": %d, \"cosine\": %.6f, \"least_cosine\": %.6f, \"halvings\": %lld, \"seconds\": %.1f",
            r->pictures, r->people, r->cosine, r->least_cosine, (long long)r->halvings, r->seconds);
    else
        cli_printf(&t, "%d picture%s of %d in %s, %.0f s: cosine to the target %.4f, least %.4f", r->pictures,
                   r->pictures == 1 ? "" : "s", r->people, folder, r->seconds, r->cosine, r->least_cosine);
    put_judges(c, &t, r, json);
    cli_printf(&t, json ? "}\n" : "\n");
    return cli_text_print(&t);
}

static int generate(cli *c, whom *w, const char *folder) {
    arc_generate_options o;
    arc_generate_job job;
    arc_generate_result result;
    arc_error err = {0};
    display d = {.batch = -1};
    read_options(c, &o);
    o.statistics = w->statistics;
    arc_generate_job_default(&job);
    job.folder = folder;
    cli_int(c, "count", &job.count);
    cli_int(c, "batch", &job.batch);
    job.resume = cli_given(c, "resume");
    whom_fill(w, &job);
    job.progress = show;
    job.say = say;
    job.ctx = &d;
    cli_steps_start(&d.steps, c);
    const arc_status st = arc_generate(c->ctx, w->model, &job, &o, &result, &err);
    cli_steps_clear(&d.steps);
    if (st == ARC_EIO) /* all that was given has been read */
        return cli_fail_write(&err);
    return st == ARC_OK ? print_result(c, &result, folder) : cli_fail(&err);
}

static int run(cli *c) {
    const char *folder = cli_value(c, "output");
    if (!folder)
        return cli_usage(c, "generate needs -o FOLDER for its pictures");
    whom w;
    int code = whom_open(c, &w, folder);
    if (code == CLI_OK)
        code = generate(c, &w, folder);
    whom_close(c, &w);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("identity", 0, "PHOTO", NULL,
             "whom to show: a photo, with more of the same person behind it; again for another person; or a folder, see below"),
    CLI_FILE("embedding", 0, "FILE.npy", NULL, "whom to show: float32 [N][numbers], a person for each row"),
    CLI_WHOLE("class", 0, "N", 0, INT32_MAX, NULL, "whom to show: a class of the training; again for more ..."),
    CLI_FILE("centers", 0, "FILE", NULL, "... by its centre, in a training's .state or an .npy [classes][numbers]"),
    CLI_FLAG("aligned", 0, "the photos are ready crops: no detection"),
    CLI_FOLDER("output", 'o', "FOLDER", NULL, "gets the pictures, grid.png and generated.json"),
    CLI_WHOLE("count", 0, "N", 1, 100000, "1", "pictures of each person, each from other noise"),
    CLI_WHOLE("batch", 0, "N", 1, 4096, "16", "pictures that are generated together, people by turns"),
    CLI_WORD("preset", 0, "NAME", "quick paper", "quick", "quick (minutes) or paper (20000 steps on pixels alone)"),
    CLI_WHOLE("steps", 0, "N", 1, 100000000, "the preset's", "updates of the pictures"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of noise, jitter and mirroring"),
    CLI_FILE("judge", 0, "MODEL", NULL, "another model, which sees photos and pictures too; again for more"),
    CLI_FLAG("resume", 0, "go on where an interrupted run in the folder ended, bit for bit; all else as it was given"),
    CLI_FILE("statistics-from", 0, "PATH", NULL,
             "measure statistics on the crops of this folder (with --detector: photos), or read the file of such"),
    CLI_WHOLE("crops", 0, "N", 2, 100000, "1000", "of the folder at most, evenly"),
    CLI_REAL("identity-weight", 0, "X", 0, 1e9, "the preset's", "of the loss of identity"),
    CLI_REAL("class-weight", 0, "X", 0, 1e9, "the preset's", "with --class that loss counts so many times"),
    CLI_REAL("margin", 0, "X", 0, 1.5, "0.5", "with --class: ArcFace's m, in radians"),
    CLI_REAL("scale", 0, "X", 1e-3, 1e4, "64", "with --class: ArcFace's s"),
    CLI_REAL("bn-weight", 0, "X", 0, 1e9, "the preset's", "of the statistics of BatchNormalizations"),
    CLI_REAL("tv-weight", 0, "X", 0, 1e9, "the preset's", "of the total variation"),
    CLI_REAL("l2-weight", 0, "X", 0, 1e9, "the preset's", "of the pictures' length"),
    CLI_REAL("first-bn", 0, "X", 0, 1e9, "the preset's", "so many times the first BatchNormalization counts"),
    CLI_REAL("folded-bn", 0, "X", 0, 1e9, "the preset's", "so many times a place counts where a BatchNormalization was folded"),
    CLI_WORD("bn-distance", 0, "NAME", "squared norm relative", "the preset's", "of statistics: squared, norm or relative"),
    CLI_REAL("lr", 0, "X", 0, 1e30, "the preset's", "Adam's rate"),
    CLI_WHOLE("levels", 0, "N", 1, 6, "the preset's", "resolutions that a picture is the sum of"),
    CLI_REAL("sketch", 0, "X", 0, 10, "the preset's", "strength of the face that pictures begin as; 0: noise alone"),
    CLI_REAL("symmetric", 0, "X", 0, 1, "the preset's", "share of the steps in which pictures are kept symmetric"),
    CLI_WHOLE("jitter", 0, "N", 0, 64, "the preset's", "most pixels that a step sees the pictures moved by"),
    CLI_JSON_LINE,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_generate = {
    .group = CLI_GROUP_FACES,
    .name = "generate",
    .args = "[PHOTO...]",
    .takes = CLI_IS_FILE,
    .min_args = 0,
    .max_args = -1,
    .what = "faces from a recognition model alone",
    .about =
        "Makes pictures whose embedding is that of a person, by following the model's gradient from noise, held to what faces "
        "look like by the statistics that its BatchNormalizations keep (Deng et al., ArcFace, TPAMI 2021). Whom to show: "
        "--identity with photos of one person (the mean of their embeddings), once for each person, or with a folder that holds "
        "a folder for each; --embedding; or --class with --centers. The folder gets NNN-NAME-K.png, grid.png, generated.json "
        "with the "
        "cosines, job.json, and while it runs preview.png and batch-N.state. Think of consent before you rebuild anybody's face.",
    .example = "arcface generate --model r50.onnx --identity a.jpg b.jpg --judge r100.onnx -o faces/",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
