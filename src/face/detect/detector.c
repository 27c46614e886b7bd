/* face: the detector: a part of a picture -> network input -> network -> candidates in pixels of the picture. */
#include "base/base.h"
#include "face/detect/decode.h"
#include "face/detect/look.h"
#include "face/views.h"
#include "image/image.h"
#include "model/model.h"
#include <math.h>
#include <string.h>

#define OUTPUTS_MAX 32
#define GREY 127 /* of a border: the middle of the range, which networks see as nearly nothing */

struct arc_detector {
    arc_execution x;
    const arc_contract *contract;
    arc_net *net;
    arc_image input;  /* of the network, reused */
    arc_image turned; /* the part of a turned look, scaled, before it is turned; reused */
};

arc_status arc_detector_new_on(const arc_execution *x, const arc_model *model, arc_detector **out, arc_error *err) {
    *out = NULL;
    const arc_contract *contract = arc_model_contract(model);
    if (contract->task != ARC_TASK_DETECT || contract->detector == ARC_DETECTOR_NONE)
        return arc_fail(err, ARC_EINVAL,
                        "this model is not a face detector; name its kind with the detector option if it is one");
    arc_detector *d = arc_mem_new(x->alloc, 1, sizeof *d);
    if (!d)
        return arc_fail_nomem(err, "a detector");
    d->x = *x;
    d->contract = contract;
    arc_status st = arc_net_new_on(x, model, &d->net, err);
    if (st != ARC_OK)
        arc_detector_free(&d);
    *out = d;
    return st;
}

arc_status arc_detector_new(arc_context *ctx, const arc_model *model, arc_detector **out, arc_error *err) {
    const arc_execution x = arc_execution_of(ctx);
    return arc_detector_new_on(&x, model, out, err);
}

void arc_detector_free(arc_detector **detector) {
    if (!detector || !*detector)
        return;
    arc_detector *d = *detector;
    arc_net_free(&d->net);
    arc_image_release(d->x.alloc, &d->input);
    arc_image_release(d->x.alloc, &d->turned);
    arc_mem_free(d->x.alloc, d);
    *detector = NULL;
}

const arc_contract *arc_detector_contract(const arc_detector *detector) {
    return detector->contract;
}

const arc_alloc *arc_detector_alloc(const arc_detector *detector) {
    return detector->x.alloc;
}

arc_status arc_decode_faces(arc_detector_kind kind, const arc_raw *raw, arc_face_list *faces, arc_error *err) {
    switch (kind) {
    case ARC_DETECTOR_SCRFD:
        return arc_decode_scrfd(raw, faces, err);
    case ARC_DETECTOR_RETINAFACE:
        return arc_decode_retinaface(raw, faces, err);
    case ARC_DETECTOR_RETINAFACE_MXNET:
        return arc_decode_retinaface_mxnet(raw, faces, err);
    case ARC_DETECTOR_YUNET:
        return arc_decode_yunet(raw, faces, err);
    case ARC_DETECTOR_NONE:
    default:
        return arc_fail(err, ARC_EINVAL, "the model's contract names no detector");
    }
}

static arc_status read_outputs(arc_detector *d, arc_net_output *out, arc_raw *raw, arc_error *err) {
    int count = arc_net_outputs(d->net);
    if (count > OUTPUTS_MAX)
        return arc_fail(err, ARC_ESHAPE, "%d outputs are more than any known detector has", count);
    for (int i = 0; i < count; i++) {
        arc_status st = arc_net_output_get(d->net, i, &out[i], err);
        if (st != ARC_OK)
            return st;
    }
    raw->out = out;
    raw->count = count;
    return ARC_OK;
}

static void to_photo_pixels(arc_face_list *faces, size_t from, double scale) {
    float k = (float)scale;
    for (size_t i = from; i < faces->count; i++) {
        arc_face *f = &faces->face[i];
        f->x1_px /= k;
        f->y1_px /= k;
        f->x2_px /= k;
        f->y2_px /= k;
        for (int j = 0; j < 10; j++)
            f->landmark_px[j / 2][j % 2] /= k;
    }
}

/* Damaged or hostile weights may give any numbers: only faces with finite coordinates count. */
static void drop_unreal(arc_face_list *faces, size_t from) {
    size_t kept = from;
    for (size_t i = from; i < faces->count; i++) {
        const arc_face *f = &faces->face[i];
        bool real = isfinite(f->x1_px) && isfinite(f->y1_px) && isfinite(f->x2_px) && isfinite(f->y2_px);
        for (int j = 0; j < 10; j++)
            real = real && isfinite(f->landmark_px[j / 2][j % 2]);
        if (real)
            faces->face[kept++] = *f;
    }
    faces->count = kept;
}

/* Makes *image one of w x h; it is reused while the size is the same. */
static arc_status reserve(const arc_alloc *a, arc_image *image, int w, int h, arc_error *err) {
    if (image->width_px == w && image->height_px == h)
        return ARC_OK;
    arc_image_release(a, image);
    return arc_image_alloc(a, w, h, image, err);
}

