/* face: from a detector's raw outputs to candidate faces. Each family of detectors has a file that reads its outputs (scrfd.c,
 * retinaface.c, yunet.c); nms.c chooses the best; detect.c calls them. */
#ifndef ARC_FACE_DETECT_DECODE_H
#define ARC_FACE_DETECT_DECODE_H

#include "base/base.h"
#include <arcface/face.h>

/* A growing list of candidates. */
typedef struct arc_face_list {
    const arc_alloc *alloc;
    arc_face *face;
    size_t count, capacity;
} arc_face_list;
arc_status arc_face_list_put(arc_face_list *list, const arc_face *face, arc_error *err);
void arc_face_list_free(arc_face_list *list);

/* The raw outputs of one run of the network, and what is needed to read them. */
typedef struct arc_raw {
    const arc_net_output *out;
    int count;
    int width_px, height_px; /* of the network's input */
    float threshold;
    const float *prior_px; /* [6], retinaface: from the contract */
} arc_raw;
/* Append every candidate whose score reaches the threshold, in network pixels. Errors: ESHAPE if the outputs are not those of
 * this family. */
arc_status arc_decode_scrfd(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_retinaface(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_retinaface_mxnet(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_yunet(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_faces(arc_detector_kind kind, const arc_raw *raw, arc_face_list *faces, arc_error *err);

/* Which of the outputs are SCRFD's scores, boxes and landmarks, for strides 8, 16, 32 and, in some models, 64 and 128; landmarks
 * may be missing (-1). The number of strides; *anchors: of each cell. */
#define ARC_SCRFD_MAX_LEVELS 5
#define ARC_SCRFD_LEAST_LEVELS 3
enum { ARC_SCRFD_SCORE, ARC_SCRFD_BOX, ARC_SCRFD_MARK, ARC_SCRFD_KINDS };
int arc_scrfd_levels(const arc_raw *raw, int level[ARC_SCRFD_MAX_LEVELS][ARC_SCRFD_KINDS], int *anchors);
/* Which of the outputs are YuNet's class and object scores, boxes and landmarks at a stride of 8, 16 or 32. False: one is
 * missing. */
enum { ARC_YUNET_CLASS, ARC_YUNET_OBJECT, ARC_YUNET_BOX, ARC_YUNET_MARK, ARC_YUNET_KINDS };
bool arc_yunet_level(const arc_raw *raw, int stride, int level[ARC_YUNET_KINDS]);

/* The number of rows of an output whose last dimension is `columns`: the product of the others; 0 if it has another shape. */
int64_t arc_output_rows(const arc_net_output *out, int64_t columns);

/* Sorts by falling score and removes every face that overlaps a better one by more than iou. plus_one: widths count pixels
 * inclusively. */
void arc_nms(arc_face_list *faces, float iou, float plus_one);
/* Leaves the `max_faces` best by area - 2*distance^2 from the centre, in unchanged order. */
arc_status arc_face_list_select(arc_face_list *faces, int max_faces, int width_px, int height_px, arc_error *err);

#endif
