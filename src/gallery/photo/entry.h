/* gallery/photo: a photo that is to be enrolled, and what is said of it. */
#ifndef ARC_GALLERY_PHOTO_ENTRY_H
#define ARC_GALLERY_PHOTO_ENTRY_H

#include "gallery/photo/digests.h"
#include <arcface/enroll.h>

typedef struct arc_enroll_entry {
    arc_enrolled told;     /* what is known of it; as: ARC_ENROLLED as long as nothing speaks against it */
    arc_result photo;      /* told.photo points at it */
    char *person;          /* told.person points at it */
    int face;              /* which of the photo's faces */
    bool has_digest;       /* told.sha256 is one */
    bool measured;         /* told.quality is known */
    double nearest_cosine; /* with the person's other pictures, if there are `others` */
    int64_t others;
} arc_enroll_entry;

/* Says of an entry that nothing of it is stored, and why. */
void arc_enroll_refuse(arc_enroll_entry *e, arc_status code, const char *fmt, ...) ARC_PRINTF(3, 4);
void arc_enroll_doubt(arc_enroll_entry *e, const char *fmt, ...) ARC_PRINTF(2, 3); /* it is stored all the same; may be several */
const char *arc_enroll_label(const arc_enroll_entry *e);                           /* what sentences call the photo */

#endif
