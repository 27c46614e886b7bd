/** @file
 * The whole main job over this library, step by step: what `arcface demo` does, and a walk through the other headers for who
 * reads src/demo. On drawn people nothing is needed; on real photos, models and photos. */
#ifndef ARCFACE_DEMO_H
#define ARCFACE_DEMO_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is shown, and to whom. */
typedef struct arc_demo_options {
    size_t struct_size; /**< by arc_demo_options_default */
    const char *out;    /**< folder for everything that is made; it is there */
    const char *data;   /**< arc_demo_real: folder of real models and photos */
    bool quick;         /**< arc_demo_drawn: draw and train very little: shows the way, not the result; default false */
    bool full;          /**< arc_demo_real: all 6000 pairs of LFW, not two of ten folds; default false */
    /** Called with each step's lines, line breaks included; may be NULL. */
    void (*say)(void *ctx, const char *text);
    /** Called while a step named `stage` goes on; may be NULL; a non-zero return cancels (ECANCEL). */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *ctx; /**< handed to both */
} arc_demo_options;
/** The defaults. Thread: any. */
ARC_API void arc_demo_options_default(arc_demo_options *opt);

/** Draws people, trains a small network on them, evaluates it on people that it has never seen, exports it, asks it about two
 * photographs and puts all of it on a page, out/report.html. Thread: any, while nothing else runs on the context. Errors: EINVAL
 * (no folder), those of the steps, ECANCEL. */
ARC_API ARC_NODISCARD arc_status arc_demo_drawn(arc_context *ctx, const arc_demo_options *opt, arc_error *err);

/** Whether a folder has the models and photos of arc_demo_real. Thread: any. */
ARC_API bool arc_demo_has_data(const char *folder);
/** Detects, aligns, embeds and verifies faces of real photos with real models, and evaluates on LFW. Thread: any, while nothing
 * else runs on the context. Errors: EINVAL (no folders), those of the steps, ECANCEL. */
ARC_API ARC_NODISCARD arc_status arc_demo_real(arc_context *ctx, const arc_demo_options *opt, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
