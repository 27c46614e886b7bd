/** @file
 * Data sets of labelled faces: copied, split, checked, repaired, measured; and faces drawn for a start without photographs.
 *
 * A data set is named by a path: a .rec file (or its .idx), a folder that holds train.rec, a folder of pictures for each
 * identity, or a list (.lst, .txt). docs/DATA.md has the formats.
 */
#ifndef ARCFACE_DATA_H
#define ARCFACE_DATA_H

#include <arcface/context.h>
#include <arcface/face.h>
#include <arcface/image.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a data set is written. */
typedef enum arc_data_layout {
    /** RecordIO as InsightFace ships MS1MV3: pictures 1 to n by identity, identity records, a header (key 0) */
    ARC_DATA_IDENTITIES,
    ARC_DATA_SEQUENCE, /**< RecordIO as MXNet's im2rec writes it: pictures 0 to n-1 */
    ARC_DATA_FOLDER    /**< a folder of pictures for each identity */
} arc_data_layout;

/** Called with how much is done, from the calling thread; anything but 0 stops with ARC_ECANCEL. */
typedef int arc_data_progress(void *ctx, int64_t done, int64_t total);

/** How pictures are copied. */
typedef struct arc_data_copy_options {
    size_t struct_size;     /**< set by arc_data_copy_options_default */
    arc_data_layout layout; /**< of what is written; default ARC_DATA_IDENTITIES */
    /** 0 (default): copied byte for byte; else cut square, scaled to this side and encoded again */
    int size_px;
    int quality; /**< of JPEGs encoded again, 1 to 100; 0: PNG; default 95 */
    /** Identities with fewer are left out and the others numbered anew; default 1 */
    int min_images;
    /** Several sets: a label is one person in all of them; default false: the next set's labels follow */
    bool same_labels;
    /** ARC_DATA_SEQUENCE: pictures in random order, for readers that only read on; default false */
    bool shuffle;
    uint64_t seed;               /**< of shuffling and splitting; default 0 */
    arc_data_progress *progress; /**< may be NULL */
    void *progress_ctx;          /**< passed to progress */
} arc_data_copy_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_data_copy_options_default(arc_data_copy_options *opt);

/** What was written. */
typedef struct arc_data_counts {
    int64_t pictures;                         /**< pictures */
    int64_t identities;                       /**< identities */
    int64_t bytes;                            /**< of the pictures written */
    int64_t skipped;                          /**< pictures that could not be read */
    int64_t left_out;                         /**< pictures left out on purpose */
    char first_problem[ARC_ERROR_TEXT_BYTES]; /**< why the first of the skipped was */
} arc_data_counts;

/** Copies sets, [count], to `path` (a .rec, or a folder for train.rec or for folders of pictures), ordered by identity. Pictures
 * that cannot be read are skipped and counted. `opt` and `counts` may be NULL. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, ELIMIT, ECANCEL, EINVAL (options, or nothing is left), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_copy(arc_context *ctx, const char *const *sets, int count, const char *path,
                                               const arc_data_copy_options *opt, arc_data_counts *counts, arc_error *err);

/** Splits a set into path/part-1, path/part-2, ... by shares, [parts], whose sum is the whole: whole identities, which are
 * numbered anew in each part, or with by_image the pictures of every identity, labels kept. counts: [parts] or NULL; `opt` may be
 * NULL. Thread: any.
 * Errors: those of arc_data_copy; EINVAL for shares. */
ARC_API ARC_NODISCARD arc_status arc_data_split(arc_context *ctx, const char *set, const char *path, const double *shares,
                                                int parts, bool by_image, const arc_data_copy_options *opt,
                                                arc_data_counts *counts, arc_error *err);

/** What counts as the same picture, and what becomes of it. */
typedef struct arc_data_dedup_options {
    size_t struct_size; /**< set by arc_data_dedup_options_default */
    /** 256-bit perceptual hashes of one picture differ in at most so many bits; -1: equal bytes only; default 6 */
    int near_bits;
    /** One picture under several identities: drop all; default false: they stay and are counted */
    bool drop_conflicts;
    /** File for what was found: kind, key, label, key and label of the first; NULL (default) = none */
    const char *list;
    arc_data_copy_options copy; /**< how the rest is written */
} arc_data_dedup_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_data_dedup_options_default(arc_data_dedup_options *opt);

/** Repeated pictures. */
typedef struct arc_data_duplicates {
    int64_t exact;      /**< pictures with the bytes of another one of their identity: dropped */
    int64_t near;       /**< pictures that look like another one of their identity: dropped */
    int64_t conflicts;  /**< pictures that stand under several identities */
    int64_t unreadable; /**< pictures that could not be decoded */
} arc_data_duplicates;

/** Copies a set without its repeated pictures; path NULL: only looks. `opt` and `counts` may be NULL. Thread: any. Errors: those
 * of arc_data_copy. */
