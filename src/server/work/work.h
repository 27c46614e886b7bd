/* server/work: the micro-batcher. Photos of many requests join to batches for one engine: while a batch is worked on the next
 * gathers, and a photo that comes to an idle engine is begun at once unless others are known to be on their way. */
#ifndef ARC_SERVER_WORK_WORK_H
#define ARC_SERVER_WORK_WORK_H

#include "server/work/engine.h"

typedef struct arc_work_options {
    int batch;                                           /* most photos in one, up to ARC_WORK_BATCH_MAX */
    double wait_s;                                       /* for others that are on their way */
    void (*told)(void *ctx, int photos, double seconds); /* after each batch; may be NULL */
    void *ctx;
} arc_work_options;

typedef struct arc_work arc_work;
/* Takes the engine over, and warms it in its own thread: see arc_work_is_ready. */
arc_status arc_work_new(arc_context *ctx, arc_engine *engine, const arc_work_options *opt, arc_work **out, arc_error *err);
void arc_work_free(arc_work **work); /* finishes what it has; NULL-safe */
bool arc_work_is_ready(arc_work *w); /* the engine is warm; until then photos wait */
int arc_work_waiting(arc_work *w);   /* photos */

/* A request with photos is on its way, or will bring none after all. */
void arc_work_expect(arc_work *w);
void arc_work_expect_no_more(arc_work *w);

/* Works on the items, with those of other callers, and returns when all are done. Errors: ECANCEL: the deadline (arc_clock_ns)
 * passed before they were begun; nothing is in them then. */
arc_status arc_work_run(arc_work *w, arc_work_item *items, int count, uint64_t deadline_ns, arc_error *err);

/* The engine of the moment, which stays until it is released. */
arc_engine *arc_work_hold(arc_work *w);
void arc_work_release(arc_work *w, arc_engine *engine);
/* Takes another engine over; batches after the one at work are its. The old one is freed when nobody holds it. */
void arc_work_replace(arc_work *w, arc_engine *engine);

#endif
