/* The step of the drawn demo that asks who somebody is: ten people are put into a gallery, twenty photographs are answered, two
 * of them of people whom the gallery does not know. */
#include "demo/demo.h"
#include <arcface/arcface.h>
#include <stdio.h>
#include <string.h>

enum { PEOPLE = 10, PICTURES = 3, PHOTOS = 20, STRANGERS = 2, SIDE = 320, CELL = 200, COLUMNS = 5 };
static const char *const names[PEOPLE] = {"Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jack"};

typedef struct people {
    arc_demo *demo;
    const arc_demo_people *who;
    arc_pipeline *pipeline;
    arc_gallery *gallery;
    int right, wrong, strangers; /* of the answers */
} people;

/* A photograph with its landmarks: what a detector gives of a real one. */
static arc_status photograph(const people *p, int64_t person, int64_t image, arc_image *pixels, arc_photo *photo, arc_face *face,
                             arc_error *err) {
    const arc_status st = arc_drawn_photo(p->demo->ctx, p->who->seed, p->who->first + person, image, 1, SIDE, pixels, face, err);
    if (st != ARC_OK)
        return st;
    *photo = arc_photo_from_image(pixels, "drawn");
    photo->has_landmarks = true;
    memcpy(photo->landmark_px, face->landmark_px, sizeof photo->landmark_px);
    return ARC_OK;
}

static arc_status enroll(const people *p, arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < PEOPLE * PICTURES; i++) {
        arc_image pixels = {0};
        arc_photo photo;
        arc_face face;
        st = photograph(p, i / PICTURES, i % PICTURES, &pixels, &photo, &face, err);
        if (st == ARC_OK)
            st = arc_enroll(p->gallery, p->pipeline, names[i / PICTURES], &photo, NULL, NULL, err);
        arc_image_free(p->demo->ctx, &pixels);
    }
    return st;
}

/* The last two are strangers; the others are other photographs of those who were enrolled. */
static arc_status identify(people *p, int index, arc_image *sheet, arc_error *err) {
    const bool strange = index >= PHOTOS - STRANGERS;
    const int person = strange ? PEOPLE + index : index % PEOPLE;
    arc_context *ctx = p->demo->ctx;
    arc_image pixels = {0}, drawn = {0};
    arc_identified found = {.answer = NULL};
    arc_photo photo;
    arc_face face;
    arc_status st = photograph(p, person, PICTURES + index, &pixels, &photo, &face, err);
    if (st == ARC_OK)
        st = arc_identify_photo(p->gallery, p->pipeline, &photo, NULL, &found, err);
    if (st == ARC_OK) {
        const arc_answer *a = &found.answer[0];
        const bool named = a->known == ARC_KNOWN;
        p->strangers += strange && !named;
        p->right += !strange && named && strcmp(a->match[0].name, names[person]) == 0;
        p->wrong += named && (strange || strcmp(a->match[0].name, names[person]) != 0);
        found.photo.face[0].face = face; /* with a detector's box */
        st = arc_identified_draw(ctx, &pixels, &found, &drawn, err);
    }
    if (st == ARC_OK)
        arc_draw_image(sheet, index % COLUMNS * CELL, index / COLUMNS * CELL, CELL - 2, CELL - 2, &drawn);
    arc_image_free(ctx, &drawn);
    arc_identified_free(ctx, &found);
    arc_image_free(ctx, &pixels);
    return st;
}

static arc_status open_all(people *p, const arc_model *model, const char *path, arc_error *err) {
    arc_pipeline_options opt;
    arc_gallery_options how;
    arc_pipeline_options_default(&opt);
    opt.aligned = true; /* nothing is detected: photographs come with their landmarks */
    opt.keep_crops = true;
    arc_gallery_options_default(&how);
    how.create = true;
    const arc_status st = arc_pipeline_new(p->demo->ctx, NULL, model, &opt, &p->pipeline, err);
    return st == ARC_OK ? arc_gallery_open(p->demo->ctx, path, &how, &p->gallery, err) : st;
}

static arc_status ask(people *p, arc_image *sheet, char text[256], arc_error *err) {
    const double start = arc_demo_seconds();
    arc_status st = enroll(p, err);
    if (st == ARC_OK)
        arc_demo_say(p->demo, "6. gallery   %d more people that nobody has seen, enrolled with %d photographs each: %.1f s\n",
                     PEOPLE, PICTURES, arc_demo_seconds() - start);
    if (st == ARC_OK)
        st = arc_image_new(p->demo->ctx, COLUMNS * CELL, (PHOTOS + COLUMNS - 1) / COLUMNS * CELL, sheet, err);
    for (int i = 0; st == ARC_OK && i < PHOTOS; i++)
        st = identify(p, i, sheet, err);
    snprintf(text, 256, "%d other photographs: %d of %d known by name, %d of %d strangers unknown, %d taken for somebody else",
             PHOTOS, p->right, PHOTOS - STRANGERS, p->strangers, STRANGERS, p->wrong);
    return st;
}

arc_status arc_demo_gallery(arc_demo *d, const arc_demo_people *who, arc_image *sheet, char text[256], arc_error *err) {
    people p = {.demo = d, .who = who};
    arc_model *model = NULL;
    char path[ARC_DEMO_PATH_BYTES];
    arc_status st = arc_model_load(d->ctx, who->model, ARC_TASK_EMBED, NULL, &model, err);
    if (st == ARC_OK)
        st = open_all(&p, model, arc_demo_join(path, who->folder, "people.gal"), err);
    if (st == ARC_OK)
        st = ask(&p, sheet, text, err);
    arc_demo_join(path, d->opt.out, "6-gallery.jpg");
    if (st == ARC_OK)
        st = arc_image_save(d->ctx, sheet, path, err);
    if (st == ARC_OK)
        arc_demo_say(d, "             %s\n             %s\n", text, path);
    arc_gallery_close(&p.gallery);
    arc_pipeline_free(&p.pipeline);
    arc_model_free(&model);
    return st;
}
