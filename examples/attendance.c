/* attendance DETECTOR EMBEDDER GALLERY add NAME PHOTO...: puts pictures of NAME into the gallery.
 * attendance DETECTOR EMBEDDER GALLERY PHOTO...: who of the gallery is in these photos, who is missing, how many are strangers.
 * Exit status 0: everybody is there, 1: somebody is missing, 2: failure. */
#include <arcface/arcface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

typedef struct roll {
    int64_t present[MOST];
    int count, strangers, missing;
} roll;

static int complain(const arc_error *err) {
    fprintf(stderr, "attendance: %s\n", err->text);
    return 2;
}

static int enroll(arc_gallery *gallery, arc_pipeline *pipeline, const char *name, char **path, int count) {
    int status = 0;
    for (int i = 0; i < count; i++) {
        arc_error err = {0};
        const arc_photo photo = arc_photo_from_path(path[i]);
        if (arc_enroll(gallery, pipeline, name, &photo, NULL, NULL, &err) != ARC_OK)
            status = complain(&err);
    }
    return status;
}

static arc_status see(void *ctx, int64_t index, arc_identified *photo, arc_error *err) {
    roll *r = ctx;
    (void)index, (void)err;
    if (photo->photo.status != ARC_OK)
        complain(&photo->photo.error);
    for (int i = 0; i < photo->photo.faces; i++)
        if (photo->answer[i].known != ARC_KNOWN)
            r->strangers++;
        else if (r->count < MOST)
            r->present[r->count++] = photo->answer[i].match[0].identity;
    return ARC_OK;
}

static int call(void *ctx, const arc_identity *who) {
    roll *r = ctx;
    bool here = false;
    for (int i = 0; i < r->count; i++)
        here = here || r->present[i] == who->id;
    printf("%s  %s\n", here ? "here   " : "missing", who->name);
    r->missing += !here;
    return 0;
}

static int attend(arc_gallery *gallery, arc_pipeline *pipeline, char **path, int count, arc_error *err) {
    static roll r;
    arc_photo_source photos;
    arc_photo_source_of_paths(&photos, (const char *const *)path, count);
    if (arc_identify_source(gallery, pipeline, &photos, NULL, see, &r, err) != ARC_OK ||
        arc_gallery_list(gallery, 0, call, &r, err) != ARC_OK)
        return 2;
    printf("%d strange face%s\n", r.strangers, r.strangers == 1 ? "" : "s");
    return r.missing > 0;
}

int main(int argc, char **argv) {
    const bool add = argc > 6 && strcmp(argv[4], "add") == 0;
    if (argc < 5)
        return fprintf(stderr, "usage: attendance detector.onnx embedder.onnx people.gal [add name] photo...\n"), 2;
    arc_error err = {0};
    arc_context *ctx = NULL;
    arc_model *detector = NULL, *embedder = NULL;
    arc_pipeline *pipeline = NULL;
    arc_gallery *gallery = NULL;
    arc_gallery_options how;
    arc_pipeline_options faces;
    int status = 2;
    arc_gallery_options_default(&how);
    how.create = add;
    how.key = getenv("ATTENDANCE_KEY"); /* "command:pass attendance", "env:NAME" or a file; without it nothing is sealed */
    arc_pipeline_options_default(&faces);
    faces.keep_crops = add; /* they are kept in the gallery, for the day when it moves to another model */
    faces.all_faces = !add;
    if (arc_context_open(&ctx, NULL, &err) == ARC_OK &&
        arc_model_load(ctx, argv[1], ARC_TASK_DETECT, NULL, &detector, &err) == ARC_OK &&
        arc_model_load(ctx, argv[2], ARC_TASK_EMBED, NULL, &embedder, &err) == ARC_OK &&
        arc_pipeline_new(ctx, detector, embedder, &faces, &pipeline, &err) == ARC_OK &&
        arc_gallery_open(ctx, argv[3], &how, &gallery, &err) == ARC_OK)
        status =
            add ? enroll(gallery, pipeline, argv[5], argv + 6, argc - 6) : attend(gallery, pipeline, argv + 4, argc - 4, &err);
    if (*err.text)
        complain(&err);
    arc_gallery_close(&gallery);
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
    arc_model_free(&detector);
    arc_context_close(&ctx);
    return status;
}
