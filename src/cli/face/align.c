/* arcface align: faces of photos, turned and scaled to a recognition template, written as PNG crops. */
#include "face/crop_names.h"
#include "face/run.h"
#include <stdio.h>
#include <string.h>

typedef struct aligner {
    cli *c;
    face_run r;
    const char *dir;
    crop_names names;
    int crops, worst, unreadable;
    cli_text text;
} aligner;

/* Makes the folder that a crop goes into. */
static int make_folder_of(const char *file) {
    char folder[CROP_PATH_BYTES];
    const size_t length = (size_t)(strrchr(file, '/') - file);
    memcpy(folder, file, length);
    folder[length] = 0;
    return cli_make_folder(folder);
}

static int write_crop(aligner *a, const arc_result *photo, int index) {
    arc_error err = {0};
    char name[CROP_PATH_BYTES];
    const arc_result_face *f = &photo->face[index];
    crop_name(a->c, &a->names, a->dir, photo->path, index, name);
    int code = make_folder_of(name);
    if (code == CLI_OK && arc_image_save(a->c->ctx, &f->crop, name, &err) != ARC_OK)
        code = cli_fail_write(&err);
    if (code != CLI_OK)
        return code;
    cli_printf(&a->text, "%s  from %s  score %.3f  residual %.2f px\n", name, photo->path, (double)f->face.score,
               f->align_residual_px);
    a->crops++;
    return CLI_OK;
}

/* Crops are written while later photos are searched. */
static arc_status write_crops(void *ctx, int64_t index, arc_result *photo, arc_error *err) {
    aligner *a = ctx;
    (void)index;
    (void)err;
    int code = photo->status != ARC_OK ? cli_fail(&photo->error)
               : photo->faces == 0     ? cli_bad_input("%s: no face found", photo->path)
                                       : CLI_OK;
    a->unreadable += photo->status != ARC_OK;
    face_run_warn(a->c, &a->r, photo, "takes");
    for (int i = 0; i < photo->faces && code == CLI_OK; i++)
        code = write_crop(a, photo, i);
    a->worst = code > a->worst ? code : a->worst;
    return code == CLI_FAILURE ? ARC_ECANCEL : ARC_OK;
}

static arc_status next_photo(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    const cli_paths *photos = ctx;
    (void)err;
    *photo = index < photos->count ? cli_photo(photos, (int)index) : (arc_photo){.kind = ARC_PHOTO_END};
    return ARC_OK;
}

static int align(aligner *a, const cli_paths *photos) {
    arc_photo_source source;
    arc_error err = {0};
    a->worst = cli_make_folder(a->dir);
    if (a->worst == CLI_FAILURE)
        return a->worst;
    arc_photo_source_default(&source);
    source.next = next_photo;
    source.ctx = (void *)photos;
    source.count = photos->count;
    source.concurrent = true;
    const arc_status st = arc_pipeline_run_source(a->r.pipeline, &source, write_crops, a, &err);
    if (st != ARC_OK && a->worst != CLI_FAILURE)
        return cli_fail(&err);
    face_run_end(a->c, photos, a->unreadable);
    return a->worst == CLI_BAD_INPUT && a->crops > 0 ? CLI_OK : a->worst; /* a bad photo fails alone */
}

static int run(cli *c) {
    aligner a = {.c = c, .dir = cli_value(c, "output")};
    cli_paths photos;
    if (!a.dir)
        return cli_usage(c, "align needs -o FOLDER for the crops");
    face_run_options(c, &a.r);
    a.r.opt.align = (arc_template)cli_word(c, "template");
    a.r.opt.warp = (arc_warp)cli_word(c, "warp");
    a.r.opt.all_faces = cli_given(c, "all");
    a.r.opt.keep_crops = true;
    int code = cli_paths_collect(c, &photos, c->args, c->arg_count) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK)
        code = face_run_open(c, &a.r, false);
    if (code == CLI_OK)
        code = align(&a, &photos);
    face_run_close(&a.r);
    cli_text_print(&a.text);
    crop_names_free(&a.names);
    cli_paths_free(&photos);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("output", 'o', "FOLDER", NULL,
               "where the crops go, in the same folders below it as the photos; made when it is not there"),
    CLI_WORD("template", 0, "SHAPE", "112 112x96 128 224 96 144 160 192 256", "112",
             "112, 112x96, 128, 224; scaled: 96, 144, 160, 192, 256"),
    CLI_WORD("warp", 0, "HOW", "exact opencv", "exact", "exact (float bilinear), or opencv: bit-equal to OpenCV's fixed point"),
    CLI_FLAG("all", 'a', "every face, not only the largest"),
    PICTURE_OPTIONS,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_align = {
    .group = CLI_GROUP_FACES,
    .name = "align",
    .args = "PHOTO...",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "cut faces out, turned to the recognition template",
    .about = "Cuts the largest face of each photo out, turned and scaled to a recognition template, as PNG.",
    .example = "arcface align photos/ -o crops/",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
