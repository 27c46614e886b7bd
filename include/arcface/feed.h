/** @file
 * Photos by the names that people give: files, folders, archives, addresses in the web, lists of
 * them, standard input. A feed
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
    /** Of a photo from the web, in an archive, and of standard input; larger ones fail. Default ARC_FEED_MAX_BYTES_DEFAULT. */
    int64_t max_bytes;
    int timeout_s;     /**< for a photo from the web, from the first step to the last byte; default 60 */
    int max_redirects; /**< that are followed on the way to a photo; 0: none; default 5 */
    bool names_only;   /**< photos have their names, but nothing is read or fetched for them: to count or choose; default false */
} arc_feed_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_feed_options_default(arc_feed_options *opt);

/** Photos by their names. One use: each photo comes once. */
typedef struct arc_feed arc_feed;

/** A feed of names, [count], in their order. A name is one of these.
 *
 * - A file, whatever it holds.
 * - A folder: every picture in it and in the folders below it, told by their first bytes, in the order of the bytes of their
 *   names. Names that begin with a dot are left out; links are followed, but not to a folder above themselves; what lies more
 *   than 32 folders deep is not looked for.
 * - A zip or tar archive, told by its first bytes, also packed by gzip, xz, zstd or bzip2: every picture in it, in the order of
 *   the archive, named ARCHIVE/MEMBER, and #N behind it, the number of the member, when its name was there before. Members are
 *   read one at a time, into memory; nothing is written. Hidden names are left out as in folders. A member fails when it is a
 *   link, is encrypted or too large, or when its name is absolute or has ".." or control characters in it. An archive that
 *   unpacks to more than 1 GiB and more than 200 times its size is read no further.
 * - An address, http://... or https://...: the photo that its server gives, read into memory when its turn comes, several at a
 *   time where several are asked for. Redirects lead to http and https only, from https to https only. What is no picture by its
 *   first bytes is not read to its end. Results name a photo by its address without user and password, messages without what
 *   follows the path either.
 * - `@FILE`, when no file of that name is there: a list as arc_photo_paths_load reads it, of names of all these kinds.
 * - `-`: the photo, or the archive, on standard input.
 *
 * Archives in folders and in archives are not opened, but counted. A name that leads to nothing, an empty list, a folder or an
 * archive that cannot be read or that holds no pictures is a photo that failed, with the reason. `opt` may be NULL.
 *
 * Ownership: free with arc_feed_close. Thread: any. Errors: EINVAL (options), ENOMEM. */
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
    /** of them no photos, but folders, lists and archives that could not be read, or not to their end */
    int64_t parts;
    int64_t skipped;                                  /**< files in folders and archives that are no pictures */
    const char *skipped_name[ARC_FEED_SKIPPED_NAMES]; /**< the first of them; the feed's */
    int64_t archives;                                 /**< archives in folders and archives, which were not opened */
    const char *archive_name;                         /**< the first of them; the feed's */
} arc_feed_tally;

/** Thread: any. */
ARC_API void arc_feed_tally_get(arc_feed *feed, arc_feed_tally *tally);

/** Frees the feed and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_feed_close(arc_feed **feed);

#ifdef __cplusplus
}
#endif
#endif
