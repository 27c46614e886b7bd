/* generate: a run into a folder; shared by job.c and outcome.c. */
#ifndef ARC_GENERATE_JOB_INTERNAL_H
#define ARC_GENERATE_JOB_INTERNAL_H

#include "generate/generate.h"
#include "generate/people.h"

typedef struct arc_generate_run {
    arc_context *ctx;
    const arc_model *model;
    const arc_generate_job *job;
    arc_generate_options options;
    int people, pictures, batches, dim;
    const float *target; /* open set: [people][dim]; NULL: closed set */
    arc_generate_result *out;
} arc_generate_run;

/* Picture i shows this person; pictures of a batch are first .. first + count - 1. */
static inline int arc_generate_person_of(const arc_generate_run *r, int picture) {
    return picture % r->people;
}
static inline int arc_generate_first_of(const arc_generate_run *r, int batch) {
    return (int)((int64_t)r->pictures * batch / r->batches);
}

/* outcome.c: "FOLDER/003-NAME-1.png"; only_name: without the folder. */
void arc_generate_path_of(const arc_generate_run *r, int picture, bool only_name, char path[ARC_PATH_BYTES]);
/* The pictures of a batch as they are now, into the folder. */
arc_status arc_generate_write_pictures(const arc_generate_run *r, arc_generator *g, int batch, arc_error *err);
/* preview.png: the batch as it is now. */
arc_status arc_generate_write_preview(const arc_generate_run *r, arc_generator *g, int batch, arc_error *err);
/* grid.png and generated.json of all pictures in the folder; fills cosines of the result. */
arc_status arc_generate_write_outcome(const arc_generate_run *r, arc_error *err);

#endif
