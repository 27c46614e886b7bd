/* base: the log messages of a context: nothing is printed unless the caller set a function for them. */
#include "base/base.h"
#include <stdio.h>

void arc_log(const arc_context *ctx, arc_log_level level, const char *fmt, ...) {
    if (!ctx || !ctx->log)
        return;
    char text[ARC_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ctx->log(ctx->log_ctx, level, text);
}
