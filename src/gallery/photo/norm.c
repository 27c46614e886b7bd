/* gallery/photo: the typical norm of a model's embeddings. */
#include "gallery/photo/norm.h"
#include "face/pipeline.h"
#include "gallery/gallery_internal.h"
#include <arcface/data.h>
#include <stdlib.h>
#include <string.h>

#define FACES 32
#define SIDE_PX 112
#define SEED 1
#define NUISANCE 1

static int rising(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static arc_status median_of(const arc_result result[FACES], double *norm, arc_error *err) {
    float sorted[FACES];
    for (int i = 0; i < FACES; i++) {
        if (result[i].status != ARC_OK)
            return arc_fail(err, result[i].status, "%s", result[i].error.text);
        sorted[i] = result[i].face[0].norm;
    }
    qsort(sorted, FACES, sizeof *sorted, rising);
    *norm = ((double)sorted[FACES / 2 - 1] + (double)sorted[FACES / 2]) / 2;
    return ARC_OK;
}

static arc_status measure(arc_pipeline *pipeline, double *norm, arc_error *err) {
    arc_context *ctx = arc_pipeline_context(pipeline);
    arc_image face[FACES] = {{0}};
    arc_photo photo[FACES];
    arc_result result[FACES];
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < FACES; i++) {
        float landmark_px[5][2];
        st = arc_drawn_face(ctx, SEED, i, 0, NUISANCE, SIDE_PX, &face[i], landmark_px, err);
        photo[i] = arc_photo_from_image(&face[i], "a drawn face");
        photo[i].has_landmarks = true;
        memcpy(photo[i].landmark_px, landmark_px, sizeof landmark_px);
    }
    if (st == ARC_OK) {
        st = arc_pipeline_run_photos(pipeline, photo, FACES, result, NULL, NULL, err);
        if (st == ARC_OK)
            st = median_of(result, norm, err);
        for (int i = 0; i < FACES; i++)
            arc_result_free(ctx, &result[i]);
    }
    for (int i = 0; i < FACES; i++)
        arc_image_free(ctx, &face[i]);
    return st;
}

static arc_status keep(arc_gallery *g, double norm, arc_error *err) {
    arc_status st = arc_gallery_enter(g, true, err);
    if (st != ARC_OK)
        return st;
    arc_binding binding = g->binding;
    binding.typical_norm = norm;
    return arc_gallery_leave(g, arc_gallery_put_binding(g, &binding, err), err);
}

arc_status arc_photo_known_norm(arc_gallery *g, double *norm, arc_error *err) {
    *norm = 0;
    const arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    *norm = g->binding.typical_norm;
    return arc_gallery_leave(g, ARC_OK, err);
}

arc_status arc_photo_typical_norm(arc_gallery *g, arc_pipeline *pipeline, double *norm, arc_error *err) {
    arc_status st = arc_photo_known_norm(g, norm, err);
    if (st != ARC_OK || *norm > 0)
        return st;
    st = measure(pipeline, norm, err);
    return st == ARC_OK ? keep(g, *norm, err) : st;
}
