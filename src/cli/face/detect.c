/* arcface detect: boxes, scores and landmarks of the faces in photos. */
#include "ui/faces.h"

static void print_plain(cli_text *t, const char *path, const arc_image *photo, const faces *f) {
    cli_printf(t, "%s: %d face%s in %dx%d\n", path, f->count, f->count == 1 ? "" : "s", photo->width_px, photo->height_px);
    for (int i = 0; i < f->count; i++) {
        const arc_face *x = &f->face[i];
        cli_printf(t, "  %d  score %.3f  box %.1f %.1f %.1f %.1f  landmarks", i, (double)x->score, (double)x->x1_px,
                   (double)x->y1_px, (double)x->x2_px, (double)x->y2_px);
        for (int k = 0; k < 5; k++)
            cli_printf(t, " %.1f,%.1f", (double)x->landmark_px[k][0], (double)x->landmark_px[k][1]);
        cli_printf(t, "\n");
    }
}

static void print_json(cli_text *t, const char *path, const arc_image *photo, const faces *f) {
    cli_printf(t, "%s\n  {\"path\": ", t->bytes > 1 ? "," : "");
    cli_json_string(t, path);
    cli_printf(t, ", \"width\": %d, \"height\": %d, \"faces\": [", photo->width_px, photo->height_px);
    for (int i = 0; i < f->count; i++) {
        cli_printf(t, "%s\n    {", i ? "," : "");
        cli_json_face(t, &f->face[i]);
        cli_printf(t, "}");
    }
    cli_printf(t, "]}");
}

static int run(cli *c) {
    faces f;
    cli_paths photos;
    cli_text t = {0};
    double threshold = 0;
    const char *draw = cli_value(c, "draw");
    bool json = cli_given(c, "json");
    cli_float(c, "threshold", &threshold);
    if (!cli_paths_collect(&photos, c->args, c->arg_count)) {
        cli_paths_free(&photos);
        return CLI_BAD_INPUT;
    }
    if (draw && photos.count > 1) {
        cli_paths_free(&photos);
        return cli_usage(c, "--draw writes one picture, but %d photos are given", photos.count);
    }
    int code = faces_open(c, &f);
    if (code != CLI_OK) {
        cli_paths_free(&photos);
        return code;
    }
    f.opt.score_threshold = (float)threshold;
    if (json)
        cli_printf(&t, "[");
    int worst = CLI_OK;
    for (int i = 0; i < photos.count; i++) {
        arc_image photo = {0};
        code = faces_find(c, &f, photos.path[i], &photo);
        if (code == CLI_OK) {
            (json ? print_json : print_plain)(&t, photos.path[i], &photo, &f);
            if (draw)
                code = cli_draw_faces(c, &photo, f.face, f.count, draw);
        }
        if (code > worst)
            worst = code;
        arc_image_free(c->ctx, &photo);
    }
    if (json)
        cli_printf(&t, "\n]\n");
    cli_text_print(&t);
    faces_close(&f);
    cli_paths_free(&photos);
    return worst;
}

static const cli_option options[] = {
    CLI_FLAG("json", 'j', "one JSON array, one object a photo"),
    CLI_FILE("draw", 0, "FILE", NULL, "write the photo with boxes, landmarks and scores (.jpg .png .ppm)"),
    CLI_REAL("threshold", 't', "X", 0.001, 1, "the model's contract", "lowest score"),
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
        "pixels of the upright photo, best score first. A folder stands for all pictures in it. A photo without a face is no "
        "failure.",
    .example = "arcface detect party.jpg --draw faces.jpg",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
