/* face: one look of a detector at a picture or a part of it, and the second looks at what the first one may have missed. */
#ifndef ARC_FACE_DETECT_LOOK_H
#define ARC_FACE_DETECT_LOOK_H

#include "device/device.h"
#include "face/detect/decode.h"
#include <arcface/face.h>

/* ---- detector.c ---- */

/* As arc_detector_new, for a detector with its own execution, such as a lane's with its share of the threads. The execution is
 * copied; what it points to must outlive the detector. */
arc_status arc_detector_new_on(const arc_execution *x, const arc_model *model, arc_detector **out, arc_error *err);
const arc_contract *arc_detector_contract(const arc_detector *detector);
const arc_alloc *arc_detector_alloc(const arc_detector *detector);

/* How a part of a picture is put into the network's input. */
typedef struct arc_look_at {
    int x_px, y_px, part_width_px, part_height_px; /* the part of the picture; width 0: all of it */
    int turns;                                     /* quarter turns, clockwise, of that part before it is looked at: 0 to 3 */
    int width_px, height_px; /* of the network's input; of a model's whose input is fixed and larger, so much is used */
    bool bordered; /* the part takes half of the input's side, in the middle of grey; else all, black on the right or below */
    float threshold;
} arc_look_at;
/* Appends the candidates of one run of the network, in pixels of the picture; none is removed for overlap. Landmarks of turned
 * looks are those of the face as it stands upright: the "left" eye is the one that is left there. *scale (may be NULL): network
 * pixels for a pixel of the picture. */
arc_status arc_look(arc_detector *detector, const arc_image *image, const arc_look_at *how, arc_face_list *faces, double *scale,
                    arc_error *err);

/* ---- upright.c ---- */

/* A face of a picture of this size that has been turned clockwise by so many quarters, in pixels of the picture as it is. */
void arc_face_turn_back(arc_face *face, int turns, int width_px, int height_px);
/* Whether the landmarks stand within 55 degrees of upright in the look that found the face. */
bool arc_face_upright(const arc_face *face);
/* A score of a family of detectors that most upright faces exceed, and nearly all that are upside down don't. */
float arc_usual_score(arc_detector_kind kind);
/* Whether a face of the first look may be one that is not upright: by its landmarks, or by its score. */
bool arc_face_doubtful(const arc_face *face, arc_detector_kind kind);
/* Adds what a turned look has found. Of a face that is in both lists the one with the higher score is kept, among those whose
 * landmarks are upright in their look; an upright one always wins over one that is not. *added: how many were taken. */
arc_status arc_faces_merge(arc_face_list *faces, const arc_face_list *turned, int *added, arc_error *err);

/* Adds what a closer look has found, as far as it is new or smaller than small_px: such a face is replaced. *added: how many are
 * new or replaced. */
arc_status arc_faces_add(arc_face_list *faces, const arc_face_list *more, float small_px, int *added, arc_error *err);

/* ---- again.c ---- */

typedef struct arc_again {
    const arc_detect_options *opt;
    float threshold, iou, plus_one;
    int width_px, height_px; /* network input of the first look */
    double scale;            /* of the first look: network pixels for a pixel of the picture */
} arc_again;
/* Second looks after the first one found `faces`, where there is a reason for one (arc_detect_options says which). all: small
 * faces beside those that were found are wanted, too. *looks: those that added faces; if there are none at all, those that
 * were tried. */
arc_status arc_look_again(arc_detector *detector, const arc_image *image, const arc_again *first, arc_face_list *faces, bool all,
                          int *looks, arc_error *err);

/* ---- detect.c ---- */

typedef struct arc_looked {
    int looks;    /* as in arc_look_again */
    double scale; /* of the first look: network pixels for a pixel of the picture */
} arc_looked;
/* arc_detect into a list. all: as in arc_look_again. `faces` has only its allocator; the caller frees it, after a failure too. */
arc_status arc_detect_list(arc_detector *detector, const arc_image *image, const arc_detect_options *opt, bool all,
                           arc_face_list *faces, arc_looked *looked, arc_error *err);

#endif
