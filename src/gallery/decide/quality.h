/* gallery/decide: the parts of a picture's quality, in the order of arc_quality, and how much each counts. */
#ifndef ARC_GALLERY_DECIDE_QUALITY_H
#define ARC_GALLERY_DECIDE_QUALITY_H

#include "base/text.h"
#include <arcface/quality.h>

enum {
    ARC_QUALITY_DETECTOR,
    ARC_QUALITY_ALIGNMENT,
    ARC_QUALITY_SHARPNESS,
    ARC_QUALITY_SIZE,
    ARC_QUALITY_POSE,
    ARC_QUALITY_NORM,
    ARC_QUALITY_PARTS
};

typedef struct arc_quality_part {
    const char *name;
    double weight;  /* in the geometric mean; 0: only shown */
    double typical; /* half of ordinary pictures are below it */
    double low;     /* 5 % are */
} arc_quality_part;

extern const arc_quality_part arc_quality_parts[ARC_QUALITY_PARTS];

arc_quality arc_quality_unknown(void);                                          /* every number NAN */
void arc_quality_values(const arc_quality *q, double value[ARC_QUALITY_PARTS]); /* of the parts; NAN: unknown */
void arc_quality_json(arc_text *t, const arc_quality *q);                       /* an object */
/* The part that is lowest, measured by how ordinary pictures differ; the norm, which only sums up what a network sees, where no
 * other part is low. -1: none is known. */
int arc_quality_weakest(const arc_quality *q);

#endif
