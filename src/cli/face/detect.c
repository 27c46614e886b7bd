/* arcface detect: boxes, scores and landmarks of the faces in photos. */
#include "face/run.h"

/* The photo once more, with what was found. */
static int draw(cli *c, const arc_photo *from, const arc_result *found, const char *path) {
    arc_image photo = {0};
    arc_error err = {0};
    if (arc_photo_load(c->ctx, from, NULL, &photo, NULL, &err) != ARC_OK)
        return cli_fail(&err);
    arc_face *face = cli_new((size_t)found->faces, sizeof *face);
    for (int i = 0; i < found->faces; i++)
        face[i] = found->face[i].face;
    const int code = cli_draw_faces(c, &photo, face, found->faces, path);
    cli_free(face);
    arc_image_free(c->ctx, &photo);
    return code;
}

static int detect(cli *c, face_run *r, const cli_paths *photos) {
    arc_error err = {0};
    char *text = NULL;
    int worst = CLI_OK, unreadable = 0;
    arc_photo *photo = cli_photos(photos);
    arc_result *result = cli_new((size_t)photos->count, sizeof *result);
    arc_status st = arc_pipeline_run_photos(r->pipeline, photo, photos->count, result, NULL, NULL, &err);
    for (int i = 0; st == ARC_OK && i < photos->count; i++) {
        const int code = result[i].status == ARC_OK ? CLI_OK : cli_fail(&result[i].error);
        worst = code > worst ? code : worst;
        unreadable += code != CLI_OK;
        face_run_warn(c, r, &result[i], "takes");
    }
    if (st == ARC_OK && result[0].status == ARC_OK && cli_given(c, "draw")) /* of one photo */
        worst = draw(c, &photo[0], &result[0], cli_value(c, "draw"));
    if (st == ARC_OK)
        st = arc_results_describe(c->ctx, result, photos->count, cli_given(c, "json"), &text, &err);
    const int code = cli_show(c, st, &text, &err);
    if (st == ARC_OK)
        face_run_end(c, photos, unreadable);
    for (int i = 0; i < photos->count; i++)
        arc_result_free(c->ctx, &result[i]);
    cli_free(result);
    cli_free(photo);
    return code > worst ? code : worst;
}

static int run(cli *c) {
    face_run r;
    cli_paths photos;
    double threshold = 0;
    cli_float(c, "threshold", &threshold);
    face_run_options(c, &r);
    r.opt.detect.score_threshold = (float)threshold;
    r.opt.all_faces = true;
    int code = cli_paths_collect(c, &photos, c->args, c->arg_count) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK && cli_given(c, "draw") && photos.count > 1)
        code = cli_usage(c, "--draw writes one picture, but %d photos are given", photos.count);
    if (code == CLI_OK)
        code = face_run_open(c, &r, false);
    if (code == CLI_OK)
        code = detect(c, &r, &photos);
    face_run_close(&r);
    cli_paths_free(&photos);
    return code;
}

static const cli_option options[] = {
    CLI_FLAG("json", 'j', "one JSON array, one object a photo"),
    CLI_FILE("draw", 0, "FILE", NULL, "write the photo with boxes, landmarks and scores (.jpg .png .ppm)"),
    CLI_REAL("threshold", 't', "X", 0.001, 1, "the model's contract", "lowest score"),
    PICTURE_OPTIONS,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_detect = {
    .group = CLI_GROUP_FACES,
    .name = "detect",
    .args = "PHOTO...",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "find faces: boxes, scores and five landmarks",
    .about =
        "Boxes, scores and five landmarks (left eye, right eye, nose, left and right mouth corner as seen in the picture), in "
        "pixels of the upright photo, best score first. A folder stands for all pictures in it, whatever their names; @FILE for "
        "the paths in a list, one a line or ended by NUL; - for standard input. A photo without a face is no failure.",
    .example = "arcface detect party.jpg --draw faces.jpg",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
