/* server/work: both networks, ready to take photos: what a pipeline has, but photos of several requests come together, and each
 * says what is wanted of it. */
#ifndef ARC_SERVER_WORK_ENGINE_H
#define ARC_SERVER_WORK_ENGINE_H

#include "base/base.h"
#include <arcface/face.h>
#include <arcface/verify.h>

#define ARC_WORK_BATCH_MAX 64

typedef enum arc_work_kind {
    ARC_WORK_DETECT,  /* faces, without embeddings */
    ARC_WORK_EMBED,   /* every face with its embedding */
    ARC_WORK_LARGEST, /* the embedding of the largest face; of the others it is NULL */
    ARC_WORK_ALIGNED  /* the photo is a ready crop: its embedding */
} arc_work_kind;

/* A photo and what became of it. */
typedef struct arc_work_item {
    arc_photo photo; /* what it points to stays until the item is done */
    arc_work_kind kind;
    bool keep_crops;
    arc_result result; /* freed by the owner with arc_result_free; a failure is in it */
    int largest;       /* index of the largest face; 0 when there is none */
    double waited_s;   /* until its batch began */
    double worked_s;   /* in its batch */
    /* the queue's */
    uint64_t queued_ns;
    struct arc_work_ticket *ticket;
    struct arc_work_item *next;
} arc_work_item;

typedef struct arc_engine arc_engine;

typedef struct arc_engine_options {
    const char *model, *detector;
    const arc_model_options *model_options, *detector_options; /* may be NULL */
    int64_t max_pixels;
    int max_faces;
} arc_engine_options;

arc_status arc_engine_load(arc_context *ctx, const arc_engine_options *opt, arc_engine **out, arc_error *err);
void arc_engine_free(arc_engine **engine); /* NULL-safe */
const arc_model *arc_engine_model(const arc_engine *engine);
const arc_model *arc_engine_detector(const arc_engine *engine);
const arc_verify_rule *arc_engine_rule(const arc_engine *engine);
int arc_engine_dim(const arc_engine *engine);
/* Plans both networks for what requests will bring, so that the first ones need not wait for it: in steps 0, 1, ... as long as it
 * gives true. After step 0 requests that come one by one find everything ready. One thread at a time. */
bool arc_engine_warm(arc_engine *engine, int step);
/* Works on up to ARC_WORK_BATCH_MAX items. One thread at a time. */
void arc_engine_run(arc_engine *engine, arc_work_item *const *items, int count);

#endif
