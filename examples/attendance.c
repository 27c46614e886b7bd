/* attendance DETECTOR EMBEDDER GALLERY add NAME PHOTO...: puts pictures of NAME into the gallery.
 * attendance DETECTOR EMBEDDER GALLERY PHOTO...: who of the gallery is in these photos, who is missing, how many are strangers.
 * Exit status 0: everybody is there, 1: somebody is missing, 2: failure. */
#include <arcface/arcface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct roll {
    int64_t present[4096]; /* identities */
    int count, strangers, missing;
} roll;

static arc_status see(void *ctx, int64_t index, arc_identified *seen, arc_error *err) {
    roll *r = ctx;
    (void)index, (void)err;
    if (seen->photo.status != ARC_OK)
        fprintf(stderr, "attendance: %s\n", seen->photo.error.text);
    for (int i = 0; i < seen->photo.faces; i++)
        if (seen->answer[i].known != ARC_KNOWN)
            r->strangers++;
        else if (r->count < 4096)
            r->present[r->count++] = seen->answer[i].match[0].identity;
    return ARC_OK;
}

static int call(void *ctx, const arc_identity *who) {
    roll *r = ctx;
    int i = 0;
    while (i < r->count && r->present[i] != who->id)
        i++;
    printf("%s  %s\n", i < r->count ? "here   " : "missing", who->name);
    r->missing += i == r->count;
    return 0;
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
    arc_gallery_options_default(&how);
    how.create = add;
    how.key = getenv("ATTENDANCE_KEY"); /* "command:pass attendance", "env:NAME" or a file; without it nothing is sealed */
    arc_pipeline_options_default(&faces);
    faces.keep_crops = add; /* they are kept in the gallery, for the day when it moves to another model */
    faces.all_faces = !add;
    arc_status s = arc_context_open(&ctx, NULL, &err);
    s = s ? s : arc_model_load(ctx, argv[1], ARC_TASK_DETECT, NULL, &detector, &err);
    s = s ? s : arc_model_load(ctx, argv[2], ARC_TASK_EMBED, NULL, &embedder, &err);
    s = s ? s : arc_pipeline_new(ctx, detector, embedder, &faces, &pipeline, &err);
    s = s ? s : arc_gallery_open(ctx, argv[3], &how, &gallery, &err);
    roll r = {0};
    for (int i = 6; add && !s && i < argc; i++) {
        const arc_photo photo = arc_photo_from_path(argv[i]);
        s = arc_enroll(gallery, pipeline, argv[5], &photo, NULL, NULL, &err);
    }
    if (!add && !s) {
        arc_photo_source photos;
        arc_photo_source_of_paths(&photos, (const char *const *)argv + 4, argc - 4);
        s = arc_identify_source(gallery, pipeline, &photos, NULL, see, &r, &err);
        s = s ? s : arc_gallery_list(gallery, 0, call, &r, &err);
        printf("%d strange face%s\n", r.strangers, r.strangers == 1 ? "" : "s");
    }
    if (s)
        fprintf(stderr, "attendance: %s\n", err.text);
    arc_gallery_close(&gallery);
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
    arc_model_free(&detector);
    arc_context_close(&ctx);
    return s ? 2 : r.missing > 0;
}
