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

/* The one photo that --draw is for. */
static int detect_and_draw(cli *c, face_photos *photos) {
    arc_error err = {0};
    arc_photo *photo;
    arc_result found = {.path = NULL};
    char *text = NULL;
    int count;
    int code = cli_photos_all(&photos->named, &photo, &count);
    if (code == CLI_OK && arc_pipeline_run_photos(photos->run->pipeline, photo, 1, &found, NULL, NULL, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code == CLI_OK && face_photos_tell(photos, 0, &found)) {
        code = draw(c, photo, &found, cli_value(c, "draw"));
        const arc_status st = arc_results_describe(c->ctx, &found, 1, cli_given(c, "json"), &text, &err);
        const int shown = cli_show(c, st, &text, &err);
        code = shown > code ? shown : code;
    }
    arc_result_free(c->ctx, &found);
    cli_free(photo);
    return code > photos->worst ? code : photos->worst;
}

typedef struct detection {
    face_photos *photos;
    arc_results_writer *out;
    bool unwritten;
} detection;

/* Results are written while later photos are searched. */
static arc_status take(void *ctx, int64_t index, arc_result *photo, arc_error *err) {
    detection *d = ctx;
    face_photos_tell(d->photos, index, photo);
    const arc_status st = arc_results_writer_put(d->out, photo, err);
    d->unwritten = st != ARC_OK;
    return st;
}

static int detect(cli *c, face_photos *photos) {
    arc_error err = {0};
    detection d = {.photos = photos};
    const arc_results_format f = cli_given(c, "json") ? ARC_RESULTS_FACES_JSON : ARC_RESULTS_FACES;
    arc_status st = arc_results_writer_open(c->ctx, 0, f, "-", &d.out, &err);
    if (st == ARC_OK)
        st = arc_pipeline_run_source(photos->run->pipeline, &photos->named.source, take, &d, &err);
    const bool ran = st == ARC_OK;
    if (ran)
        st = arc_results_writer_commit(&d.out, &err);
    arc_results_writer_abort(&d.out);
    if (st != ARC_OK)
        return ran || d.unwritten ? cli_fail_write(&err) : cli_fail(&err);
    face_photos_end(photos);
    return photos->worst;
}

static int run(cli *c) {
    face_run r;
    face_photos photos;
    double threshold = 0;
    const bool draws = cli_given(c, "draw");
    cli_float(c, "threshold", &threshold);
    face_run_options(c, &r);
    r.opt.detect.score_threshold = (float)threshold;
    r.opt.all_faces = true;
    int code = face_photos_open(c, &r, "takes", &photos);
    if (code == CLI_OK && draws && photos.named.source.count != 1)
        code = cli_usage(c, "--draw writes one picture, but several photos are given");
    if (code == CLI_OK)
        code = face_run_open(c, &r, false);
    if (code == CLI_OK)
        code = draws ? detect_and_draw(c, &photos) : detect(c, &photos);
    face_run_close(&r);
    face_photos_close(&photos);
    return code;
}

static const cli_option options[] = {
    CLI_FLAG("json", 'j', "one JSON array, one object a photo"),
    CLI_FILE("draw", 0, "FILE", NULL, "write the photo with boxes, landmarks and scores (.jpg .png .ppm)"),
    CLI_REAL("threshold", 't', "X", 0.001, 1, "the model's contract", "lowest score"),
    PICTURE_OPTIONS,
    PHOTO_LIMITS,
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
    .about = "Boxes, scores and five landmarks (left eye, right eye, nose, left and right mouth corner as seen in the "
             "picture), in pixels of the upright photo, best score first. A folder and a zip or tar archive stand for all "
             "pictures in them, whatever their names (results name a member ARCHIVE/MEMBER; archives in folders are counted, "
             "not opened); an address (http, https) for the picture there; @FILE for the names in a list, one a line or ended "
             "by NUL; - for standard input. A photo without a face is no failure.",
    .example = "arcface detect party.jpg --draw faces.jpg",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
