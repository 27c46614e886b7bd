/* gallery: what a gallery is bound to and how it decides, as a JSON object that the store keeps. */
#ifndef ARC_GALLERY_BINDING_H
#define ARC_GALLERY_BINDING_H

#include "base/base.h"
#include <arcface/gallery.h>
#include <arcface/verify.h>

#define ARC_BINDING_MAX_BYTES 65536
#define ARC_BINDING_CHECK_BYTES 33

typedef struct arc_binding {
    arc_fusion fusion;
    bool sketch;
    int dim;        /* 0: not bound */
    int generation; /* of its embeddings, from 1 */
    char model_sha256[65], model_name[256];
    char align[16]; /* the template that the model's crops are aligned to; "" for embeddings from elsewhere */
    char protection[ARC_BINDING_CHECK_BYTES]; /* what is known of the key that templates are rotated by; "": they are plain */
    double typical_norm;                      /* of the model's embeddings, measured by the first enrolment; 0: not yet */
    arc_verify_rule rule;                     /* of the model: threshold, and what a cosine means */
} arc_binding;

/* Appends the text to `out`. Errors: ENOMEM. */
arc_status arc_binding_write(const arc_binding *binding, arc_buffer *out, arc_error *err);
/* Errors: ECORRUPT. */
arc_status arc_binding_read(arc_bytes text, arc_binding *out, arc_error *err);

/* What the gallery is bound to and how it decides, as JSON, for another server that searches it with others. Errors: EIO, ENOMEM.
 */
arc_status arc_gallery_tell_binding(arc_gallery *g, arc_buffer *out, arc_error *err);

#endif
