/* face: the faces of a picture: a first look, second looks where there is a reason for them, non-maximum suppression, choice. */
#include "base/base.h"
#include "face/detect/decode.h"
#include "face/detect/look.h"
#include "image/image.h"
#include "model/model.h"

#define SIZE_DEFAULT 640
#define SIZE_CLOSE 128 /* the second, smaller scale of multi_scale, for faces that fill the picture */
#define SIZE_MAX_PX 4096

void arc_detect_options_default(arc_detect_options *opt) {
    *opt = (arc_detect_options){.struct_size = sizeof *opt};
}

/* Everything of a search that options and contract decide. */
static arc_status plan_search(const arc_contract *c, const arc_detect_options *opt, arc_again *first, int *close_px,
                              arc_error *err) {
    const bool fixed = c->input_width_px > 0 && c->input_height_px > 0;
    int size = opt->size_px > 0 ? opt->size_px : SIZE_DEFAULT;
    if (size > SIZE_MAX_PX)
        return arc_fail(err, ARC_EINVAL, "a detection size of %d px is above %d", size, SIZE_MAX_PX);
    size = (size + 31) / 32 * 32;
    *first = (arc_again){.opt = opt,
                         .threshold = opt->score_threshold > 0 ? opt->score_threshold : c->threshold,
                         .iou = opt->nms_iou > 0 ? opt->nms_iou : c->nms_iou,
                         /* the NMS of InsightFace counts pixels inclusively, that of YuNet does not */
                         .plus_one = c->detector == ARC_DETECTOR_YUNET ? 0.0f : 1.0f,
                         .width_px = fixed ? c->input_width_px : size,
                         .height_px = fixed ? c->input_height_px : size};
    *close_px = opt->multi_scale && !fixed && size != SIZE_CLOSE ? SIZE_CLOSE : 0;
    return ARC_OK;
}

arc_status arc_detect_list(arc_detector *detector, const arc_image *image, const arc_detect_options *opt, bool all,
                           arc_face_list *faces, arc_looked *looked, arc_error *err) {
    arc_again first;
    int close_px = 0;
    arc_status st;
    *looked = (arc_looked){0};
    if (!arc_image_valid(image))
        return arc_fail(err, ARC_EINVAL, "there is no picture to search");
    ARC_TRY(plan_search(arc_detector_contract(detector), opt, &first, &close_px, err));
    arc_look_at at = {.width_px = first.width_px, .height_px = first.height_px, .threshold = first.threshold};
    ARC_TRY(arc_look(detector, image, &at, faces, &first.scale, err));
    if (close_px) {
        at.width_px = at.height_px = close_px;
        ARC_TRY(arc_look(detector, image, &at, faces, NULL, err));
    }
    looked->scale = first.scale;
    arc_nms(faces, first.iou, first.plus_one);
    ARC_TRY(arc_look_again(detector, image, &first, faces, all, &looked->looks, err));
    st = arc_face_list_select(faces, opt->max_faces, image->width_px, image->height_px, err);
done:
    return st;
}

arc_status arc_detect(arc_detector *detector, const arc_image *image, const arc_detect_options *opt, arc_face *faces,
                      int capacity, int *count, arc_error *err) {
    arc_detect_options chosen;
    arc_looked looked;
    *count = 0;
    if (ARC_CHECK_OPTIONS(arc_detect_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_detect_options_default(&chosen);
    if (opt)
        chosen = *opt;
    arc_face_list list = {.alloc = arc_detector_alloc(detector)};
    const arc_status st = arc_detect_list(detector, image, &chosen, true, &list, &looked, err);
    if (st == ARC_OK) {
        *count = (int)list.count;
        for (int i = 0; i < *count && i < capacity; i++)
            faces[i] = list.face[i];
    }
    arc_face_list_free(&list);
    return st;
}
