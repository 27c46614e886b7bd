/* face: SCRFD outputs to candidates: for each stride sigmoid scores [n,1], distances to the four sides [n,4] and to five
 * landmarks [n,10] in units of the stride, n = rows*columns*anchors. Anchor centres lie at multiples of the stride, without an
 * offset of half a cell (ALGORITHMS 6.4). */
#include "base/base.h"
#include "face/detect/decode.h"
#include <arcface/image.h>
#include <math.h>

int64_t arc_output_rows(const arc_net_output *out, int64_t columns) {
    if (out->rank < 2 || out->rank > 8 || out->dim[out->rank - 1] != columns)
        return 0;
    int64_t rows = 1;
    for (int i = 0; i < out->rank - 1; i++)
        rows *= out->dim[i];
    return rows;
}

typedef struct level {
    const float *score, *box, *mark;
} level;

static const float *find(const arc_raw *raw, int64_t rows, int64_t columns) {
    for (int i = 0; i < raw->count; i++)
        if (arc_output_rows(&raw->out[i], columns) == rows)
            return raw->out[i].data;
    return NULL;
}

static arc_status decode_level(const arc_raw *raw, const level *l, int stride, int anchors, arc_face_list *faces,
                               arc_error *err) {
    int w = (raw->width_px + stride - 1) / stride, h = (raw->height_px + stride - 1) / stride;
    float s = (float)stride;
    for (int64_t i = 0; i < (int64_t)w * h * anchors; i++) {
        float score = l->score[i];
        if (!(score >= raw->threshold))
            continue;
        float cx = (float)(i / anchors % w) * s, cy = (float)(i / anchors / w) * s;
        const float *b = l->box + i * 4;
        arc_face f = {cx - b[0] * s, cy - b[1] * s, cx + b[2] * s, cy + b[3] * s, score, {{0}}, 0};
        for (int k = 0; l->mark && k < 5; k++) {
            f.landmark_px[k][0] = cx + l->mark[i * 10 + 2 * k] * s;
            f.landmark_px[k][1] = cy + l->mark[i * 10 + 2 * k + 1] * s;
        }
        arc_status st = arc_face_list_put(faces, &f, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

/* How many levels the outputs have if there are this many anchors a cell: strides 8, 16, 32 and, for some models, 64, 128. */
static int find_levels(const arc_raw *raw, int anchors, level levels[5]) {
    int count = 0;
    for (int stride = 8; stride <= 128; stride *= 2) {
        int64_t rows = (int64_t)((raw->width_px + stride - 1) / stride) * ((raw->height_px + stride - 1) / stride) * anchors;
        level l = {find(raw, rows, 1), find(raw, rows, 4), find(raw, rows, 10)};
        if (!l.score || !l.box)
            break;
        levels[count++] = l;
    }
    return count;
}

arc_status arc_decode_scrfd(const arc_raw *raw, arc_face_list *faces, arc_error *err) {
    level levels[5];
    int anchors = 2, count = find_levels(raw, anchors, levels);
    if (count < 3)
        count = find_levels(raw, anchors = 1, levels);
    if (count < 3)
        return arc_fail(err, ARC_ESHAPE,
                        "the outputs are not those of SCRFD at %dx%d: scores and boxes of strides 8, 16 and 32 are needed",
                        raw->width_px, raw->height_px);
    for (int k = 0; k < count; k++) {
        if (!levels[k].mark)
            return arc_fail(err, ARC_EUNSUPPORTED,
                            "this SCRFD model gives no landmarks, which alignment needs; use one with landmarks (bnkps)");
        arc_status st = decode_level(raw, &levels[k], 8 << k, anchors, faces, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}
