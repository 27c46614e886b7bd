/* arcface quantize: a float32 embedder to an 8-bit ONNX QDQ file, written only when it is still accurate. */
#include "ui/faces.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEED_SECONDS 3.0
#define SPEED_ROUNDS 400

typedef struct job {
    cli *c;
    arc_model *model, *detector, *int8;
    arc_image *crop;
    int crops;
    arc_quantize_options opt;
    arc_quantize_report report;
    double min_mean, min_low, max_drop, max_tar_drop; /* the gate; drops in points of a hundred */
    int count;
    bool verified;
    arc_verification before, after; /* on pairs, when given */
    double fp32_ms, int8_ms;
    char refused[300]; /* the gate's objection, "" for none */
} job;

/* ---- crops -------------------------------------------------------------------------------------------------------------------- */

/* Ready crops are read as they are. */
static int load_crops(job *j, const cli_paths *paths) {
    int width, height;
    arc_error err = {0};
    arc_template_get(arc_model_contract(j->model)->align, &width, &height, NULL);
    for (int i = 0; i < paths->count; i++) {
        arc_image *crop = &j->crop[j->crops];
        if (arc_image_load(j->c->ctx, paths->path[i], NULL, crop, NULL, &err) != ARC_OK)
            return cli_fail(&err);
        j->crops++;
        if (crop->width_px != width || crop->height_px != height)
            return cli_bad_input(
                "%s is %dx%d pixels, the model takes aligned crops of %dx%d: give --detector to find the faces of photos",
                paths->path[i], crop->width_px, crop->height_px, width, height);
    }
    return CLI_OK;
}

/* Photos go through detection and alignment; those without a face are left out. */
static int find_crops(job *j, const cli_paths *paths) {
    arc_pipeline_options opt;
    arc_pipeline *pipeline = NULL;
    arc_error err = {0};
    cli_progress bar;
    arc_pipeline_options_default(&opt);
    opt.keep_crops = true;
    faces_options(j->c, &opt.detect);
    if (arc_pipeline_new(j->c->ctx, j->detector, j->model, &opt, &pipeline, &err) != ARC_OK)
        return cli_fail(&err);
    arc_result *result = cli_new((size_t)paths->count, sizeof *result);
    cli_progress_start(&bar, j->c, "finding faces");
    const arc_status st =
        arc_pipeline_run(pipeline, (const char *const *)paths->path, paths->count, result, cli_progress_step_int, &bar, &err);
    cli_progress_end(&bar);
    for (int i = 0; st == ARC_OK && i < paths->count; i++) {
        if (result[i].status != ARC_OK)
            cli_warn(j->c, "%s", result[i].error.text);
        if (result[i].faces > 0) {
            j->crop[j->crops++] = result[i].face[0].crop;
            result[i].face[0].crop = (arc_image){0};
        }
    }
    for (int i = 0; i < paths->count; i++)
        arc_result_free(j->c->ctx, &result[i]);
    cli_free(result);
    arc_pipeline_free(&pipeline);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int gather_crops(job *j, const char *folder) {
    cli_paths all = {0}, some = {0};
    char *name = cli_new(strlen(folder) + 1, 1);
    memcpy(name, folder, strlen(folder) + 1);
    int code = cli_paths_collect(&all, &name, 1) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK) { /* evenly from all of the folder */
        some.count = all.count < j->count ? all.count : j->count;
        some.path = cli_new((size_t)some.count + 1, sizeof *some.path);
        for (int i = 0; i < some.count; i++)
            some.path[i] = all.path[(int64_t)i * all.count / some.count];
        j->crop = cli_new((size_t)some.count + 1, sizeof *j->crop);
        code = j->detector ? find_crops(j, &some) : load_crops(j, &some);
    }
    if (code == CLI_OK && j->crops < 2)
        code = cli_bad_input("%s holds %d usable crop%s: at least 2 are needed, 100 to 1000 are a good number", folder, j->crops,
                             j->crops == 1 ? "" : "s");
    else if (code == CLI_OK && j->crops < 50)
        cli_warn(j->c, "%d crops are few to calibrate on: 100 to 1000 are a good number", j->crops);
    cli_free(some.path);
    cli_paths_free(&all);
    cli_free(name);
    return code;
}

/* ---- the gate ----------------------------------------------------------------------------------------------------------------- */

