/* face: the detector: photo -> letterbox -> network -> candidates -> non-maximum suppression -> faces in photo pixels. */
#include "face/detect/detect.h"
#include "base/base.h"
#include "face/detect/decode.h"
#include "face/views.h"
#include "image/image.h"
#include "model/model.h"
#include <math.h>
#include <string.h>

#define OUTPUTS_MAX 32
#define SIZE_DEFAULT 640
#define SIZE_CLOSE 128 /* the second, smaller scale of multi_scale, for faces that fill the picture */
#define SIZE_MAX_PX 4096

struct arc_detector {
    arc_execution x;
    const arc_contract *contract;
    arc_net *net;
    arc_image letterbox; /* letterboxed input, reused */
};

void arc_detect_options_default(arc_detect_options *opt) {
    *opt = (arc_detect_options){.struct_size = sizeof *opt};
}

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
    arc_image_release(d->x.alloc, &d->letterbox);
    arc_mem_free(d->x.alloc, d);
    *detector = NULL;
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

/* Allocates a letterbox of w x h; it is reused while the size is the same. */
static arc_status reserve(arc_detector *d, int w, int h, arc_error *err) {
    if (d->letterbox.width_px == w && d->letterbox.height_px == h)
        return ARC_OK;
    arc_image_release(d->x.alloc, &d->letterbox);
    return arc_image_alloc(d->x.alloc, w, h, &d->letterbox, err);
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

static arc_status detect_at(arc_detector *d, const arc_image *image, int w, int h, float threshold, arc_face_list *faces,
                            arc_error *err) {
    arc_status st = reserve(d, w, h, err);
    double scale = 1;
    if (st == ARC_OK)
        st = arc_letterbox(d->x.alloc, d->x.pool, image, &d->letterbox, &scale, err);
    if (st != ARC_OK)
        return st;
    arc_view view = {&d->letterbox, false};
    arc_net_output out[OUTPUTS_MAX];
    arc_raw raw = {.width_px = w, .height_px = h, .threshold = threshold, .prior_px = d->contract->prior_px};
    size_t from = faces->count;
    ARC_TRY(arc_views_run(d->net, &view, 1, d->contract, err));
    ARC_TRY(read_outputs(d, out, &raw, err));
    ARC_TRY(arc_decode_faces(d->contract->detector, &raw, faces, err));
    to_photo_pixels(faces, from, scale);
    drop_unreal(faces, from);
done:
    return st;
}

arc_status arc_detect(arc_detector *detector, const arc_image *image, const arc_detect_options *opt, arc_face *faces,
                      int capacity, int *count, arc_error *err) {
    *count = 0;
    if (ARC_CHECK_OPTIONS(arc_detect_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!arc_image_valid(image))
        return arc_fail(err, ARC_EINVAL, "there is no picture to search");
    arc_detect_options chosen;
    arc_detect_options_default(&chosen);
    if (opt)
        chosen = *opt;
    const arc_contract *c = detector->contract;
    float threshold = chosen.score_threshold > 0 ? chosen.score_threshold : c->threshold;
    float iou = chosen.nms_iou > 0 ? chosen.nms_iou : c->nms_iou;
    bool fixed = c->input_width_px > 0 && c->input_height_px > 0;
    int size = chosen.size_px > 0 ? chosen.size_px : SIZE_DEFAULT;
    if (size > SIZE_MAX_PX)
        return arc_fail(err, ARC_EINVAL, "a detection size of %d px is above %d", size, SIZE_MAX_PX);
    size = (size + 31) / 32 * 32;
    /* the NMS of InsightFace counts pixels inclusively, that of YuNet does not */
    float plus_one = c->detector == ARC_DETECTOR_YUNET ? 0.0f : 1.0f;
    arc_face_list list = {.alloc = detector->x.alloc};
    arc_status st;
    ARC_TRY(
        detect_at(detector, image, fixed ? c->input_width_px : size, fixed ? c->input_height_px : size, threshold, &list, err));
    if (chosen.multi_scale && !fixed && size != SIZE_CLOSE)
        ARC_TRY(detect_at(detector, image, SIZE_CLOSE, SIZE_CLOSE, threshold, &list, err));
    arc_nms(&list, iou, plus_one);
    ARC_TRY(arc_face_list_select(&list, chosen.max_faces, image->width_px, image->height_px, err));
    *count = (int)list.count;
    for (int i = 0; i < *count && i < capacity; i++)
        faces[i] = list.face[i];
done:
    arc_face_list_free(&list);
    return st;
}