ARC_API ARC_NODISCARD arc_status arc_data_dedup(arc_context *ctx, const char *set, const char *path,
                                                const arc_data_dedup_options *opt, arc_data_duplicates *found,
                                                arc_data_counts *counts, arc_error *err);

/** What a data set holds. */
typedef struct arc_data_info {
    const char *kind;            /**< "recordio", "folder" or "list"; static storage */
    const char *layout;          /**< recordio: "identities" or "sequence", else ""; static storage */
    int64_t pictures;            /**< pictures */
    int64_t identities;          /**< identities */
    int64_t used;                /**< identities with a picture */
    int64_t least;               /**< fewest pictures of a used identity */
    int64_t median;              /**< median of the pictures of a used identity */
    int64_t most;                /**< most pictures of an identity */
    int64_t singles;             /**< identities with one picture */
    int64_t bytes;               /**< of pictures */
    int64_t unreadable;          /**< pictures that are not there */
    int64_t bad_labels;          /**< labels that are not an identity's number */
    int64_t duplicate_keys;      /**< recordio: keys that stand twice */
    int64_t damaged;             /**< recordio: places that are no record */
    int64_t empty_folders;       /**< folders without a picture */
    int64_t ignored_files;       /**< files that are no picture */
    int64_t property_identities; /**< what the property file says; -1 without one */
    bool indexed;                /**< recordio: there is an .idx */
    int width_px;                /**< of the first picture that decodes; 0 = none */
    int height_px;               /**< of the same picture */
} arc_data_info;

/** Reads every label and decodes one picture. `progress` may be NULL. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_info_get(arc_context *ctx, const char *set, arc_data_progress *progress,
                                                   void *progress_ctx, arc_data_info *out, arc_error *err);

/** Writes a picture of rows x columns: random identities, a row each, with their labels; .png, .jpg or .ppm by the suffix.
 * Thread: any.
 * Errors: those of arc_data_info_get; EINVAL (rows, columns or suffix). */
ARC_API ARC_NODISCARD arc_status arc_data_sheet(arc_context *ctx, const char *set, int rows, int columns, uint64_t seed,
                                                const char *path, arc_error *err);

/** How a set is checked. */
typedef struct arc_data_verify_options {
    size_t struct_size; /**< set by arc_data_verify_options_default */
    bool decode;        /**< decode every picture; default true */
    /** Write SET.sums, a checksum of every picture; default false: compare them when that file is there */
    bool write_sums;
    /** Called for each problem, from the calling thread; may be NULL */
    void (*problem)(void *ctx, const char *text);
    void *problem_ctx;           /**< passed to problem */
    arc_data_progress *progress; /**< may be NULL */
    void *progress_ctx;          /**< passed to progress */
} arc_data_verify_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_data_verify_options_default(arc_data_verify_options *opt);

/** What a check found. */
typedef struct arc_data_verdict {
    int64_t pictures;       /**< in all */
    int64_t good;           /**< without a problem */
    int64_t unreadable;     /**< no record, no file */
    int64_t undecodable;    /**< no picture in it */
    int64_t bad_labels;     /**< labels that are not an identity's number */
    int64_t changed;        /**< another checksum than written down */
    int64_t unlisted;       /**< no checksum written down, where there are checksums */
    int64_t duplicate_keys; /**< recordio: keys that stand twice */
    int64_t unindexed;      /**< recordio: records that the index lacks */
    int64_t damaged;        /**< recordio: places that are no record */
    int64_t bad_identities; /**< recordio: identity records that do not fit the pictures' labels */
    int64_t problems;       /**< all of the above */
    bool sums;              /**< there were checksums to compare */
} arc_data_verdict;

/** Checks a set. Problems are counted, not errors. `opt` may be NULL. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT (the set cannot be opened at all), ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_verify(arc_context *ctx, const char *set, const arc_data_verify_options *opt,
                                                 arc_data_verdict *out, arc_error *err);

/** Makes the .idx of a .rec anew from the file itself. *records: how many it has; *damaged: places passed over; *keys: where the
 * keys come from, "ids", "layout" or "order" (static storage); each may be NULL, as `progress`. Thread: any. Errors: ENOTFOUND,
 * EIO, EFORMAT, EINVAL (not a .rec), ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_repair(arc_context *ctx, const char *rec, arc_data_progress *progress,
                                                 void *progress_ctx, int64_t *records, int64_t *damaged, const char **keys,
                                                 arc_error *err);

/** Writes InsightFace's .bin from pictures and a list of pairs: LFW's pairs.txt over root/Name/Name_0001.jpg, or lines "picture
 * picture 0|1" with paths below root. Pictures are copied byte for byte and must decode; a missing one is an error that names it.
 * *pairs: how many; may be NULL, as `progress`. Thread: any. Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, ELIMIT, ECANCEL, EINVAL,
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_make_bin(arc_context *ctx, const char *root, const char *pairs_file, const char *path,
                                                   arc_data_progress *progress, void *progress_ctx, int64_t *pairs,
                                                   arc_error *err);

/** The same with random pairs of a data set, every other one of one person. Identities with one picture take part in pairs of two
 * people only. `progress` may be NULL. Thread: any. Errors: those of arc_data_make_bin. */
