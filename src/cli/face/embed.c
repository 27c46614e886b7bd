/* arcface embed: photos, or ready crops, to embeddings as NPY (with a list of names beside it), JSON or CSV. */
#include "face/run.h"
#include <stdio.h>
#include <string.h>

typedef struct counts {
    int rows, failed, faceless, worst;
} counts;

/* By --format, else by the suffix. */
static bool choose_format(cli *c, const char *output, arc_results_format *f) {
    static const char *const names[] = {[ARC_RESULTS_CSV] = "csv", [ARC_RESULTS_JSON] = "json", [ARC_RESULTS_NPY] = "npy"};
    const char *name = cli_value(c, "format");
    const char *dot = strrchr(output, '.');
    if (!name)
        name = strcmp(output, "-") == 0 ? "csv" : dot ? dot + 1 : "";
    for (int i = 0; i < CLI_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *f = (arc_results_format)i;
            return true;
        }
    cli_usage(c, "cannot tell the format of %s: name it .npy, .json or .csv, or give --format", output);
    return false;
}

static counts count_results(cli *c, const face_run *r, const arc_result *photo, int photos) {
    counts n = {0};
    for (int i = 0; i < photos; i++) {
        const arc_result *p = &photo[i];
        n.rows += p->faces;
        face_run_warn(c, r, p, "takes");
        if (p->status != ARC_OK) {
            const int code = cli_fail(&p->error);
            n.failed++;
            n.worst = code > n.worst ? code : n.worst;
        } else if (p->faces_found == 0) {
            n.faceless++;
            cli_warn(c, "%s: no face found", p->path);
        }
    }
    return n;
}

static void print_summary(const face_run *r, const counts *n, int photos, int dim, double seconds) {
    fprintf(stderr, "%d embeddings of %d values from %d pictures in %.1f s (%.1f a second)", n->rows, dim, photos, seconds,
            seconds > 0 ? photos / seconds : 0);
    if (n->failed || n->faceless)
        fprintf(stderr, "; %d unreadable, %d without a face", n->failed, n->faceless);
    fprintf(stderr, "; plan %s\n", arc_pipeline_plan_id(r->pipeline));
}

static int embed(cli *c, const face_run *r, const cli_paths *photos, const char *output, arc_results_format f) {
    arc_error err = {0};
    cli_progress bar;
    const int count = photos->count, dim = arc_model_contract(r->model)->dim;
    arc_result *result = cli_new((size_t)count, sizeof *result);
    arc_photo *photo = cli_photos(photos);
    const double start = cli_seconds();
    cli_progress_start(&bar, c, "embedding");
    const arc_status st = arc_pipeline_run_photos(r->pipeline, photo, count, result, cli_progress_tick_int, &bar, &err);
    cli_progress_end(&bar);
    int code = st == ARC_OK ? CLI_OK : cli_fail(&err);
    if (code == CLI_OK) {
        const counts n = count_results(c, r, result, count);
        if (n.rows == 0)
            code = cli_bad_input("nothing to write: none of %d picture%s gave an embedding", count, count == 1 ? "" : "s");
        else if (arc_results_save(c->ctx, result, count, dim, f, output, &err) != ARC_OK)
            code = cli_fail_write(&err);
        else if (!c->quiet)
            print_summary(r, &n, count, dim, cli_seconds() - start);
        if (n.failed > 0 && code == CLI_OK)
            code = n.worst;
        face_run_end(c, photos, n.failed);
    }
    for (int i = 0; i < count; i++)
        arc_result_free(c->ctx, &result[i]);
    cli_free(result);
    cli_free(photo);
    return code;
}

static int run(cli *c) {
    const char *output = cli_value(c, "output");
    arc_results_format f;
    cli_paths photos = {0};
    face_run r;
    if (!output)
        return cli_usage(c, "embed needs -o FILE (.npy, .json, .csv or - for standard output)");
    if (!choose_format(c, output, &f))
        return CLI_USAGE;
    face_run_options(c, &r);
    r.opt.flip = cli_given(c, "flip");
    r.opt.aligned = cli_given(c, "aligned");
    r.opt.all_faces = cli_given(c, "all");
    if (cli_given(c, "fast-decode"))
        r.opt.image.min_side_px = 2 * (r.opt.detect.size_px > 0 ? r.opt.detect.size_px : 640);
    int code = cli_paths_collect(c, &photos, c->args, c->arg_count) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK)
        code = face_run_open(c, &r, true);
    if (code == CLI_OK)
        code = embed(c, &r, &photos, output, f);
    face_run_close(&r);
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
    PICTURE_OPTIONS,
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
             "the .txt, separated by tabs), JSON or CSV. A picture that cannot be read is named on standard error and left out, "
             "and the exit "
             "status is then 3. A folder stands for all pictures in it, whatever their names; @FILE for the paths in a list, one "
             "a line or "
             "ended by NUL; - for standard input. "
             "--fast-decode decodes large JPEG photos at 1/2, 1/4 or 1/8 size; faces that are then smaller than a crop are cut "
             "from full size.",
    .example = "arcface embed photos/ --flip -o embeddings.npy",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
