/* face: which faces stand upright in the look that found them, and which look is right about a face that several have found.
 *
 * Detectors are trained on upright faces. Of one that lies on its side they mostly find the landmarks, eyes above each other; of
 * one that is upside down they see a face of low score with eyes where its mouth is. So steep landmarks or a low score are a
 * reason to look again, at the picture turned; and of several looks at one face the one with the highest score is right. */
#include "base/base.h"
#include "face/detect/look.h"
#include <math.h>

#define LEANING 1.43f  /* tangent of 55 degrees: what detectors still see rightly, and more than half a quarter turn */
#define SAME_FACE 0.5f /* of the smaller box lies in the other */

/* Measured on photographs (docs/RESULTS.md). */
float arc_usual_score(arc_detector_kind kind) {
    switch (kind) {
    case ARC_DETECTOR_SCRFD:
        return 0.77f;
    case ARC_DETECTOR_YUNET:
        return 0.92f;
    case ARC_DETECTOR_RETINAFACE:
    case ARC_DETECTOR_RETINAFACE_MXNET:
        return 0.995f;
    case ARC_DETECTOR_NONE:
    default:
        return 0;
    }
}

static void turn_point(float *x, float *y, int turns, float last_x, float last_y) {
    const float u = *x, v = *y;
    *x = turns == 1 ? v : turns == 2 ? last_x - u : last_x - v;
    *y = turns == 1 ? last_y - u : turns == 2 ? last_y - v : u;
}

void arc_face_turn_back(arc_face *face, int turns, int width_px, int height_px) {
    const float last_x = (float)(width_px - 1), last_y = (float)(height_px - 1);
    float x[2] = {face->x1_px, face->x2_px}, y[2] = {face->y1_px, face->y2_px};
    if (turns == 0)
        return;
    for (int i = 0; i < 2; i++)
        turn_point(&x[i], &y[i], turns, last_x, last_y);
    face->x1_px = ARC_MIN(x[0], x[1]);
    face->x2_px = ARC_MAX(x[0], x[1]);
    face->y1_px = ARC_MIN(y[0], y[1]);
    face->y2_px = ARC_MAX(y[0], y[1]);
    for (int i = 0; i < 5; i++)
        turn_point(&face->landmark_px[i][0], &face->landmark_px[i][1], turns, last_x, last_y);
    face->turned_degrees = 90 * turns;
}

bool arc_face_upright(const arc_face *face) {
    const float(*p)[2] = face->landmark_px;
    /* the sum of a vector to the right, along eyes and mouth, and of one down, from eyes to mouth, turned to the right */
    const float down_x = (p[3][0] + p[4][0] - p[0][0] - p[1][0]) / 2, down_y = (p[3][1] + p[4][1] - p[0][1] - p[1][1]) / 2;
    const float x = p[1][0] - p[0][0] + p[4][0] - p[3][0] + down_y, y = p[1][1] - p[0][1] + p[4][1] - p[3][1] - down_x;
    switch (face->turned_degrees) { /* how that lies in the turned picture */
    case 90:
        return fabsf(x) <= LEANING * -y;
    case 180:
        return fabsf(y) <= LEANING * -x;
    case 270:
        return fabsf(x) <= LEANING * y;
    default:
        return fabsf(y) <= LEANING * x;
    }
}

bool arc_face_doubtful(const arc_face *face, arc_detector_kind kind) {
    return face->score < arc_usual_score(kind) || !arc_face_upright(face);
}

static float area_of(const arc_face *f) {
    return (f->x2_px - f->x1_px) * (f->y2_px - f->y1_px);
}

static bool same_face(const arc_face *a, const arc_face *b) {
    const float w = ARC_MIN(a->x2_px, b->x2_px) - ARC_MAX(a->x1_px, b->x1_px),
                h = ARC_MIN(a->y2_px, b->y2_px) - ARC_MAX(a->y1_px, b->y1_px);
    return w > 0 && h > 0 && w * h > SAME_FACE * ARC_MIN(area_of(a), area_of(b));
}

/* Whether `other` is the better view of a face than `face`. */
static bool better(const arc_face *other, const arc_face *face) {
    return !arc_face_upright(face) || other->score > face->score;
}

arc_status arc_faces_merge(arc_face_list *faces, const arc_face_list *turned, int *added, arc_error *err) {
    *added = 0;
    for (size_t i = 0; i < turned->count; i++) {
        const arc_face *t = &turned->face[i];
        bool wins = arc_face_upright(t);
        for (size_t k = 0; k < faces->count && wins; k++)
            wins = !same_face(t, &faces->face[k]) || better(t, &faces->face[k]);
        if (!wins)
            continue;
        size_t kept = 0;
        for (size_t k = 0; k < faces->count; k++)
            if (!same_face(t, &faces->face[k]))
                faces->face[kept++] = faces->face[k];
        faces->count = kept;
        const arc_status st = arc_face_list_put(faces, t, err);
        if (st != ARC_OK)
            return st;
        ++*added;
    }
    return ARC_OK;
}

static bool is_small(const arc_face *f, float small_px) {
    return f->x2_px - f->x1_px < small_px && f->y2_px - f->y1_px < small_px;
}

arc_status arc_faces_add(arc_face_list *faces, const arc_face_list *more, float small_px, int *added, arc_error *err) {
    const size_t before = faces->count;
    *added = 0;
    for (size_t i = 0; i < more->count; i++) {
        size_t k = 0;
        while (k < before && !same_face(&more->face[i], &faces->face[k]))
            k++;
        const bool is_new = k == before, replaces = !is_new && is_small(&faces->face[k], small_px);
        const arc_status st = is_new ? arc_face_list_put(faces, &more->face[i], err) : ARC_OK;
        if (st != ARC_OK)
            return st;
        if (replaces)
            faces->face[k] = more->face[i];
        *added += is_new || replaces;
    }
    return ARC_OK;
}
