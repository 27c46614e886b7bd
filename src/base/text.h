/* base: builds results as text for people and for programs, in memory. The first failure is stored and reported at the end, so
 * that code that describes something needs no check after each line. Numbers have a decimal point in every locale. */
#ifndef ARC_BASE_TEXT_H
#define ARC_BASE_TEXT_H

#include "base/base.h"

typedef struct arc_text {
    arc_buffer buffer;
    arc_status st;
} arc_text;

void arc_text_begin(arc_text *t, const arc_alloc *a);
void arc_text_add(arc_text *t, const char *fmt, ...) ARC_PRINTF(2, 3);
void arc_text_quote(arc_text *t, const char *s); /* as a JSON string; invalid UTF-8 becomes U+FFFD */
bool arc_text_is_utf8(const char *s);            /* overlong forms and surrogates are none */
/* "name": [1.5, 2] with all digits of a double. */
void arc_text_numbers(arc_text *t, const char *name, const double *x, int count);
const char *arc_text_bool(bool x);                      /* "true" or "false" */
const char *arc_text_grouped(int64_t n, char text[32]); /* 65156160: "65,156,160" */

/* Gives the text to the caller, NUL-terminated, to be freed with arc_text_free; frees the rest. *text is NULL after a failure.
 * Errors: ENOMEM, ELIMIT. */
arc_status arc_text_end(arc_text *t, char **text, arc_error *err);
/* Writes the text to a file instead, completely or not at all. Errors: also those of writing. */
arc_status arc_text_save(arc_text *t, const char *path, arc_error *err);

#endif
