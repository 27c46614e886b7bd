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

static int find(const arc_raw *raw, int64_t rows, int64_t columns) {
    for (int i = 0; i < raw->count; i++)
        if (arc_output_rows(&raw->out[i], columns) == rows)
            return i;
    return -1;
}

static arc_status decode_level(const arc_raw *raw, const int level[ARC_SCRFD_KINDS], int stride, int anchors,
                               arc_face_list *faces, arc_error *err) {
    const float *scores = raw->out[level[ARC_SCRFD_SCORE]].data, *boxes = raw->out[level[ARC_SCRFD_BOX]].data,
                *marks = raw->out[level[ARC_SCRFD_MARK]].data;
    int w = (raw->width_px + stride - 1) / stride, h = (raw->height_px + stride - 1) / stride;
    float s = (float)stride;
    for (int64_t i = 0; i < (int64_t)w * h * anchors; i++) {
        float score = scores[i];
        if (!(score >= raw->threshold))
            continue;
        float cx = (float)(i / anchors % w) * s, cy = (float)(i / anchors / w) * s;
        const float *b = boxes + i * 4;
        arc_face f = {cx - b[0] * s, cy - b[1] * s, cx + b[2] * s, cy + b[3] * s, score, {{0}}, 0};
        for (int k = 0; k < 5; k++) {
            f.landmark_px[k][0] = cx + marks[i * 10 + 2 * k] * s;
            f.landmark_px[k][1] = cy + marks[i * 10 + 2 * k + 1] * s;
        }
        arc_status st = arc_face_list_put(faces, &f, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

/* How many levels the outputs have if there are this many anchors a cell. */
static int find_levels(const arc_raw *raw, int anchors, int level[ARC_SCRFD_MAX_LEVELS][ARC_SCRFD_KINDS]) {
    int count = 0;
    for (int stride = 8; count < ARC_SCRFD_MAX_LEVELS; stride *= 2) {
        int64_t rows = (int64_t)((raw->width_px + stride - 1) / stride) * ((raw->height_px + stride - 1) / stride) * anchors;
        level[count][ARC_SCRFD_SCORE] = find(raw, rows, 1);
        level[count][ARC_SCRFD_BOX] = find(raw, rows, 4);
        level[count][ARC_SCRFD_MARK] = find(raw, rows, 10);
        if (level[count][ARC_SCRFD_SCORE] < 0 || level[count][ARC_SCRFD_BOX] < 0)
            break;
        count++;
    }
    return count;
}

int arc_scrfd_levels(const arc_raw *raw, int level[ARC_SCRFD_MAX_LEVELS][ARC_SCRFD_KINDS], int *anchors) {
    int count = find_levels(raw, *anchors = 2, level);
    return count >= ARC_SCRFD_LEAST_LEVELS ? count : find_levels(raw, *anchors = 1, level);
}

arc_status arc_decode_scrfd(const arc_raw *raw, arc_face_list *faces, arc_error *err) {
    int level[ARC_SCRFD_MAX_LEVELS][ARC_SCRFD_KINDS], anchors;
    const int count = arc_scrfd_levels(raw, level, &anchors);
    if (count < ARC_SCRFD_LEAST_LEVELS)
        return arc_fail(err, ARC_ESHAPE,
                        "the outputs are not those of SCRFD at %dx%d: scores and boxes of strides 8, 16 and 32 are needed",
                        raw->width_px, raw->height_px);
    for (int k = 0; k < count; k++) {
        if (level[k][ARC_SCRFD_MARK] < 0)
            return arc_fail(err, ARC_EUNSUPPORTED,
                            "this SCRFD model gives no landmarks, which alignment needs; use one with landmarks (bnkps)");
        arc_status st = decode_level(raw, level[k], 8 << k, anchors, faces, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}
