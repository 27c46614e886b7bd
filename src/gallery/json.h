/* gallery: why jansson gave nothing. */
#ifndef ARC_GALLERY_JSON_H
#define ARC_GALLERY_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* A text was not parsed for want of memory, as far as jansson tells: in some places it says so, in others it says nothing at all.
 * why: zeros before the call. */
static inline bool arc_json_starved(const json_error_t *why) {
    const enum json_error_code code = json_error_code(why);
    return code == json_error_out_of_memory || (code == json_error_unknown && !*why->text);
}

#endif
