/* base: how a function reports that and why it failed, and small arithmetic macros that every file uses. */
#ifndef ARC_BASE_STATUS_H
#define ARC_BASE_STATUS_H

#include <arcface/status.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARC_MIN(a, b) ((a) < (b) ? (a) : (b))
#define ARC_MAX(a, b) ((a) > (b) ? (a) : (b))
#define ARC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* For calls that return a status, in a function that has a `done:` label. */
#define ARC_TRY(expr)                                                                                                            \
    do {                                                                                                                         \
        st = (expr);                                                                                                             \
        if (st != ARC_OK)                                                                                                        \
            goto done;                                                                                                           \
    } while (0)

/* Writes the sentence (truncated to fit) and returns `code`, for `return arc_fail(...)`. err may be NULL. */
arc_status arc_fail(arc_error *err, arc_status code, const char *fmt, ...) ARC_PRINTF(3, 4);
arc_status arc_fail_nomem(arc_error *err, const char *what);
/* Puts "prefix: " before an existing error text, for callers that know the file name. Returns err's code or `code`. */
arc_status arc_fail_in(arc_error *err, arc_status code, const char *prefix);

/* Every public function that takes a struct with a struct_size begins with this check. ARC_OK for NULL (defaults) and for a
 * struct that `name`_default of this version filled, else EINVAL. struct_size is the first field of all of them. */
#define ARC_CHECK_OPTIONS(type, options, err) arc_options_check(options, sizeof(type), #type, err)
arc_status arc_options_check(const void *options, size_t bytes, const char *name, arc_error *err);

#endif
