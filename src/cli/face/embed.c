/* arcface embed: photos, or ready crops, to embeddings as NPY (with a list of names beside it), JSON or CSV. */
#include "ui/faces.h"
#include <stdio.h>
#include <string.h>

typedef enum format { FORMAT_CSV, FORMAT_JSON, FORMAT_NPY } format;

typedef struct run_results {
    arc_result *photo;
    int photos, rows, failed, faceless, dim;
} run_results;

static bool choose_format(cli *c, const char *output, format *f) {
    static const char *const names[] = {"csv", "json", "npy"};
    const char *name = cli_value(c, "format");
    const char *dot = strrchr(output, '.');
    if (!name)
        name = strcmp(output, "-") == 0 ? "csv" : dot ? dot + 1 : "";
    for (int i = 0; i < CLI_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *f = (format)i;
            return true;
        }
    cli_usage(c, "cannot tell the format of %s: name it .npy, .json or .csv, or give --format", output);
    return false;
}

static void put_csv(cli_text *t, const run_results *r) {
    cli_printf(t, "path,face,x1,y1,x2,y2,score");
    for (int d = 0; d < r->dim; d++)
        cli_printf(t, ",e%d", d);
    cli_printf(t, "\n");
    for (int i = 0; i < r->photos; i++)
        for (int k = 0; k < r->photo[i].faces; k++) {
            const arc_result_face *f = &r->photo[i].face[k];
            cli_csv_string(t, r->photo[i].path);
            cli_printf(t, ",%d,%.6g,%.6g,%.6g,%.6g,%.6g", k, (double)f->face.x1_px, (double)f->face.y1_px, (double)f->face.x2_px,
                       (double)f->face.y2_px, (double)f->face.score);
            for (int d = 0; d < r->dim; d++)
                cli_printf(t, ",%.9g", (double)f->embedding[d]);
            cli_printf(t, "\n");
        }
}

static void put_json(cli_text *t, const run_results *r) {
    bool first = true;
    cli_printf(t, "[");
    for (int i = 0; i < r->photos; i++)
        for (int k = 0; k < r->photo[i].faces; k++) {
            const arc_result_face *f = &r->photo[i].face[k];
            cli_printf(t, "%s\n  {\"path\": ", first ? "" : ",");
            cli_json_string(t, r->photo[i].path);
            cli_printf(t, ", \"face\": %d, ", k);
            cli_json_face(t, &f->face);
            cli_printf(t, ", \"residual\": %.6g, \"embedding\": [", f->align_residual_px);
            for (int d = 0; d < r->dim; d++)
                cli_printf(t, "%s%.9g", d ? ", " : "", (double)f->embedding[d]);
            cli_printf(t, "]}");
            first = false;
        }
    cli_printf(t, "\n]\n");
}

/* NPY version 1.0: header padded so that the data starts on a multiple of 64. */
static void put_npy(cli_text *t, const run_results *r) {
    char dict[128];
    int n = snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", r->rows, r->dim);
    int header = (10 + n + 1 + 63) / 64 * 64 - 10;
    const uint8_t magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)(header & 255), (uint8_t)(header >> 8)};
    cli_put(t, magic, sizeof magic);
    cli_printf(t, "%s%*s\n", dict, header - n - 1, "");
    for (int i = 0; i < r->photos; i++)
        for (int k = 0; k < r->photo[i].faces; k++)
            cli_put(t, r->photo[i].face[k].embedding, (size_t)r->dim * sizeof(float));
}

/* One line a row: path, face index, box, score, separated by tabs. */
static void put_names(cli_text *t, const run_results *r) {
    for (int i = 0; i < r->photos; i++)
        for (int k = 0; k < r->photo[i].faces; k++) {
            const arc_face *f = &r->photo[i].face[k].face;
            cli_printf(t, "%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", r->photo[i].path, k, (double)f->x1_px, (double)f->y1_px,
                       (double)f->x2_px, (double)f->y2_px, (double)f->score);
        }
}

static int write_results(cli *c, const run_results *r, const char *output, format f) {
    cli_text t = {0}, names = {0};
    if (f == FORMAT_CSV)
        put_csv(&t, r);
    else if (f == FORMAT_JSON)
        put_json(&t, r);
    else
        put_npy(&t, r);
    if (f == FORMAT_NPY && strcmp(output, "-") != 0) {
        char beside[CLI_PATH_BYTES];
        snprintf(beside, sizeof beside, "%.*s.txt", (int)(strlen(output) - (cli_has_suffix(output, ".npy") ? 4 : 0)), output);
        put_names(&names, r);
        int code = cli_text_write(c, &names, beside);
        if (code != CLI_OK) {
            cli_free(t.data);
            return code;
        }
    }
    return cli_text_write(c, &t, output);
}

