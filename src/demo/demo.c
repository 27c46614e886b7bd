/* What both demos share: see demo.h. */
#include "demo/demo.h"
#include <stdarg.h>
#include <stdio.h>

void arc_demo_options_default(arc_demo_options *opt) {
    *opt = (arc_demo_options){.struct_size = sizeof *opt};
}

arc_status arc_demo_begin(arc_demo *d, arc_context *ctx, const arc_demo_options *opt, arc_error *err) {
    if (ARC_CHECK_OPTIONS(arc_demo_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!opt || !opt->out)
        return arc_fail(err, ARC_EINVAL, "the demo needs a folder to put things into");
    *d = (arc_demo){.ctx = ctx, .opt = *opt, .stage = ""};
    return ARC_OK;
}

void arc_demo_say(const arc_demo *d, const char *fmt, ...) {
    char text[2 * ARC_DEMO_PATH_BYTES];
    va_list args;
    if (!d->opt.say)
        return;
    va_start(args, fmt);
    arc_number_print(text, sizeof text, fmt, args);
    va_end(args);
    d->opt.say(d->opt.ctx, text);
}

int arc_demo_progress(void *demo, int64_t done, int64_t total) {
    const arc_demo *d = demo;
    return d->opt.progress ? d->opt.progress(d->opt.ctx, d->stage, done, total) : 0;
}

double arc_demo_seconds(void) {
    return (double)arc_clock_ns() * 1e-9;
}

const char *arc_demo_join(char path[ARC_DEMO_PATH_BYTES], const char *folder, const char *name) {
    snprintf(path, ARC_DEMO_PATH_BYTES, "%s/%s", folder, name);
    return path;
}
