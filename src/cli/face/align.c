/* arcface align: faces of photos, turned and scaled to a recognition template, written as PNG crops. */
#include "face/crop_names.h"
#include "face/run.h"
#include <stdio.h>
#include <string.h>

#define PRINTED_BYTES 65536 /* of text, at a time */

typedef struct aligner {
    cli *c;
    face_photos *photos;
    const char *dir;
    crop_names names;
    int64_t crops;
    int worst;
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
    crop_name(a->c, &a->names, a->dir, cli_photo_label(photo), index, name);
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
    (void)err;
    int code = CLI_OK;
    if (!face_photos_tell(a->photos, index, photo))
        code = a->photos->worst;
    else if (photo->faces == 0)
        code = face_run_faceless(photo);
    for (int i = 0; i < photo->faces && code == CLI_OK; i++)
        code = write_crop(a, photo, i);
    if (a->text.bytes > PRINTED_BYTES)
        cli_text_print(&a->text);
    a->worst = code > a->worst ? code : a->worst;
    return code == CLI_FAILURE ? ARC_ECANCEL : ARC_OK;
}

static int align(aligner *a) {
    arc_error err = {0};
    a->worst = cli_make_folder(a->dir);
    if (a->worst == CLI_FAILURE)
        return a->worst;
    const arc_status st = arc_pipeline_run_source(a->photos->run->pipeline, &a->photos->named.source, write_crops, a, &err);
    if (st != ARC_OK && a->worst != CLI_FAILURE)
        return cli_fail(&err);
    face_photos_end(a->photos);
    return a->worst == CLI_BAD_INPUT && a->crops > 0 ? CLI_OK : a->worst; /* a bad photo fails alone */
}

static int run(cli *c) {
    face_run r;
    face_photos photos;
    aligner a = {.c = c, .photos = &photos, .dir = cli_value(c, "output")};
    if (!a.dir)
        return cli_usage(c, "align needs -o FOLDER for the crops");
    face_run_options(c, &r);
    r.opt.align = (arc_template)cli_word(c, "template");
    r.opt.warp = (arc_warp)cli_word(c, "warp");
    r.opt.all_faces = cli_given(c, "all");
    r.opt.keep_crops = true;
    int code = face_photos_open(c, &r, "takes", &photos);
    if (code == CLI_OK)
        code = face_run_open(c, &r, false);
    if (code == CLI_OK)
        code = align(&a);
    face_run_close(&r);
    cli_text_print(&a.text);
    crop_names_free(&a.names);
    face_photos_close(&photos);
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
    PHOTO_LIMITS,
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
