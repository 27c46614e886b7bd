/* arcface gallery reject: this face is not that person. */
#include "face/run.h"
#include "gallery/open.h"
#include <stdio.h>

typedef struct rejection {
    face_photos *photos;
    arc_gallery *gallery;
    int64_t id;
    int64_t stored;
    int worst;
} rejection;

static arc_status take(void *ctx, int64_t index, arc_result *photo, arc_error *err) {
    rejection *r = ctx;
    if (!face_photos_tell(r->photos, index, photo))
        return ARC_OK;
    if (photo->faces == 0) {
        r->worst = face_run_faceless(photo);
        return ARC_OK;
    }
    if (photo->faces_found > 1 && !cli_given(r->photos->c, "largest")) {
        r->worst =
            cli_bad_input("%s has %d faces: which of them is meant? Cut the photo to that one, or take the largest (--largest)",
                          cli_photo_label(photo), photo->faces_found);
        return ARC_OK;
    }
    const arc_status st = arc_gallery_reject(r->gallery, photo->face[0].embedding, r->id, err);
    r->stored += st == ARC_OK;
    return st;
}

static int reject(cli *c, face_photos *photos, arc_gallery *g) {
    rejection r = {.photos = photos, .gallery = g};
    arc_error err = {0};
    int code = gallery_person(g, c->args[0], &r.id);
    if (code == CLI_OK && arc_gallery_bind(g, photos->run->model, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code != CLI_OK)
        return code;
    if (arc_pipeline_run_source(photos->run->pipeline, &photos->named.source, take, &r, &err) != ARC_OK)
        return cli_fail(&err);
    face_photos_end(photos);
    if (!c->quiet)
        printf("%lld face%s noted as not %s's\n", (long long)r.stored, r.stored == 1 ? "" : "s", c->args[0]);
    return r.worst > photos->worst ? r.worst : photos->worst;
}

static int run(cli *c) {
    face_run r;
    face_photos photos = {.c = c, .run = &r, .what = "takes"};
    arc_gallery *g = NULL;
    face_run_options(c, &r);
    r.opt.aligned = cli_given(c, "aligned");
    int code = cli_photos_open(c, (const char *const *)c->args + 1, c->arg_count - 1, &photos.named);
    if (code == CLI_OK)
        code = gallery_open(c, GALLERY_CHANGE, NULL, &g);
    if (code == CLI_OK)
        code = face_run_open(c, &r, true);
    r.opt.all_faces = true; /* of several faces it is said here what happens */
    if (code == CLI_OK)
        code = reject(c, &photos, g);
    arc_gallery_close(&g);
    face_run_close(&r);
    face_photos_close(&photos);
    return code;
}

static const cli_option options[] = {
    GALLERY_OPTIONS,
    CLI_FLAG("largest", 0, "of several faces in a photo take the largest; else such a photo is refused"),
    CLI_FLAG("aligned", 0, "the pictures are ready crops: no detection"),
    PICTURE_OPTIONS,
    PHOTO_LIMITS,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_gallery_reject = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery reject",
    .args = "NAME PHOTO...",
    .takes = CLI_IS_FILE,
    .min_args = 2,
    .max_args = -1,
    .what = "the face in a photo is not that person: identify keeps to it",
    .about = "After a wrong answer: faces at least as similar to this one as to NAME's pictures are not taken for NAME any more.",
    .example = "arcface gallery reject \"Ann Smith\" twin.jpg --gallery people.gal",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
