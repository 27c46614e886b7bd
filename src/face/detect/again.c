/* face: second looks, where the first one gives a reason for one.
 *
 * Turned: a few doubtful faces (upright.c) are looked at in a small window each, in all four orientations at one scale. Where
 * another orientation wins by its score, the whole photo is looked at in that orientation, as if it had been given so, and both
 * lists are merged face by face. Windows cost a hundredth of the first look, so photos with upright faces of low score pay
 * next to nothing. Without any face there is nothing to look at closely: then the whole photo is looked at in all
 * orientations.
 *
 * Border: a face that fills the photo is larger than the largest a detector knows. Made small, with something around it, it is
 * found.
 *
 * Tiles: a photo far larger than the network's input is reduced to it, and small faces vanish. If there are faces, and some
 * near the least size that detectors find, or none at all, the photo is looked at in overlapping tiles at a scale up to three
 * times that of the look before, as long as that finds small faces. Of these the earlier look has only poor landmarks, so they
 * are replaced; others stay as they are. Who wants the largest face alone needs this only if all are small. */
#include "base/base.h"
#include "face/detect/look.h"
#include "image/image.h"
#include <math.h>

#define DOUBTFUL_MAX 4     /* faces that are looked at closely, the largest first: the rest of a photo is turned as they are */
#define WINDOW_PX 64       /* of the network, for the window of a doubtful face */
#define WINDOW_SIDES 2.0f  /* of the window, in sides of the face */
#define WINDOW_SCORE 0.6f  /* of the contract's least score: enough to compare orientations */
#define CLEARLY 0.8f       /* 1 - score of a turned look must be less than so much of the upright one's */
#define BORDERED_PX 256    /* of the network, for the photo with a border */
#define FILLS 0.4f         /* of the photo's shorter side: a face that a look with a border is for */
#define SMALL_PX 20.0f     /* of the network: beside a face so small there may be smaller ones that are not found */
#define SMALL_MANY 3       /* such faces are a crowd, whatever else is in the photo */
#define TILE_ZOOM 3.0      /* of tiles against the look before */
#define TILE_OVERLAP_PX 96 /* of the network; SMALL_PX * TILE_ZOOM and room around it */
#define TILES_MAX 400      /* of one look: photos beyond are looked at less closely */

typedef struct again {
    arc_detector *detector;
    const arc_image *image;
    const arc_again *first;
    arc_face_list *faces;
    int found; /* the looks that added faces */
    int tried;
} again;

static arc_face_list new_list(const again *a) {
    return (arc_face_list){.alloc = arc_detector_alloc(a->detector)};
}

static float side_of(const arc_face *f) {
    return ARC_MAX(f->x2_px - f->x1_px, f->y2_px - f->y1_px);
}

/* ---- turned ---- */

/* A square around a face, as far as it lies in the picture. */
static bool window_of(const again *a, const arc_face *f, arc_look_at *at) {
    const float half = side_of(f) * WINDOW_SIDES / 2, x = (f->x1_px + f->x2_px) / 2, y = (f->y1_px + f->y2_px) / 2;
    const float x1 = ARC_MAX(floorf(x - half), 0.0f), x2 = ARC_MIN(ceilf(x + half), (float)a->image->width_px);
    const float y1 = ARC_MAX(floorf(y - half), 0.0f), y2 = ARC_MIN(ceilf(y + half), (float)a->image->height_px);
    at->x_px = (int)x1;
    at->y_px = (int)y1;
    at->part_width_px = (int)(x2 - x1);
    at->part_height_px = (int)(y2 - y1);
    return x2 - x1 >= 1 && y2 - y1 >= 1;
}

/* The score of the best upright face in the middle of a window. */
static float best_in_middle(const arc_face_list *list, const arc_face *face) {
    const float x = (face->x1_px + face->x2_px) / 2, y = (face->y1_px + face->y2_px) / 2;
    float best = 0;
    for (size_t i = 0; i < list->count; i++) {
        const arc_face *f = &list->face[i];
        if (f->x1_px < x && x < f->x2_px && f->y1_px < y && y < f->y2_px && arc_face_upright(f))
            best = ARC_MAX(best, f->score);
    }
    return best;
}