static int verify_pairs(job *j) {
    const char *pairs = cli_value(j->c, "pairs"), *images = cli_value(j->c, "images");
    arc_evaluate_options opt;
    arc_error err = {0};
    cli_progress bar;
    if (!pairs)
        return CLI_OK;
    arc_evaluate_options_default(&opt);
    opt.strict = true;
    opt.checks = false;
    opt.bootstrap = 0;
    opt.progress = cli_progress_step;
    opt.progress_ctx = &bar;
    for (int i = 0; i < 2; i++) {
        arc_evaluation *e;
        cli_progress_start(&bar, j->c, i ? "pairs, int8" : "pairs, float32");
        const arc_status st = arc_evaluate_pairs(j->c->ctx, i ? j->int8 : j->model, images, pairs, &opt, &e, &err);
        cli_progress_end(&bar);
        if (st != ARC_OK)
            return cli_fail(&err);
        *(i ? &j->after : &j->before) = e->verification;
        arc_evaluation_free(j->c->ctx, &e);
    }
    j->verified = true;
    return CLI_OK;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One image at a time, the two in turn, so that both meet the same machine; medians. */
static int measure_speed(job *j) {
    int width, height, runs = 0;
    arc_net *net[2] = {NULL, NULL};
    arc_error err = {0};
    arc_template_get(arc_model_contract(j->model)->align, &width, &height, NULL);
    const int64_t dim[4] = {1, 3, height, width};
    float *input = cli_new((size_t)(3 * height * width), sizeof *input);
    double *ms = cli_new(2 * SPEED_ROUNDS, sizeof *ms);
    arc_status st = arc_net_new(j->c->ctx, j->model, &net[0], &err);
    if (st == ARC_OK)
        st = arc_net_new(j->c->ctx, j->int8, &net[1], &err);
    for (int i = 0; i < 6 && st == ARC_OK; i++)
        st = arc_net_run(net[i % 2], input, dim, &err);
    for (const double begin = cli_seconds();
         st == ARC_OK && runs < SPEED_ROUNDS && (runs < 5 || cli_seconds() - begin < SPEED_SECONDS); runs++)
        for (int k = 0; k < 2 && st == ARC_OK; k++) {
            const double from = cli_seconds();
            st = arc_net_run(net[k], input, dim, &err);
            ms[k * SPEED_ROUNDS + runs] = (cli_seconds() - from) * 1e3;
        }
    if (st == ARC_OK) {
        qsort(ms, (size_t)runs, sizeof *ms, by_value);
        qsort(ms + SPEED_ROUNDS, (size_t)runs, sizeof *ms, by_value);
        j->fp32_ms = ms[runs / 2];
        j->int8_ms = ms[SPEED_ROUNDS + runs / 2];
    }
    arc_net_free(&net[0]);
    arc_net_free(&net[1]);
    cli_free(ms);
    cli_free(input);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static void judge(job *j) {
    const arc_quantize_report *r = &j->report;
    const double drop = 100 * (j->before.accuracy - j->after.accuracy), tar_drop = 100 * (j->before.tar - j->after.tar);
    if (!(r->mean_cosine >= j->min_mean))
        snprintf(j->refused, sizeof j->refused, "the mean cosine to float32 is %.5f, below %g (--min-cosine)", r->mean_cosine,
                 j->min_mean);
    else if (!(r->low_cosine >= j->min_low))
        snprintf(j->refused, sizeof j->refused,
                 "the 1st percentile of the cosine to float32 is %.5f, below %g (--min-low-cosine)", r->low_cosine, j->min_low);
    else if (j->verified && !(drop <= j->max_drop + 1e-9))
        snprintf(j->refused, sizeof j->refused, "accuracy falls by %.3f points, more than %g (--max-drop)", drop, j->max_drop);
    else if (j->verified && !(tar_drop <= j->max_tar_drop + 1e-9))
        snprintf(j->refused, sizeof j->refused, "TAR@FAR=1e-3 falls by %.3f points, more than %g (--max-tar-drop)", tar_drop,
                 j->max_tar_drop);
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------ */

static void put_json(const job *j, cli_text *t, const char *output, bool written) {
    const arc_quantize_report *r = &j->report;
    cli_printf(t, "{\"output\": ");
    cli_json_string(t, output);
    cli_printf(t, ", \"written\": %s, \"refused\": ", written ? "true" : "false");
    cli_json_string(t, j->refused);
    cli_printf(t,
               ", \"calibrated\": %d, \"held_out\": %d, \"mean_cosine\": %.7f, \"low_cosine\": %.7f, \"min_cosine\": %.7f, "
               "\"int8_layers\": %d, \"layers\": %d, \"int8_share\": %.4f, \"fp32_ms\": %.3f, \"int8_ms\": %.3f, "
               "\"speed_up\": %.3f",
               r->calibrated, r->held_out, r->mean_cosine, r->low_cosine, r->min_cosine, r->int8_layers, r->layers, r->int8_share,
               j->fp32_ms, j->int8_ms, j->fp32_ms / j->int8_ms);
    if (j->verified)
        cli_printf(t, ", \"pairs\": %d, \"accuracy\": [%.5f, %.5f], \"tar\": [%.5f, %.5f]", j->before.pairs, j->before.accuracy,
                   j->after.accuracy, j->before.tar, j->after.tar);
    cli_printf(t, ", \"layer\": [");
    for (int i = 0; i < r->layers; i++) {
        cli_printf(t, "%s{\"name\": ", i ? ", " : "");
        cli_json_string(t, r->layer[i].name);
        cli_printf(t, ", \"int8\": %s, \"mac_share\": %.5f", r->layer[i].int8 ? "true" : "false", r->layer[i].mac_share);
        if (r->layer[i].loss >= 0)
            cli_printf(t, ", \"loss\": %.6f", r->layer[i].loss);
        cli_printf(t, "}");
    }
    cli_printf(t, "]}\n");
}

static void put_text(const job *j, cli_text *t) {
    const arc_quantize_report *r = &j->report;
    cli_printf(t, "calibrated on %d crops, measured on %d others\n", r->calibrated, r->held_out);
    cli_printf(t, "cosine to float32  mean %.5f, 1st percentile %.5f, worst %.5f (bounds %g and %g)\n", r->mean_cosine,
               r->low_cosine, r->min_cosine, j->min_mean, j->min_low);
    if (j->verified)
        cli_printf(t, "%d pairs         accuracy %.5f -> %.5f, TAR@FAR=1e-3 %.5f -> %.5f\n", j->before.pairs, j->before.accuracy,
                   j->after.accuracy, j->before.tar, j->after.tar);
    cli_printf(t, "one image          %.2f ms -> %.2f ms, %.2f times as fast\n", j->fp32_ms, j->int8_ms, j->fp32_ms / j->int8_ms);
    cli_printf(t, "int8 layers        %d of %d, %.1f %% of the multiply-adds; float32:", r->int8_layers, r->layers,
               100 * r->int8_share);
    for (int i = 0; i < r->layers; i++)
        if (!r->layer[i].int8)
            cli_printf(t, " %s", r->layer[i].name);
    cli_printf(t, "\n");
}

static int finish(job *j, const char *output) {
    arc_error err = {0};
    cli_text t = {0};
    const bool force = cli_given(j->c, "force"), write = !*j->refused || force;
    if (write && *j->refused && arc_model_note(j->int8, "quantize-forced", j->refused, &err) != ARC_OK)
        return cli_fail(&err);
    if (write && arc_model_save(j->c->ctx, j->int8, output, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (cli_given(j->c, "json"))
        put_json(j, &t, output, write);
    else
        put_text(j, &t);
    const int code = cli_text_print(&t);
    if (code != CLI_OK || !*j->refused)
        return code;
    if (force) {
        cli_warn(j->c, "written by --force although %s", j->refused);
        return CLI_OK;
    }
    fprintf(stderr, "arcface: %s is not written: %s. More crops, another --method or --keep may help; --force writes it anyway\n",
            output, j->refused);
    return CLI_NO;
}

/* ---- command ------------------------------------------------------------------------------------------------------------------ */

static bool read_options(job *j) {
    cli *c = j->c;
    j->opt.method = (arc_quantize_method)cli_word(c, "method");
    j->opt.keep = cli_value(c, "keep");
    if (!cli_value(c, "calib") || !cli_value(c, "output")) {
        cli_usage(c, "quantize needs --calib FOLDER of aligned faces and -o FILE.onnx");
        return false;
    }
    if (!cli_has_suffix(cli_value(c, "output"), ".onnx")) {
        cli_usage(c, "-o %s: the result is an ONNX file, name it .onnx", cli_value(c, "output"));
        return false;
    }
    if (!cli_value(c, "pairs") != !cli_value(c, "images")) {
        cli_usage(c, "--pairs FILE and --images FOLDER belong together");
        return false;
    }
    cli_float(c, "percentile", &j->opt.percentile);
    cli_int(c, "count", &j->count);
    cli_float(c, "min-cosine", &j->min_mean);
    cli_float(c, "min-low-cosine", &j->min_low);
    cli_float(c, "max-drop", &j->max_drop);
    cli_float(c, "max-tar-drop", &j->max_tar_drop);
    return true;
}

static int quantise(job *j) {
    arc_error err = {0};
    cli_progress bar;
    j->opt.progress = cli_progress_step;
    j->opt.progress_ctx = &bar;
    cli_progress_start(&bar, j->c, "quantising");
    const arc_status st = arc_quantize(j->c->ctx, j->model, j->crop, j->crops, &j->opt, &j->int8, &j->report, &err);
    cli_progress_end(&bar);
    if (st == ARC_EINVAL && j->opt.keep)
        return cli_usage(j->c, "--keep: %s", err.text);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int run(cli *c) {
    job j = {.c = c, .min_mean = 0.985, .min_low = 0.95, .max_drop = 0.1, .max_tar_drop = 0.5, .count = 500};
    arc_quantize_options_default(&j.opt);
    if (!read_options(&j))
        return CLI_USAGE;
    int code = cli_load_any(c, c->args[0], ARC_TASK_EMBED, &j.model);
    if (code == CLI_OK && cli_given(c, "detector"))
        code = cli_load(c, ARC_TASK_DETECT, &j.detector);
    if (code == CLI_OK)
        code = gather_crops(&j, cli_value(c, "calib"));
    if (code == CLI_OK)
        code = quantise(&j);
    if (code == CLI_OK)
        code = verify_pairs(&j);
    if (code == CLI_OK)
        code = measure_speed(&j);
    if (code == CLI_OK) {
        judge(&j);
        code = finish(&j, cli_value(c, "output"));
    }
    for (int i = 0; i < j.crops; i++)
        arc_image_free(c->ctx, &j.crop[i]);
    cli_free(j.crop);
    arc_model_free(&j.int8);
    arc_model_free(&j.detector);
    arc_model_free(&j.model);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("calib", 0, "FOLDER", NULL,
               "aligned faces to calibrate on (with --detector: photos, whose largest faces are taken)"),
    CLI_FILE("output", 'o', "FILE", NULL, "the ONNX QDQ file to write"),
    CLI_WHOLE("count", 0, "N", 2, 100000, "500", "pictures to take, evenly from the folder"),
    CLI_WORD("method", 0, "NAME", "mse minmax percentile kl", "mse", "how ranges are chosen: mse, minmax, percentile or kl"),
    CLI_REAL("percentile", 0, "P", 50, 100, "99.99", "of --method percentile"),
    CLI_TEXT("keep", 0, "NAMES", NULL, "layers to leave in float32, by comma, or none; instead of the choice by sensitivity"),
    CLI_FILE("pairs", 0, "FILE", NULL, "also verify these pairs (LFW's format) before and after ..."),
    CLI_FOLDER("images", 0, "FOLDER", NULL, "... on the aligned pictures of this folder"),
    CLI_REAL("min-cosine", 0, "X", -1, 1, "0.985", "least mean cosine to float32 on held-out crops"),
    CLI_REAL("min-low-cosine", 0, "X", -1, 1, "0.95", "least 1st percentile of it"),
    CLI_REAL("max-drop", 0, "X", 0, 100, "0.1", "points of accuracy on the pairs that may be lost"),
    CLI_REAL("max-tar-drop", 0, "X", 0, 100, "0.5", "points of TAR@FAR=1e-3"),
    CLI_FLAG("force", 0, "write it although it is outside the bounds; its metadata (arcface.note.quantize-forced) say so"),
    CLI_FLAG("json", 'j', "one JSON object"),
    FACES_OPTIONS,
    {0},
};

const cli_command cli_quantize = {
    .group = CLI_GROUP_MODELS,
    .name = "quantize",
    .args = "MODEL",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "make a faster 8-bit model, if it stays accurate",
    .about =
        "Makes an 8-bit model of a float32 embedder: a standard ONNX QDQ file that ONNX Runtime runs as well. Weights are int8 "
        "with a scale a channel, activations uint8; residual sums stay float32. Every fifth picture is not calibrated on but "
        "measured with, and the file is written only when the embeddings stay alike enough. Prints the cosines and the "
        "speed-up here and now.",
    .no = "the 8-bit model is not accurate enough and was not written",
    .example = "arcface quantize r100.onnx --calib crops/ -o r100-int8.onnx",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
