/* source: photos from the web, into memory. */
#ifndef ARC_SOURCE_FETCH_H
#define ARC_SOURCE_FETCH_H

#include "base/base.h"

typedef struct arc_fetch_limits {
    int64_t max_bytes; /* of a photo */
    int timeout_s;     /* for all of it */
    int redirects;     /* that are followed */
} arc_fetch_limits;

/* Keeps connections for the next photos of a server. */
typedef struct arc_fetcher arc_fetcher;
arc_status arc_fetcher_new(arc_fetcher **out, const arc_alloc *a, const arc_fetch_limits *limits, arc_error *err);
void arc_fetcher_free(arc_fetcher **fetcher); /* NULL-safe */

/* The photo at an address; any number of threads at once. What is no picture by its first bytes is not read on. label: the
 * address in error texts, which never tell more of it. *bytes: [*count], freed with arc_mem_free. Errors: ENOTFOUND (404, 410),
 * EFORMAT (no picture), ELIMIT, EINVAL (no address), ENETWORK, ENOMEM. */
arc_status arc_fetch(arc_fetcher *f, const char *address, const char *label, uint8_t **bytes, size_t *count, arc_error *err);

#endif