/* In how many quarter turns a doubtful face is upright; 0 too if no orientation is clearly better. One with level landmarks is
 * upright or upside down, if either look gives the score of an upright face. */
static arc_status turns_of(const again *a, const arc_face *face, int *turns, arc_error *err) {
    arc_look_at at = {.width_px = WINDOW_PX, .height_px = WINDOW_PX, .threshold = WINDOW_SCORE * a->first->threshold};
    arc_face_list list = new_list(a);
    static const int order[4] = {0, 2, 1, 3};
    const float usual = arc_usual_score(arc_detector_contract(a->detector)->detector);
    float score[4] = {0};
    arc_status st = ARC_OK;
    *turns = 0;
    if (!window_of(a, face, &at))
        return ARC_OK;
    for (int i = 0; i < 4 && st == ARC_OK; i++) {
        const int t = order[i];
        if (i == 2 && arc_face_upright(face) && ARC_MAX(score[0], score[2]) >= usual)
            break;
        at.turns = t;
        list.count = 0;
        st = arc_look(a->detector, a->image, &at, &list, NULL, err);
        score[t] = best_in_middle(&list, face);
    }
    for (int t = 1; t < 4; t++)
        if (score[t] > score[*turns] && 1 - score[t] < CLEARLY * (1 - score[0]))
            *turns = t;
    arc_face_list_free(&list);
    return st;
}

/* Looks at the whole photo turned. */
static arc_status look_turned(again *a, int turns, bool bordered, arc_face_list *list, arc_error *err) {
    const arc_look_at at = {.turns = turns,
                            .width_px = bordered ? BORDERED_PX : a->first->width_px,
                            .height_px = bordered ? BORDERED_PX : a->first->height_px,
                            .bordered = bordered,
                            .threshold = a->first->threshold};
    list->count = 0;
    const arc_status st = arc_look(a->detector, a->image, &at, list, NULL, err);
    if (st == ARC_OK)
        arc_nms(list, a->first->iou, a->first->plus_one);
    return st;
}

/* The largest doubtful faces. */
static int find_doubtful(const again *a, arc_face doubtful[DOUBTFUL_MAX]) {
    const arc_detector_kind kind = arc_detector_contract(a->detector)->detector;
    int count = 0;
    for (size_t i = 0; i < a->faces->count; i++) {
        const arc_face *f = &a->faces->face[i];
        if (!arc_face_doubtful(f, kind))
            continue;
        int at = count < DOUBTFUL_MAX ? count++ : DOUBTFUL_MAX;
        for (; at > 0 && side_of(f) > side_of(&doubtful[at - 1]); at--)
            if (at < DOUBTFUL_MAX)
                doubtful[at] = doubtful[at - 1];
        if (at < DOUBTFUL_MAX)
            doubtful[at] = *f;
    }
    return count;
}

static arc_status turn_doubtful(again *a, arc_error *err) {
    arc_face doubtful[DOUBTFUL_MAX];
    const int count = find_doubtful(a, doubtful);
    arc_face_list list = new_list(a);
    bool looked[4] = {true, false, false, false};
    arc_status st = ARC_OK;
    for (int i = 0; i < count; i++) {
        int turns, added;
        ARC_TRY(turns_of(a, &doubtful[i], &turns, err));
        if (looked[turns])
            continue;
        looked[turns] = true;
        ARC_TRY(look_turned(a, turns, false, &list, err));
        ARC_TRY(arc_faces_merge(a->faces, &list, &added, err));
        a->found |= added ? ARC_LOOK_TURNED : 0;
    }
done:
    arc_face_list_free(&list);
    return st;
}

