/* arcface embed: photos, or ready crops, to embeddings as NPY (with a list of names beside it), JSON or CSV. */
#include "face/run.h"
#include <stdio.h>
#include <string.h>

typedef struct embedding {
    face_photos *photos;
    arc_results_writer *out;
    int64_t rows;
    bool unwritten;
} embedding;

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

/* Results are written while later photos are searched. */
static arc_status take(void *ctx, int64_t index, arc_result *photo, arc_error *err) {
    embedding *e = ctx;
    if (face_photos_tell(e->photos, index, photo) && photo->faces_found == 0) {
        arc_error why;
        arc_result_explain(photo, &why);
        cli_warn(e->photos->c, "%s", why.text);
    }
    const arc_status st = arc_results_writer_put(e->out, photo, err);
    e->unwritten = st != ARC_OK;
    e->rows += photo->faces;
    return st;
}

static void print_summary(const embedding *e, int dim, double seconds) {
    const face_photos *p = e->photos;
    int64_t unreadable;
    const int64_t photos = face_photos_count(p, &unreadable);
    fprintf(stderr, "%lld embeddings of %d values from %lld pictures in %.1f s (%.1f a second)", (long long)e->rows, dim,
            (long long)photos, seconds, seconds > 0 ? (double)photos / seconds : 0);
    if (unreadable || p->faceless)
        fprintf(stderr, "; %lld unreadable, %lld without a face", (long long)unreadable, (long long)p->faceless);
    fprintf(stderr, "; plan %s\n", arc_pipeline_plan_id(p->run->pipeline));
}

/* The file is there when it holds a row. */
static int finish(cli *c, embedding *e, int dim, double seconds) {
    arc_error err = {0};
    int64_t unreadable;
    const int64_t photos = face_photos_count(e->photos, &unreadable);
    if (e->rows == 0) {
        if (photos > 0)
            cli_bad_input("nothing to write: none of %lld picture%s gave an embedding", (long long)photos,
                          photos == 1 ? "" : "s");
        return CLI_BAD_INPUT;
    }
    if (arc_results_writer_commit(&e->out, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (!c->quiet)
        print_summary(e, dim, seconds);
    return e->photos->worst;
}

static int embed(cli *c, face_photos *photos, const char *output, arc_results_format f) {
    arc_error err = {0};
    embedding e = {.photos = photos};
    const int dim = arc_model_contract(photos->run->model)->dim;
    const double start = cli_seconds();
    int code = CLI_OK;
    if (arc_results_writer_open(c->ctx, dim, f, output, &e.out, &err) != ARC_OK)
        return cli_fail_write(&err);
    cli_progress_start(&photos->bar, c, "embedding");
    const arc_status st = arc_pipeline_run_source(photos->run->pipeline, &photos->named.source, take, &e, &err);
    cli_progress_end(&photos->bar);
    if (st != ARC_OK)
        code = e.unwritten ? cli_fail_write(&err) : cli_fail(&err);
    else
        code = finish(c, &e, dim, cli_seconds() - start);
    if (st == ARC_OK)
        face_photos_end(photos);
    arc_results_writer_abort(&e.out);
    return code;
}

static int run(cli *c) {
    const char *output = cli_value(c, "output");
    arc_results_format f;
    face_photos photos;
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
    int code = face_photos_open(c, &r, "takes", &photos);
    if (code == CLI_OK)
        code = face_run_open(c, &r, true);
    if (code == CLI_OK)
        code = embed(c, &photos, output, f);
    face_run_close(&r);
    face_photos_close(&photos);
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
    PHOTO_LIMITS,
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
    .about = "Embeddings (not normalised), one row a face: as NPY (float32, rows by dimension, with path, face, box and score "
             "in the .txt, separated by tabs), JSON or CSV, which also tell the quality: the embedding's norm, large for good "
             "pictures. A picture that cannot be read is named on standard error and left out, and the exit status is then 3. "
             "A folder and a zip or tar archive stand for all pictures in them, whatever their names (results name a member "
             "ARCHIVE/MEMBER; archives in folders are counted, not opened); an address (http, https) for the picture there; "
             "@FILE for the names in a list, one a line or ended by NUL; - for standard input. --fast-decode decodes large "
             "JPEG photos at 1/2, 1/4 or 1/8 size; faces that are then smaller than a crop are cut from full size.",
    .example = "arcface embed photos/ --flip -o embeddings.npy",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