/* Copies the w x h pixels in the top left corner of `from`, turned clockwise, to `to` at x, y. */
static void copy_turned(const arc_image *from, int w, int h, int turns, arc_image *to, int x, int y) {
    const bool swap = turns % 2;
    const int across = swap ? h : w, down = swap ? w : h;
    for (int v = 0; v < down; v++) {
        uint8_t *out = to->data + (y + v) * to->stride_bytes + (ptrdiff_t)x * 3;
        for (int u = 0; u < across; u++, out += 3) {
            const int sx = turns == 0 ? u : turns == 1 ? v : turns == 2 ? w - 1 - u : w - 1 - v;
            const int sy = turns == 0 ? v : turns == 1 ? h - 1 - u : turns == 2 ? h - 1 - v : u;
            memcpy(out, from->data + sy * from->stride_bytes + (ptrdiff_t)sx * 3, 3);
        }
    }
}

/* Where the part lies in the network's input. */
typedef struct placed {
    int x, y;
    double scale;
} placed;

/* Fills the network's input for a look that is turned or has a border. */
static arc_status place(arc_detector *d, const arc_image *part, const arc_look_at *how, int w, int h, placed *at,
                        arc_error *err) {
    const int used_w = ARC_MIN(how->width_px, w), used_h = ARC_MIN(how->height_px, h);
    const int most_w = how->bordered ? used_w / 2 : used_w, most_h = how->bordered ? used_h / 2 : used_h;
    const bool swap = how->turns % 2;
    const int box_w = swap ? most_h : most_w, box_h = swap ? most_w : most_h;
    int part_w, part_h;
    arc_status st = reserve(d->x.alloc, &d->turned, box_w, box_h, err);
    if (st == ARC_OK)
        st = arc_letterbox(d->x.alloc, d->x.pool, part, &d->turned, &at->scale, err);
    if (st != ARC_OK)
        return st;
    arc_letterbox_size(part->width_px, part->height_px, box_w, box_h, &part_w, &part_h, &at->scale);
    at->x = how->bordered ? (w - (swap ? part_h : part_w)) / 2 : 0;
    at->y = how->bordered ? (h - (swap ? part_w : part_h)) / 2 : 0;
    for (int y = 0; y < h; y++)
        memset(d->input.data + y * d->input.stride_bytes, how->bordered ? GREY : 0, (size_t)w * 3);
    copy_turned(&d->turned, part_w, part_h, how->turns, &d->input, at->x, at->y);
    d->input.format = part->format;
    return ARC_OK;
}

static arc_image part_of(const arc_image *image, const arc_look_at *how) {
    arc_image part = *image;
    if (how->part_width_px > 0) {
        part.data += how->y_px * image->stride_bytes + (ptrdiff_t)how->x_px * 3;
        part.width_px = how->part_width_px;
        part.height_px = how->part_height_px;
    }
    return part;
}

static void move(arc_face *f, float by_x, float by_y) {
    f->x1_px += by_x;
    f->x2_px += by_x;
    f->y1_px += by_y;
    f->y2_px += by_y;
    for (int j = 0; j < 5; j++) {
        f->landmark_px[j][0] += by_x;
        f->landmark_px[j][1] += by_y;
    }
}

static void to_picture_pixels(const arc_look_at *how, const arc_image *part, const placed *at, arc_face_list *faces,
                              size_t from) {
    for (size_t i = from; i < faces->count && how->bordered; i++)
        move(&faces->face[i], (float)-at->x, (float)-at->y);
    to_photo_pixels(faces, from, at->scale);
    for (size_t i = from; i < faces->count; i++) {
        if (how->turns)
            arc_face_turn_back(&faces->face[i], how->turns, part->width_px, part->height_px);
        if (how->part_width_px > 0)
            move(&faces->face[i], (float)how->x_px, (float)how->y_px);
    }
}

arc_status arc_look(arc_detector *detector, const arc_image *image, const arc_look_at *how, arc_face_list *faces, double *scale,
                    arc_error *err) {
    arc_detector *d = detector;
    const arc_contract *c = d->contract;
    const bool fixed = c->input_width_px > 0 && c->input_height_px > 0;
    const int w = fixed ? c->input_width_px : how->width_px, h = fixed ? c->input_height_px : how->height_px;
    const arc_image part = part_of(image, how);
    const size_t from = faces->count;
    arc_net_output out[OUTPUTS_MAX];
    arc_raw raw = {.width_px = w, .height_px = h, .threshold = how->threshold, .prior_px = c->prior_px};
    placed at = {.scale = 1};
    arc_status st;
    ARC_TRY(reserve(d->x.alloc, &d->input, w, h, err));
    if (how->turns || how->bordered || how->width_px < w || how->height_px < h)
        ARC_TRY(place(d, &part, how, w, h, &at, err));
    else
        ARC_TRY(arc_letterbox(d->x.alloc, d->x.pool, &part, &d->input, &at.scale, err));
    const arc_view view = {&d->input, false};
    ARC_TRY(arc_views_run(d->net, &view, 1, c, err));
    ARC_TRY(read_outputs(d, out, &raw, err));
    ARC_TRY(arc_decode_faces(c->detector, &raw, faces, err));
    to_picture_pixels(how, &part, &at, faces, from);
    drop_unreal(faces, from);
    if (scale)
        *scale = at.scale;
done:
    return st;
}