/* The whole photo in the given orientations. With nothing to go by there are more looks that may be wrong, so those that are
 * turned must be surer: by half of the way to a usual score. */
static arc_status turn_all(again *a, int first_turn, bool bordered, arc_error *err) {
    const float least = FILLS * (float)ARC_MIN(a->image->width_px, a->image->height_px);
    const float usual = arc_usual_score(arc_detector_contract(a->detector)->detector);
    const float sure = (a->first->threshold + ARC_MAX(usual, a->first->threshold)) / 2;
    arc_face_list list = new_list(a);
    arc_status st = ARC_OK;
    const int last_turn = a->first->opt->no_turn ? 0 : 3;
    for (int t = first_turn; t <= last_turn; t++) {
        int added;
        ARC_TRY(look_turned(a, t, bordered, &list, err));
        size_t kept = 0;
        for (size_t i = 0; i < list.count; i++)
            if ((!bordered || side_of(&list.face[i]) >= least) && (t == 0 || list.face[i].score >= sure))
                list.face[kept++] = list.face[i];
        list.count = kept;
        ARC_TRY(arc_faces_merge(a->faces, &list, &added, err));
        a->found |= added && bordered ? ARC_LOOK_BORDER : 0;
        a->tried |= (t ? ARC_LOOK_TURNED : 0) | (bordered ? ARC_LOOK_BORDER : 0);
    }
done:
    arc_face_list_free(&list);
    return st;
}

/* ---- tiles ---- */

/* How the picture is cut along one side. */
typedef struct cut {
    double tile_px, step_px; /* of the picture */
    int tiles;
} cut;

static cut cut_side(int side_px, int network_px, double scale) {
    cut c = {.tile_px = network_px / scale, .tiles = 1};
    if (c.tile_px < side_px) {
        const double most_px = (network_px - TILE_OVERLAP_PX) / scale;
        c.tiles = (int)ceil((side_px - c.tile_px) / most_px) + 1;
        c.step_px = (side_px - c.tile_px) / (c.tiles - 1);
    }
    return c;
}

/* Whether the inner edge of a tile may have cut the face off; the next tile has it whole. Large faces are for earlier looks. */
static bool cut_off(const arc_face *f, const arc_look_at *at, const arc_image *image, double scale) {
    const float edge = (float)(2 / scale);
    const int right_px = at->x_px + at->part_width_px, below_px = at->y_px + at->part_height_px;
    return (double)side_of(f) * scale > TILE_OVERLAP_PX || (at->x_px > 0 && f->x1_px < (float)at->x_px + edge) ||
           (at->y_px > 0 && f->y1_px < (float)at->y_px + edge) ||
           (right_px < image->width_px && f->x2_px > (float)right_px - edge) ||
           (below_px < image->height_px && f->y2_px > (float)below_px - edge);
}

static arc_status look_at_tile(again *a, const arc_look_at *at, arc_face_list *list, arc_error *err) {
    double scale;
    size_t kept = list->count;
    const arc_status st = arc_look(a->detector, a->image, at, list, &scale, err);
    for (size_t i = kept; st == ARC_OK && i < list->count; i++)
        if (!cut_off(&list->face[i], at, a->image, scale))
            list->face[kept++] = list->face[i];
    list->count = kept;
    return st;
}

static arc_status look_at_tiles(again *a, const cut *x, const cut *y, arc_face_list *list, arc_error *err) {
    const arc_image *image = a->image;
    arc_look_at at = {.width_px = a->first->width_px, .height_px = a->first->height_px, .threshold = a->first->threshold};
    for (int i = 0; i < x->tiles * y->tiles; i++) {
        at.x_px = (int)(i % x->tiles * x->step_px);
        at.y_px = (int)(i / x->tiles * y->step_px);
        at.part_width_px = ARC_MIN((int)ceil(x->tile_px), image->width_px - at.x_px);
        at.part_height_px = ARC_MIN((int)ceil(y->tile_px), image->height_px - at.y_px);
        const arc_status st = look_at_tile(a, &at, list, err);
        if (st != ARC_OK)
            return st;
    }
    arc_nms(list, a->first->iou, a->first->plus_one);
    return ARC_OK;
}

