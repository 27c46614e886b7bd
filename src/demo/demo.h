/* demo: the whole main job as a user of include/arcface does it. drawn.c: from nothing to a recogniser, on drawn people; real.c:
 * the same on real photos with real models. What the two share: telling, progress, time. */
#ifndef ARC_DEMO_DEMO_H
#define ARC_DEMO_DEMO_H

#include "base/base.h"
#include <arcface/demo.h>
#include <arcface/image.h>

#define ARC_DEMO_PATH_BYTES 4096

/* A demo at work: its context, its options, the stage that progress is told of. */
typedef struct arc_demo {
    arc_context *ctx;
    arc_demo_options opt;
    const char *stage;
} arc_demo;

arc_status arc_demo_begin(arc_demo *d, arc_context *ctx, const arc_demo_options *opt, arc_error *err);
void arc_demo_say(const arc_demo *d, const char *fmt, ...) ARC_PRINTF(2, 3);
int arc_demo_progress(void *demo, int64_t done, int64_t total);
double arc_demo_seconds(void); /* monotonic */
const char *arc_demo_join(char path[ARC_DEMO_PATH_BYTES], const char *folder, const char *name);

/* ---- drawn_gallery.c ---- */

typedef struct arc_demo_people {
    const char *model;  /* file of the recogniser */
    const char *folder; /* where the gallery goes; it holds none yet */
    uint64_t seed;
    int64_t first; /* identity from which on nobody was drawn */
} arc_demo_people;
/* Ten people into a gallery, twenty photographs answered; sheet: the answers drawn, text: what came out. */
arc_status arc_demo_gallery(arc_demo *d, const arc_demo_people *who, arc_image *sheet, char text[256], arc_error *err);

#endif
