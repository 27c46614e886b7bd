/* base: names of status codes, error sentences, and the function that fills in an error. */
#include "base/status.h"
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
#define STATUS_NAME(name, text) #name,
    ARC_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
};
static const char *const status_texts[] = {
#define STATUS_TEXT(name, text) text,
    ARC_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
};

const char *arc_status_text(arc_status code) {
    return (unsigned)code < ARC_COUNT(status_texts) ? status_texts[code] : "unknown status";
}

const char *arc_status_name(arc_status code) {
    return (unsigned)code < ARC_COUNT(status_names) ? status_names[code] : "UNKNOWN";
}

arc_status arc_fail(arc_error *err, arc_status code, const char *fmt, ...) {
    if (err) {
        /* formatted into a buffer first, because an argument may be the old err->text */
        char text[ARC_ERROR_TEXT_BYTES];
        va_list args;
        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        memcpy(err->text, text, sizeof text);
        err->code = code;
    }
    return code;
}

arc_status arc_fail_nomem(arc_error *err, const char *what) {
    return arc_fail(err, ARC_ENOMEM, "out of memory for %s", what);
}

arc_status arc_fail_in(arc_error *err, arc_status code, const char *prefix) {
    if (err)
        arc_fail(err, code, "%s: %s", prefix, err->text);
    return code;
}

arc_status arc_options_check(const void *options, size_t bytes, const char *name, arc_error *err) {
    size_t given;
    if (!options)
        return ARC_OK;
    memcpy(&given, options, sizeof given);
    if (given == bytes)
        return ARC_OK;
    return arc_fail(err, ARC_EINVAL,
                    "%s: struct_size is %zu, this version of the library has %zu: fill the struct with %s_default", name, given,
                    bytes, name);
}
