/* Training data: data sets of labelled faces made, packed, checked, repaired and taken apart; drawn faces for a start without photographs. */
#ifndef ARCFACE_DATA_H
#define ARCFACE_DATA_H

#include <arcface/context.h>
#include <arcface/face.h>
#include <arcface/image.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a data set is written. */
typedef enum arc_data_layout {
    ARC_DATA_IDENTITIES, /* RecordIO as InsightFace ships MS1MV3: pictures 1..n by identity, identity records, a header (key 0) */
    ARC_DATA_SEQUENCE,   /* RecordIO as im2rec writes it: pictures 0..n-1 */
    ARC_DATA_FOLDER,     /* a folder of pictures for each identity */
} arc_data_layout;

/* Called with what is done of how much; anything but 0 stops with ARC_ECANCEL. */
typedef int arc_data_progress(void *ctx, int64_t done, int64_t total);

/* Copying data sets ------------------------------------------------------------------------------------------------ */

/* A SET is a .rec (or its .idx), a folder that holds train.rec, a folder of pictures for each identity, or a list (.lst, .txt). */

typedef struct arc_data_copy_options {
    size_t struct_size;
    arc_data_layout layout;
    int size_px;      /* 0 (default): pictures are copied byte for byte; else cut square, scaled to this side and encoded again */
    int quality;      /* of JPEGs encoded again; 0: PNG. Default 95 */
    int min_images;   /* identities with fewer are left out and the others numbered anew; default 1 */
    bool same_labels; /* several sets: a label means the same person in all of them; else the next set's labels follow */
    bool shuffle;     /* ARC_DATA_SEQUENCE: pictures in random order, for readers that only read on */
    uint64_t seed;    /* of shuffling and splitting */
    arc_data_progress *progress;
    void *progress_ctx;
} arc_data_copy_options;
ARC_API void arc_data_copy_options_default(arc_data_copy_options *opt);

typedef struct arc_data_counts {
    int64_t pictures, identities;             /* written */
    int64_t bytes;                            /* of pictures */
    int64_t skipped;                          /* could not be read */
    int64_t left_out;                         /* on purpose */
    char first_problem[ARC_ERROR_TEXT_BYTES]; /* why the first of the skipped was */
} arc_data_counts;

/* Copies one or several sets to `path` (a .rec, or a folder for train.rec or for folders of pictures), ordered by identity. Pictures that can't be
 * read are skipped and counted. counts may be NULL. Errors: those of reading and writing; EINVAL when nothing is left. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_data_copy(arc_context *ctx, const char *const *sets, int count, const char *path,
                                               const arc_data_copy_options *opt, arc_data_counts *counts, arc_error *err);
/* Splits a set by `shares` [parts] (their sum is taken as the whole) into path/part-1, path/part-2, ...; by whole identities, which are numbered
 * anew in each part, or by_image: pictures of every identity, labels kept. counts: [parts] or NULL. */
ARC_API ARC_NODISCARD arc_status arc_data_split(arc_context *ctx, const char *set, const char *path, const double *shares,
                                                int parts, bool by_image, const arc_data_copy_options *opt,
                                                arc_data_counts *counts, arc_error *err);

typedef struct arc_data_dedup_options {
    size_t struct_size;
    int near_bits; /* pictures whose 256-bit perceptual hashes differ in at most so many bits are the same; -1: only equal bytes. Default 6 */
    bool drop_conflicts; /* the same picture under several identities: drop all of them (default: they stay and are counted) */
    const char *list;    /* a file for what was found: kind, key, label, key and label of the first; NULL = none */
    arc_data_copy_options copy;
} arc_data_dedup_options;
ARC_API void arc_data_dedup_options_default(arc_data_dedup_options *opt);
typedef struct arc_data_duplicates {
    int64_t exact, near; /* pictures that repeat another one of their identity: dropped */
    int64_t conflicts;   /* pictures that stand under several identities */
    int64_t unreadable;
} arc_data_duplicates;
/* Copies a set without its repeated pictures. path NULL: only looks. */
ARC_API ARC_NODISCARD arc_status arc_data_dedup(arc_context *ctx, const char *set, const char *path,
                                                const arc_data_dedup_options *opt, arc_data_duplicates *found,
                                                arc_data_counts *counts, arc_error *err);

/* Looking at data sets ---------------------------------------------------------------------------------------------- */

typedef struct arc_data_info {
    const char *kind, *layout;            /* "recordio" "folder" "list"; recordio: "identities" or "sequence" */
    int64_t pictures, identities, used;   /* used: identities with a picture */
    int64_t least, median, most, singles; /* pictures of a used identity; identities with one */
    int64_t bytes;                        /* of pictures */
    int64_t unreadable, bad_labels, duplicate_keys, damaged, empty_folders, ignored_files;
    int64_t property_identities; /* -1 without a property file */
    bool indexed;                /* recordio: an .idx is there */
    int width_px, height_px;     /* of the first picture that decodes; 0 = none */
} arc_data_info;
/* Reads every label, decodes one picture. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_data_info_get(arc_context *ctx, const char *set, arc_data_progress *progress,
                                                   void *progress_ctx, arc_data_info *out, arc_error *err);
/* A picture of rows x columns: random identities, a row each, with their labels. */
ARC_API ARC_NODISCARD arc_status arc_data_sheet(arc_context *ctx, const char *set, int rows, int columns, uint64_t seed,
                                                const char *path, arc_error *err);

