/** @file
 * Photos by the names that people give: files, folders, lists of them, archives, addresses in the web, standard input. A feed
 * goes through them one after the other, with memory for some of them however many there are.
 */
#ifndef ARCFACE_FEED_H
#define ARCFACE_FEED_H

#include <arcface/photo.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most bytes that a photo from elsewhere than a file may have, unless the options say otherwise: 128 MiB. */
#define ARC_FEED_MAX_BYTES_DEFAULT ((int64_t)1 << 27)

/** The names of the last so many photos stay valid. */
#define ARC_FEED_NAMES_KEPT 4096

/** Bounds of what is read from elsewhere than files. */
typedef struct arc_feed_options {
    size_t struct_size; /**< set by arc_feed_options_default */
    int64_t max_bytes;  /**< of a photo on standard input; default ARC_FEED_MAX_BYTES_DEFAULT */
    bool names_only; /**< photos have their names, but nothing is read or fetched for them: to count or choose; default false */
} arc_feed_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_feed_options_default(arc_feed_options *opt);

/** Photos by their names. One use: each photo comes once. */
typedef struct arc_feed arc_feed;

/** A feed of names, [count], in their order. A name is
 * - a file, whatever it holds;
 * - a folder: every picture in it and in the folders below it, told by their first bytes, in the order of the bytes of their
 * names. Names that begin with a dot are left out; links are followed, but not to a folder above themselves; what lies more than
 * 32 folders deep is not looked for;
 * - `@FILE`, when no file of that name is there: a list as arc_photo_paths_load reads it, of files and folders;
 * - `-`: the photo on standard input.
 * A name that leads to nothing, an empty list, a folder that cannot be read or that holds no pictures is a photo that failed,
 * with the reason. `opt` may be NULL. Ownership: free with arc_feed_close. Thread: any. Errors: EINVAL (options), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_feed_open(arc_context *ctx, const char *const *names, int count, const arc_feed_options *opt,
                                               arc_feed **out, arc_error *err);

/** The feed as a source of photos, for arc_pipeline_run_source and for loops of one's own; it may be used from many threads. Its
 * count is known (not -1) when there are few photos. Names stay valid while ARC_FEED_NAMES_KEPT further photos are given, and as
 * long as the photo is not released. Ownership: the source points at the feed. Thread: any. */
ARC_API void arc_feed_source(arc_feed *feed, arc_photo_source *source);

/** So many names of what was skipped are told. */
#define ARC_FEED_SKIPPED_NAMES 3

/** What a feed came to so far. */
typedef struct arc_feed_tally {
    int64_t photos; /**< photos given, with those that failed */
    /** of them no photos, but folders and lists that could not be read, or not to their end */
    int64_t parts;
    int64_t skipped;                                  /**< files in folders that are no pictures */
    const char *skipped_name[ARC_FEED_SKIPPED_NAMES]; /**< the first of them; the feed's */
} arc_feed_tally;

/** Thread: any. */
ARC_API void arc_feed_tally_get(arc_feed *feed, arc_feed_tally *tally);

/** Frees the feed and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_feed_close(arc_feed **feed);

#ifdef __cplusplus
}
#endif
#endif
