/* arcface verify: are two photos of one person? Exit status 0 yes, 1 no. */
#include "face/run.h"
#include <stdio.h>

/* Side by side: the pair with the highest cosine. */
static int draw(cli *c, const arc_photo photos[2], const arc_verified *v, const char *path) {
    arc_image photo[2] = {{0}, {0}};
    arc_error err = {0};
    char text[128];
    int code = CLI_OK;
    arc_pair_side side[2];
    for (int k = 0; k < 2 && code == CLI_OK; k++) {
        const arc_result_face *f = &v->photo[k].face[v->face[k]];
        side[k] = (arc_pair_side){&photo[k], &f->face, &f->crop};
        if (arc_photo_load(c->ctx, &photos[k], NULL, &photo[k], NULL, &err) != ARC_OK)
            code = cli_fail(&err);
    }
    if (code == CLI_OK) {
        snprintf(text, sizeof text, "cosine %.3f, %.1f\xc2\xb0  (threshold %.3f)", v->verdict.cosine, v->verdict.angle_degrees,
                 v->verdict.threshold);
        code = cli_draw_pair(c, side, v->verdict.same ? "same person" : "different persons", text, v->verdict.same, path);
    }
    for (int k = 0; k < 2; k++)
        arc_image_free(c->ctx, &photo[k]);
    return code;
}

static int verify(cli *c, const face_run *r, const arc_photo photos[2]) {
    arc_verify_rule rule;
    arc_verified v = {.pair = NULL};
    arc_error err = {0};
    char *text = NULL;
    arc_status st = arc_verify_rule_of(r->model, &rule, &err);
    cli_float(c, "threshold", &rule.threshold);
    if (st == ARC_OK) {
        st = arc_verify(r->pipeline, photos, &rule, &v, &err);
        for (int k = 0; k < 2; k++)
            face_run_warn(c, r, &v.photo[k], "compares");
    }
    int code = st == ARC_OK ? CLI_OK : cli_fail_photo(&err);
    if (code == CLI_OK && cli_given(c, "draw"))
        code = draw(c, photos, &v, cli_value(c, "draw"));
    if (code == CLI_OK) {
        st = arc_verified_describe(c->ctx, &v, cli_given(c, "json"), &text, &err);
        code = cli_show(c, st, &text, &err);
    }
    if (code == CLI_OK && !v.verdict.same)
        code = CLI_NO;
    arc_verified_free(c->ctx, &v);
    return code;
}

static int run(cli *c) {
    face_run r;
    cli_photos named;
    arc_photo *photo = NULL;
    int count = 0;
    face_run_options(c, &r);
    r.opt.flip = cli_given(c, "flip");
    r.opt.aligned = cli_given(c, "aligned");
    r.opt.all_faces = cli_given(c, "all");
    r.opt.keep_crops = cli_given(c, "draw");
    int code = cli_photos_open(c, (const char *const *)c->args, c->arg_count, &named);
    if (code == CLI_OK && named.source.count >= 0)
        code = cli_photos_all(&named, &photo, &count);
    if (code == CLI_OK && named.source.count < 0)
        code = cli_usage(c, "verify compares two photos, but many are given");
    else if (code == CLI_OK && count != 2)
        code = cli_usage(c, "verify compares two photos, but %d are given", count);
    if (code == CLI_OK)
        code = face_run_open(c, &r, true);
    if (code == CLI_OK)
        code = verify(c, &r, photo);
    face_run_close(&r);
    cli_free(photo);
    cli_photos_close(&named);
    return code;
}

static const cli_option options[] = {
    CLI_REAL("threshold", 't', "X", -1, 1, "the model's contract", "lowest cosine of one person"),
    CLI_FLAG("json", 'j', "one JSON object"),
    CLI_FILE("draw", 0, "FILE", NULL, "write both photos side by side with boxes and score (.jpg .png .ppm)"),
    CLI_FLAG("all", 'a', "compare every face with every face; yes when one pair matches"),
    CLI_FLAG("flip", 0, "add the embedding of the mirrored face"),
    CLI_FLAG("aligned", 0, "the pictures are ready crops: no detection"),
    PICTURE_OPTIONS,
    PHOTO_LIMITS,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_verify = {
    .group = CLI_GROUP_FACES,
    .name = "verify",
    .args = "A B",
    .takes = CLI_IS_FILE,
    .min_args = 2,
    .max_args = 2,
    .what = "are two photos of one person? exit status 0 yes, 1 no",
    .about =
        "Prints cosine, angle and decision. Of several faces in a photo the largest is taken, with a warning. A model that has "
        "been calibrated also says the false accept rate of the score and the probability that it is one person.",
    .no = "different persons",
    .example = "arcface verify a.jpg b.jpg --draw pair.jpg",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
