/* generate: what the files of the template audit share. */
#ifndef ARC_GENERATE_TEMPLATES_H
#define ARC_GENERATE_TEMPLATES_H

#include "base/base.h"
#include <arcface/template_audit.h>

/* ---- read.c ---- *row: [*rows][*dim], to be freed with arc_mem_free. Errors: those of arc_template_audit_run. */
arc_status arc_templates_read(arc_context *ctx, const char *path, float **row, int64_t *rows, int *dim, arc_error *err);

/* ---- rebuild.c ---- Faces from templates, [count][dim], a batch at a time. face: [count], zeroed; what was made is in it after
 * a failure too. Errors: those of arc_generator_new and arc_generator_step, ECANCEL. */
typedef struct arc_rebuild {
    const arc_model *model;
    const float *target;
    int count, dim;
    const arc_generate_options *options;
    const char *stage;
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx;
} arc_rebuild;
arc_status arc_rebuild_faces(arc_context *ctx, const arc_rebuild *r, arc_image *face, arc_error *err);

/* ---- threshold.c ---- given: NAN = none; far: 0 = none. *rate: FAR of the threshold, 0 where it is not known. Errors: EINVAL (a
 * FAR for a model without calibration, a threshold outside -1 to 1). */
arc_status arc_threshold_of(const arc_model *model, double given, double far, double *threshold, arc_threshold_source *source,
                            double *rate, arc_error *err);

/* ---- trial.c ---- face, owner: [count][dim] of unit length. cosine: [count], may be NULL. Errors: ENOMEM. */
arc_status arc_trial_run(arc_context *ctx, const float *face, const float *owner, int count, int dim, double threshold,
                         double *cosine, arc_template_trial *out, arc_error *err);

#endif
