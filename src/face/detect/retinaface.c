/* face: RetinaFace outputs to candidates, for both families (ALGORITHMS 6.5, 6.6): biubug6's normalised priors with variances,
 * and InsightFace's first MXNet form with pixel anchors of sides 512..16. */
#include "base/base.h"
#include "face/detect/decode.h"
#include <arcface/image.h>
#include <math.h>

/* ---- biubug6: loc [n,4], two-class confidence [n,2], landmarks [n,10] ---- */

static const int prior_stride[3] = {8, 16, 32};

static const float *rows_of(const arc_raw *raw, int64_t rows, int64_t columns) {
    for (int i = 0; i < raw->count; i++)
        if (arc_output_rows(&raw->out[i], columns) == rows)
            return raw->out[i].data;
    return NULL;
}

/* Some exports end before the softmax; then the values of a row do not sum to one. */
static bool is_softmaxed(const float *conf, int64_t rows) {
    for (int64_t i = 0; i < rows; i++)
        if (!(fabsf(conf[2 * i] + conf[2 * i + 1] - 1.0f) < 1e-3f && conf[2 * i] >= 0 && conf[2 * i + 1] >= 0))
            return false;
    return true;
}

static arc_face prior_face(const arc_raw *raw, float cx, float cy, float size, const float *loc, const float *mark, float score) {
    float width = (float)raw->width_px, height = (float)raw->height_px, pw = size / width, ph = size / height;
    float x = cx + loc[0] * 0.1f * pw, y = cy + loc[1] * 0.1f * ph;
    float w = pw * expf(loc[2] * 0.2f), h = ph * expf(loc[3] * 0.2f);
    arc_face f = {(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height, score, {{0}}, 0};
    for (int k = 0; k < 5; k++) {
        f.landmark_px[k][0] = (cx + mark[2 * k] * 0.1f * pw) * width;
        f.landmark_px[k][1] = (cy + mark[2 * k + 1] * 0.1f * ph) * height;
    }
    return f;
}

arc_status arc_decode_retinaface(const arc_raw *raw, arc_face_list *faces, arc_error *err) {
    int64_t rows = 0;
    for (int k = 0; k < 3; k++) {
        int s = prior_stride[k];
        rows += 2 * (int64_t)((raw->width_px + s - 1) / s) * ((raw->height_px + s - 1) / s);
    }
    const float *loc = rows_of(raw, rows, 4), *conf = rows_of(raw, rows, 2), *mark = rows_of(raw, rows, 10);
    if (!loc || !conf || !mark)
        return arc_fail(err, ARC_ESHAPE,
                        "the outputs are not those of RetinaFace at %dx%d: [%lld,4], [%lld,2] and [%lld,10] are needed",
                        raw->width_px, raw->height_px, (long long)rows, (long long)rows, (long long)rows);
    bool softmaxed = is_softmaxed(conf, rows);
    int64_t at = 0;
    for (int k = 0; k < 3; k++) {
        int s = prior_stride[k], w = (raw->width_px + s - 1) / s, h = (raw->height_px + s - 1) / s;
        for (int64_t i = 0; i < (int64_t)w * h * 2; i++, at++) {
            float score = softmaxed ? conf[2 * at + 1] : 1.0f / (1.0f + expf(conf[2 * at] - conf[2 * at + 1]));
            if (!(score >= raw->threshold))
                continue;
            float cx = ((float)(i / 2 % w) + 0.5f) * (float)s / (float)raw->width_px;
            float cy = ((float)(i / 2 / w) + 0.5f) * (float)s / (float)raw->height_px;
            arc_face f = prior_face(raw, cx, cy, raw->prior_px[2 * k + i % 2], loc + 4 * at, mark + 10 * at, score);
            arc_status st = arc_face_list_put(faces, &f, err);
            if (st != ARC_OK)
                return st;
        }
    }
    return ARC_OK;
}

/* ---- MXNet: for each stride probabilities [1,4,h,w], deltas [1,8,h,w], landmarks [1,20,h,w]; two anchors a cell ---- */

static const float *planes_of(const arc_raw *raw, int64_t channels, int64_t h, int64_t w) {
    for (int i = 0; i < raw->count; i++) {
        const arc_net_output *o = &raw->out[i];
        if (o->rank == 4 && o->dim[0] == 1 && o->dim[1] == channels && o->dim[2] == h && o->dim[3] == w)
            return o->data;
    }
    return NULL;
}

/* Widths count pixels inclusively: the base anchor [0,0,15,15] is 16 wide and its centre is 7.5. */
static arc_face anchor_face(const arc_raw *raw, float cx, float cy, float size, const float *delta, const float *mark,
                            int64_t plane, float score) {
    float x = delta[0] * size + cx, y = delta[plane] * size + cy;
    float w = expf(delta[2 * plane]) * size, h = expf(delta[3 * plane]) * size;
    float right = (float)raw->width_px - 1, bottom = (float)raw->height_px - 1;
    arc_face f = {.score = score};
    f.x1_px = ARC_MAX(0.0f, ARC_MIN(x - 0.5f * (w - 1), right));
    f.y1_px = ARC_MAX(0.0f, ARC_MIN(y - 0.5f * (h - 1), bottom));
    f.x2_px = ARC_MAX(0.0f, ARC_MIN(x + 0.5f * (w - 1), right));
    f.y2_px = ARC_MAX(0.0f, ARC_MIN(y + 0.5f * (h - 1), bottom));
    for (int k = 0; k < 5; k++) {
        f.landmark_px[k][0] = mark[2 * k * plane] * size + cx;
        f.landmark_px[k][1] = mark[(2 * k + 1) * plane] * size + cy;
    }
    return f;
}

static arc_status decode_planes(const arc_raw *raw, int stride, const float sizes[2], arc_face_list *faces, arc_error *err) {
    int64_t w = (raw->width_px + stride - 1) / stride, h = (raw->height_px + stride - 1) / stride, plane = w * h;
    const float *prob = planes_of(raw, 4, h, w), *delta = planes_of(raw, 8, h, w), *mark = planes_of(raw, 20, h, w);
    if (!prob || !delta || !mark)
        return arc_fail(err, ARC_ESHAPE,
                        "the outputs are not those of the MXNet RetinaFace: [1,4|8|20,%lld,%lld] of stride %d is missing",
                        (long long)h, (long long)w, stride);
    for (int64_t i = 0; i < plane; i++)
        for (int a = 0; a < 2; a++) {
            float score = prob[(2 + a) * plane + i]; /* channels: background of both anchors, then face of both */
            if (!(score >= raw->threshold))
                continue;
            float cx = (float)(i % w * stride) + 7.5f, cy = (float)(i / w * stride) + 7.5f;
            arc_face f = anchor_face(raw, cx, cy, sizes[a], delta + 4 * a * plane + i, mark + 10 * a * plane + i, plane, score);
            arc_status st = arc_face_list_put(faces, &f, err);
            if (st != ARC_OK)
                return st;
        }
    return ARC_OK;
}

arc_status arc_decode_retinaface_mxnet(const arc_raw *raw, arc_face_list *faces, arc_error *err) {
    static const float sizes[3][2] = {{512, 256}, {128, 64}, {32, 16}};
    arc_status st = ARC_OK;
    for (int k = 0; st == ARC_OK && k < 3; k++)
        st = decode_planes(raw, 32 >> k, sizes[k], faces, err);
    return st;
}