ARC_API ARC_NODISCARD arc_status arc_data_random_bin(arc_context *ctx, const char *set, int64_t pairs, uint64_t seed,
                                                     const char *path, arc_data_progress *progress, void *progress_ctx,
                                                     arc_error *err);

/** How the loader is timed. */
typedef struct arc_data_bench_options {
    size_t struct_size;  /**< set by arc_data_bench_options_default */
    int batch;           /**< pictures in a batch; default 64 */
    int size_px;         /**< side that pictures are brought to; default 112 */
    int threads;         /**< that decode ahead; 0: none; default 2 */
    const char *augment; /**< what is done to pictures: "flip" (default), "flip,dali", ... (docs/TRAINING.md) */
    double seconds;      /**< how long; default 3 */
} arc_data_bench_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_data_bench_options_default(arc_data_bench_options *opt);

/** *pictures_per_s: pictures a second that the loader alone makes ready for training; *replaced: pictures that could not be read,
 * in whose place another one stood; may be NULL. `opt` may be NULL. Thread: any, but the figure is true only when nothing else
 * runs.
 * Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, EINVAL (options), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_bench(arc_context *ctx, const char *set, const arc_data_bench_options *opt,
                                                double *pictures_per_s, int64_t *replaced, arc_error *err);

/** What is drawn. */
typedef struct arc_drawn_options {
    size_t struct_size; /**< set by arc_drawn_options_default */
    uint64_t seed;      /**< of the people; default 0 */
    int64_t identities; /**< how many; default 100 */
    /** The same seed with ranges that do not overlap gives different people; default 0 */
    int64_t first_identity;
    int images; /**< of each identity; default 20 */
    /** How much pictures of one person differ: 0 not at all, 1 (default) as in photos, at most 2 */
    float nuisance;
    int size_px;            /**< side; default 112 */
    int quality;            /**< of the JPEGs, 1 to 100; 0: PNG; default 95 */
    arc_data_layout layout; /**< default ARC_DATA_IDENTITIES; labels count from 0 in every layout */
    /** Also a verification set of so many pairs, half of one person each, of the next identities; default 0 */
    int64_t pairs;
    arc_data_progress *progress; /**< may be NULL */
    void *progress_ctx;          /**< passed to progress */
} arc_drawn_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_drawn_options_default(arc_drawn_options *opt);

/** Draws a data set into a folder: train.rec with .idx and property, or folders of pictures; with pairs also verification.bin. A
 * path that ends in .rec names that file, one in .bin makes the verification set alone, from the identities asked for. The same
 * options give the same bytes for any number of threads. `opt` may be NULL. Thread: any. Errors: EINVAL (options), EIO, ELIMIT,
 * ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_drawn(arc_context *ctx, const char *path, const arc_drawn_options *opt, arc_error *err);

/** One drawn face as an aligned RGB8 crop of size_px x size_px, and where its five landmarks are, landmark_px: [5][2] x, y, or
 * NULL.
 * Ownership: free with arc_image_free. Thread: any. Errors: EINVAL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_drawn_face(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance,
                                                int size_px, arc_image *out, float landmark_px[5][2], arc_error *err);

/** One drawn face as a photograph shows it: somewhere in an RGB8 picture of size_px x size_px, large or small, turned; *face is
 * what a perfect detector would find. Ownership: free with arc_image_free. Thread: any. Errors: EINVAL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_drawn_photo(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance,
                                                 int size_px, arc_image *out, arc_face *face, arc_error *err);

/** The text that `arcface data info` prints; json: one object on one line. set: its path. Ownership: free with arc_text_free.
 * Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_info_describe(arc_context *ctx, const char *set, const arc_data_info *info, bool json,
                                                        char **text, arc_error *err);
/** The text that `arcface data verify` prints; json: one object on one line. wrote_sums: the check wrote checksums. Ownership:
 * free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_verdict_describe(arc_context *ctx, const arc_data_verdict *verdict, bool wrote_sums,
                                                           bool json, char **text, arc_error *err);
/** The line that `arcface data pack` and the other copying commands print; json: one object. path: what was written. Ownership:
 * free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_counts_describe(arc_context *ctx, const char *path, const arc_data_counts *counts,
                                                          bool json, char **text, arc_error *err);
/** The text that `arcface bench data` prints; json: one line. opt: what arc_data_bench was given; may be NULL. Ownership: free
 * with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_data_bench_describe(arc_context *ctx, const arc_data_bench_options *opt,
                                                         double pictures_per_s, int64_t replaced, bool json, char **text,
                                                         arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
