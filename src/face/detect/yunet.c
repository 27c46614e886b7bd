/* face: YuNet outputs to candidates: for each of the strides 8, 16, 32 class and object scores [n,1], face rectangle [n,4]
 * (centre offset, log size), landmarks [n,10]. The score is the geometric mean of the two scores. */
#include "base/base.h"
#include "face/detect/decode.h"
#include <arcface/image.h>
#include <math.h>
#include <string.h>

/* The k-th output of `rows` x `columns` whose name starts with `prefix`; if no names do, the k-th of that shape. */
static int find(const arc_raw *raw, int64_t rows, int64_t columns, const char *prefix, int k) {
    for (int i = 0; i < raw->count; i++) {
        const arc_net_output *o = &raw->out[i];
        if (arc_output_rows(o, columns) == rows && o->name && strncmp(o->name, prefix, strlen(prefix)) == 0)
            return i;
    }
    for (int i = 0; i < raw->count; i++)
        if (arc_output_rows(&raw->out[i], columns) == rows && k-- == 0)
            return i;
    return -1;
}

bool arc_yunet_level(const arc_raw *raw, int stride, int level[ARC_YUNET_KINDS]) {
    const int64_t rows = (int64_t)(raw->width_px / stride) * (raw->height_px / stride);
    level[ARC_YUNET_CLASS] = find(raw, rows, 1, "cls", 0);
    level[ARC_YUNET_OBJECT] = find(raw, rows, 1, "obj", 1);
    level[ARC_YUNET_BOX] = find(raw, rows, 4, "bbox", 0);
    level[ARC_YUNET_MARK] = find(raw, rows, 10, "kps", 0);
    for (int kind = 0; kind < ARC_YUNET_KINDS; kind++)
        if (level[kind] < 0)
            return false;
    return true;
}

static float unit(float v) {
    return v > 0 ? ARC_MIN(v, 1.0f) : 0;
}

static arc_status decode_level(const arc_raw *raw, int stride, arc_face_list *faces, arc_error *err) {
    int level[ARC_YUNET_KINDS];
    const int w = raw->width_px / stride, h = raw->height_px / stride;
    const int64_t rows = (int64_t)w * h;
    if (!arc_yunet_level(raw, stride, level))
        return arc_fail(err, ARC_ESHAPE, "the outputs are not those of YuNet at %dx%d: stride %d is incomplete", raw->width_px,
                        raw->height_px, stride);
    const float *cls = raw->out[level[ARC_YUNET_CLASS]].data, *obj = raw->out[level[ARC_YUNET_OBJECT]].data,
                *box = raw->out[level[ARC_YUNET_BOX]].data, *mark = raw->out[level[ARC_YUNET_MARK]].data;
    float s = (float)stride;
    for (int64_t i = 0; i < rows; i++) {
        float score = sqrtf(unit(cls[i]) * unit(obj[i]));
        if (!(score >= raw->threshold))
            continue;
        float column = (float)(i % w), row = (float)(i / w);
        const float *b = box + i * 4;
        float cx = (column + b[0]) * s, cy = (row + b[1]) * s, bw = expf(b[2]) * s, bh = expf(b[3]) * s;
        arc_face f = {cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2, score, {{0}}, 0};
        for (int k = 0; k < 5; k++) {
            f.landmark_px[k][0] = (mark[i * 10 + 2 * k] + column) * s;
            f.landmark_px[k][1] = (mark[i * 10 + 2 * k + 1] + row) * s;
        }
        arc_status st = arc_face_list_put(faces, &f, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

arc_status arc_decode_yunet(const arc_raw *raw, arc_face_list *faces, arc_error *err) {
    arc_status st = ARC_OK;
    for (int stride = 8; st == ARC_OK && stride <= 32; stride *= 2)
        st = decode_level(raw, stride, faces, err);
    return st;
}
