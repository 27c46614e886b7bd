/* face: candidate lists: growth, sorting, non-maximum suppression, and the choice of the best few. */
#include "base/base.h"
#include "face/detect/decode.h"
#include <arcface/image.h>
#include <stdlib.h>
#include <string.h>

arc_status arc_face_list_put(arc_face_list *list, const arc_face *face, arc_error *err) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        arc_face *grown = arc_mem_grow(list->alloc, list->face, list->count, capacity, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "face candidates");
        list->face = grown;
        list->capacity = capacity;
    }
    list->face[list->count++] = *face;
    return ARC_OK;
}

void arc_face_list_free(arc_face_list *list) {
    arc_mem_free(list->alloc, list->face);
    list->face = NULL;
    list->count = list->capacity = 0;
}

/* Highest score first. Equal scores are ordered by position, so that the order does not depend on the sorting algorithm. */
static int by_score(const void *a, const void *b) {
    const arc_face *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    if (p->y1_px != q->y1_px)
        return p->y1_px < q->y1_px ? -1 : 1;
    return p->x1_px < q->x1_px ? -1 : p->x1_px > q->x1_px;
}

static float area_of(const arc_face *f, float plus_one) {
    return (f->x2_px - f->x1_px + plus_one) * (f->y2_px - f->y1_px + plus_one);
}

static bool overlap_above(const arc_face *a, const arc_face *b, float iou, float plus_one) {
    float w = ARC_MIN(a->x2_px, b->x2_px) - ARC_MAX(a->x1_px, b->x1_px) + plus_one;
    float h = ARC_MIN(a->y2_px, b->y2_px) - ARC_MAX(a->y1_px, b->y1_px) + plus_one;
    if (w <= 0 || h <= 0)
        return false;
    float inter = w * h;
    return inter / (area_of(a, plus_one) + area_of(b, plus_one) - inter) > iou;
}

void arc_nms(arc_face_list *faces, float iou, float plus_one) {
    if (faces->count == 0)
        return;
    qsort(faces->face, faces->count, sizeof *faces->face, by_score);
    size_t kept = 0;
    for (size_t i = 0; i < faces->count; i++) {
        bool drop = false;
        for (size_t j = 0; j < kept && !drop; j++)
            drop = overlap_above(&faces->face[j], &faces->face[i], iou, plus_one);
        if (!drop)
            faces->face[kept++] = faces->face[i];
    }
    faces->count = kept;
}

static double weight_of(const arc_face *f, int width_px, int height_px) {
    double dx = ((double)f->x1_px + (double)f->x2_px) / 2 - width_px / 2; /* in whole pixels, as the reference does */
    double dy = ((double)f->y1_px + (double)f->y2_px) / 2 - height_px / 2;
    return (double)area_of(f, 0) - 2 * (dx * dx + dy * dy);
}

arc_status arc_face_list_select(arc_face_list *faces, int max_faces, int width_px, int height_px, arc_error *err) {
    if (max_faces <= 0 || faces->count <= (size_t)max_faces)
        return ARC_OK;
    double *weight = arc_mem_raw(faces->alloc, faces->count, sizeof *weight);
    if (!weight)
        return arc_fail_nomem(err, "choosing faces");
    for (size_t i = 0; i < faces->count; i++)
        weight[i] = weight_of(&faces->face[i], width_px, height_px);
    size_t kept = 0;
    for (size_t i = 0; i < faces->count; i++) {
        size_t better = 0;
        for (size_t j = 0; j < faces->count; j++)
            better += weight[j] > weight[i] || (weight[j] == weight[i] && j < i);
        if (better < (size_t)max_faces)
            faces->face[kept++] = faces->face[i];
    }
    faces->count = kept;
    arc_mem_free(faces->alloc, weight);
    return ARC_OK;
}