/* Whether smaller faces than those found may be hidden: no face, or most or at least three are small; !all: or all are. */
static bool may_hide(const arc_face_list *faces, bool all, double scale) {
    size_t small = 0;
    for (size_t i = 0; i < faces->count; i++)
        small += (double)side_of(&faces->face[i]) * scale < SMALL_PX;
    return small == faces->count || (all && (small >= SMALL_MANY || 2 * small > faces->count));
}

static arc_status look_closer(again *a, bool all, arc_error *err) {
    arc_face_list list = new_list(a);
    arc_status st = ARC_OK;
    for (double scale = a->first->scale; scale < 1 && may_hide(a->faces, all, scale);) {
        const bool none = a->faces->count == 0;
        const float small_px = SMALL_PX / (float)scale;
        int added;
        scale = ARC_MIN(scale * TILE_ZOOM, 1.0);
        const cut x = cut_side(a->image->width_px, a->first->width_px, scale),
                  y = cut_side(a->image->height_px, a->first->height_px, scale);
        if ((int64_t)x.tiles * y.tiles > TILES_MAX)
            break;
        list.count = 0;
        a->tried |= ARC_LOOK_TILES;
        ARC_TRY(look_at_tiles(a, &x, &y, &list, err));
        ARC_TRY(arc_faces_add(a->faces, &list, small_px, &added, err));
        a->found |= added ? ARC_LOOK_TILES : 0;
        if (none && !added)
            break;
    }
done:
    arc_face_list_free(&list);
    return st;
}

/* ---- all ---- */

/* Faces of a turned look with a border are looked for in the same orientation without one, where landmarks are exact. */
static arc_status look_exactly(again *a, arc_error *err) {
    arc_face_list list = new_list(a), exact = new_list(a);
    const int turns = a->faces->count > 0 ? a->faces->face[0].turned_degrees / 90 : 0;
    int added = 0;
    arc_status st = ARC_OK;
    if (turns)
        ARC_TRY(look_turned(a, turns, false, &list, err));
    ARC_TRY(arc_faces_merge(&exact, &list, &added, err));
    if (added) {
        a->faces->count = 0;
        a->found = ARC_LOOK_TURNED;
        st = arc_faces_merge(a->faces, &exact, &added, err);
    }
done:
    arc_face_list_free(&list);
    arc_face_list_free(&exact);
    return st;
}

/* No face: what fills the photo is looked for before what is turned, because that takes a sixth of the time. */
static arc_status look_for_any(again *a, arc_error *err) {
    arc_status st = turn_all(a, 0, true, err);
    if (st == ARC_OK && a->faces->count > 0)
        st = look_exactly(a, err);
    else if (st == ARC_OK)
        st = turn_all(a, 1, false, err);
    for (size_t i = 0; i < a->faces->count; i++)
        a->found |= a->faces->face[i].turned_degrees ? ARC_LOOK_TURNED : 0;
    return st;
}

arc_status arc_look_again(arc_detector *detector, const arc_image *image, const arc_again *first, arc_face_list *faces, bool all,
                          int *looks, arc_error *err) {
    again a = {.detector = detector, .image = image, .first = first, .faces = faces};
    arc_status st = ARC_OK;
    *looks = 0;
    if (first->opt->one_look)
        return ARC_OK;
    if (faces->count == 0)
        ARC_TRY(look_for_any(&a, err));
    else if (!first->opt->no_turn)
        ARC_TRY(turn_doubtful(&a, err));
    ARC_TRY(look_closer(&a, all, err));
    if (a.found)
        arc_nms(faces, first->iou, first->plus_one);
    *looks = faces->count > 0 ? a.found : a.tried;
done:
    return st;
}
