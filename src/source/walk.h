/* source: from names to photos: folders, lists, archives and standard input, one photo at a time. What is given depends on the
 * names and the files alone, not on how far ahead the walk is. */
#ifndef ARC_SOURCE_WALK_H
#define ARC_SOURCE_WALK_H

#include "base/base.h"
#include <arcface/feed.h>

typedef enum arc_found_kind {
    ARC_FOUND_END,
    ARC_FOUND_FILE,
    ARC_FOUND_BYTES,
    ARC_FOUND_ADDRESS, /* of a photo in the web */
    ARC_FOUND_FAILED   /* with the reason */
} arc_found_kind;

/* What the walk came to. */
typedef struct arc_found {
    arc_found_kind kind;
    const char *name; /* until the next call */
    uint8_t *bytes;   /* [byte_count], of ARC_FOUND_BYTES: the caller's, freed with arc_mem_free; NULL with names_only */
    size_t byte_count;
    arc_error failure; /* of ARC_FOUND_FAILED */
    bool part;         /* what failed is a folder, a list or an archive */
} arc_found;

typedef struct arc_walk arc_walk;
/* The options are copied, and so are the names. */
arc_status arc_walk_open(arc_walk **out, arc_context *ctx, const char *const *names, int count, const arc_feed_options *opt,
                         arc_error *err);
/* Errors: ENOMEM. Everything else is a photo that failed. */
arc_status arc_walk_next(arc_walk *w, arc_found *found, arc_error *err);
/* What was skipped so far; the rest of the tally is the feed's. */
void arc_walk_skipped(const arc_walk *w, arc_feed_tally *tally);
void arc_walk_close(arc_walk **walk); /* NULL-safe */

#endif