static void count_results(cli *c, run_results *r, bool all) {
    for (int i = 0; i < r->photos; i++) {
        const arc_result *p = &r->photo[i];
        r->rows += p->faces;
        if (p->status != ARC_OK) {
            r->failed++;
            cli_fail(&p->error);
        } else if (p->faces_found == 0 && p->faces == 0) {
            r->faceless++;
            cli_warn(c, "%s: no face found", p->path);
        } else if (!all && p->faces_found > 1) {
            cli_warn(c, "%s has %d faces, the largest is taken (--all takes every one)", p->path, p->faces_found);
        }
    }
}

static int run_pipeline(cli *c, arc_pipeline *pipeline, const cli_paths *photos, const char *output, format f, int dim,
                        bool all) {
    arc_error err = {0};
    cli_progress bar;
    run_results r = {.photo = cli_new((size_t)photos->count, sizeof(arc_result)), .photos = photos->count, .dim = dim};
    double start = cli_seconds();
    cli_progress_start(&bar, c, "embedding");
    arc_status st =
        arc_pipeline_run(pipeline, (const char *const *)photos->path, photos->count, r.photo, cli_progress_step_int, &bar, &err);
    cli_progress_end(&bar);
    int code = st == ARC_OK ? CLI_OK : cli_fail(&err);
    if (code == CLI_OK) {
        count_results(c, &r, all);
        if (r.rows == 0)
            code = cli_bad_input("nothing to write: none of %d picture%s gave an embedding", r.photos, r.photos == 1 ? "" : "s");
        else
            code = write_results(c, &r, output, f);
    }
    if (code == CLI_OK && !c->quiet) {
        double seconds = cli_seconds() - start;
        fprintf(stderr, "%d embeddings of %d values from %d pictures in %.1f s (%.1f a second)", r.rows, dim, r.photos, seconds,
                seconds > 0 ? r.photos / seconds : 0);
        if (r.failed || r.faceless)
            fprintf(stderr, "; %d unreadable, %d without a face", r.failed, r.faceless);
        fprintf(stderr, "; plan %s\n", arc_pipeline_plan_id(pipeline));
    }
    for (int i = 0; i < r.photos; i++)
        arc_result_free(c->ctx, &r.photo[i]);
    cli_free(r.photo);
    return code;
}

static int run(cli *c) {
    const char *output = cli_value(c, "output");
    format f;
    cli_paths photos = {0};
    arc_model *model = NULL, *detector = NULL;
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.flip = cli_given(c, "flip");
    opt.aligned = cli_given(c, "aligned");
    opt.all_faces = cli_given(c, "all");
    if (!output)
        return cli_usage(c, "embed needs -o FILE (.npy, .json, .csv or - for standard output)");
    if (!choose_format(c, output, &f))
        return CLI_USAGE;
    faces_options(c, &opt.detect);
    if (cli_given(c, "fast-decode"))
        opt.image.min_side_px = 2 * (opt.detect.size_px > 0 ? opt.detect.size_px : 640);
    int code = cli_paths_collect(&photos, c->args, c->arg_count) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code == CLI_OK && !opt.aligned)
        code = cli_load(c, ARC_TASK_DETECT, &detector);
    if (code == CLI_OK && arc_pipeline_new(c->ctx, detector, model, &opt, &pipeline, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code == CLI_OK)
        code = run_pipeline(c, pipeline, &photos, output, f, arc_model_contract(model)->dim, opt.all_faces);
    arc_pipeline_free(&pipeline);
    arc_model_free(&detector);
    arc_model_free(&model);
    cli_paths_free(&photos);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("output", 'o', "FILE", NULL, ".npy (with a .txt of names beside it), .json, .csv, or - for standard output"),
    CLI_WORD("format", 0, "NAME", "csv json npy", NULL, "npy, json or csv, instead of the suffix (default for -: csv)"),
    CLI_FLAG("flip", 0, "add the embedding of the mirrored face"),
    CLI_FLAG("aligned", 0, "the pictures are ready crops: no detection"),
    CLI_FLAG("all", 'a', "every face, not only the largest"),
    CLI_FLAG("fast-decode", 0, "decode JPEG photos far larger than the network at reduced size; embeddings change a little"),
    FACES_OPTIONS,
    {0},
};

const cli_command cli_embed = {
    .group = CLI_GROUP_FACES,
    .name = "embed",
    .args = "PHOTO|FOLDER...",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "turn faces into embeddings",
    .about = "Embeddings (not normalised), one row a face: as NPY (float32, rows by dimension, with path, face, box and score in "
             "the .txt, separated by tabs), JSON or CSV. A picture that cannot be read is named on standard error and left out. "
             "--fast-decode decodes large JPEG photos at 1/2, 1/4 or 1/8 size; faces that are then smaller than a crop are cut "
             "from full size.",
    .example = "arcface embed photos/ --flip -o embeddings.npy",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
