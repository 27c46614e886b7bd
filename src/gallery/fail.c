/* gallery: failures that name the gallery. */
#include "gallery/gallery_internal.h"
#include <stdarg.h>
#include <stdio.h>

arc_status arc_gallery_fail(const arc_gallery *g, arc_error *err, arc_status code, const char *fmt, ...) {
    char text[ARC_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return arc_fail(err, code, "%s: %s", g->location, text);
}