typedef struct arc_data_verify_options {
    size_t struct_size;
    bool decode;     /* decode every picture; default true */
    bool write_sums; /* write SET.sums: a checksum of every picture; else they are compared when that file is there */
    void (*problem)(void *ctx, const char *text); /* called for each problem, from the calling thread; may be NULL */
    void *problem_ctx;
    arc_data_progress *progress;
    void *progress_ctx;
} arc_data_verify_options;
ARC_API void arc_data_verify_options_default(arc_data_verify_options *opt);
typedef struct arc_data_verdict {
    int64_t pictures, good;
    int64_t unreadable;  /* no record, no file */
    int64_t undecodable; /* no picture in it */
    int64_t bad_labels;
    int64_t changed;  /* another checksum than written down */
    int64_t unlisted; /* no checksum written down, where there are checksums */
    int64_t duplicate_keys, unindexed,
        damaged;            /* recordio: keys twice; records that the index lacks; places that are no record */
    int64_t bad_identities; /* recordio: identity records that do not fit the pictures' labels */
    int64_t problems;       /* all of the above */
    bool sums;              /* there were checksums to compare */
} arc_data_verdict;
/* Problems are counted, not errors. Errors: the set can't be opened at all; ENOMEM; EIO. */
ARC_API ARC_NODISCARD arc_status arc_data_verify(arc_context *ctx, const char *set, const arc_data_verify_options *opt,
                                                 arc_data_verdict *out, arc_error *err);

/* Makes the .idx of a .rec anew from the file itself. *records, *damaged (places passed over) and *keys ("ids", "layout" or "order": where the
 * keys come from) may be NULL. */
ARC_API ARC_NODISCARD arc_status arc_data_repair(arc_context *ctx, const char *rec, arc_data_progress *progress,
                                                 void *progress_ctx, int64_t *records, int64_t *damaged, const char **keys,
                                                 arc_error *err);

/* Verification sets ------------------------------------------------------------------------------------------------- */

/* Writes InsightFace's .bin from pictures and a list of pairs: LFW's pairs.txt over root/Name/Name_0001.jpg, or lines "picture picture 0|1" with
 * paths below root. Pictures are copied byte for byte and must decode; a missing one is an error that names it. *pairs may be NULL. */
ARC_API ARC_NODISCARD arc_status arc_data_make_bin(arc_context *ctx, const char *root, const char *pairs_file, const char *path,
                                                   arc_data_progress *progress, void *progress_ctx, int64_t *pairs,
                                                   arc_error *err);
/* The same with random pairs of a data set, every other one of one person. Identities with one picture take part in pairs of two people only. */
ARC_API ARC_NODISCARD arc_status arc_data_random_bin(arc_context *ctx, const char *set, int64_t pairs, uint64_t seed,
                                                     const char *path, arc_data_progress *progress, void *progress_ctx,
                                                     arc_error *err);

/* Feeding a network ------------------------------------------------------------------------------------------------- */

typedef struct arc_data_bench_options {
    size_t struct_size;
    int batch, size_px, threads; /* default 64, 112, 2; threads 0: no decoding ahead */
    const char *augment;         /* "flip" (default), "flip,dali", ... */
    double seconds;              /* default 3 */
} arc_data_bench_options;
ARC_API void arc_data_bench_options_default(arc_data_bench_options *opt);
/* Pictures a second that the loader makes ready for training, alone. Errors: as opening; EINVAL for the options. */
ARC_API ARC_NODISCARD arc_status arc_data_bench(arc_context *ctx, const char *set, const arc_data_bench_options *opt,
                                                double *pictures_per_s, int64_t *replaced, arc_error *err);

/* Drawn faces ----------------------------------------------------------------------------------------------------- */

typedef struct arc_drawn_options {
    size_t struct_size;
    uint64_t seed;
    int64_t identities;     /* default 100 */
    int64_t first_identity; /* the same seed with ranges that don't overlap gives people who don't overlap; default 0 */
    int images;             /* of each identity; default 20 */
    float nuisance;         /* how much pictures of one person differ: 0 not at all, 1 (default) as in the wild, at most 2 */
    int size_px;            /* default 112 */
    int quality;            /* of the JPEGs; 0: PNG. Default 95 */
    arc_data_layout layout; /* labels count from 0 in every layout */
    int64_t pairs; /* also a verification set of so many pairs (half of one person each), of identities that follow; default 0 */
    arc_data_progress *progress;
    void *progress_ctx;
} arc_drawn_options;
ARC_API void arc_drawn_options_default(arc_drawn_options *opt);

/* Draws a data set into a folder: train.rec with .idx and property, or folders of pictures; with pairs also verification.bin. A path that ends
 * in .rec names that file, one in .bin makes the verification set alone, from the identities asked for. The same options give the same bytes for
 * any number of threads. Errors: EINVAL, EIO, ENOMEM, ECANCEL. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_data_drawn(arc_context *ctx, const char *path, const arc_drawn_options *opt, arc_error *err);

/* One drawn face as an aligned RGB crop of size_px x size_px, and where its five landmarks are (may be NULL).
 * Ownership: free with arc_image_free. Errors: EINVAL, ENOMEM. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_drawn_face(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance,
                                                int size_px, arc_image *out, float landmark_px[5][2], arc_error *err);

/* One drawn face as a photograph shows it: somewhere in a picture of size_px x size_px, large or small, turned; *face is what a perfect detector
 * would find. Ownership and errors as arc_drawn_face. */
ARC_API ARC_NODISCARD arc_status arc_drawn_photo(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance,
                                                 int size_px, arc_image *out, arc_face *face, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
