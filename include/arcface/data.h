/* Training data: data sets of labelled faces made, packed, checked, repaired and taken apart; drawn faces for a start without photographs. */
#ifndef ARCFACE_DATA_H
#define ARCFACE_DATA_H

#include <arcface/context.h>
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

/* Drawn faces ----------------------------------------------------------------------------------------------------- */

typedef struct arc_synth_options {
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
} arc_synth_options;
ARC_API void arc_synth_options_default(arc_synth_options *opt);

/* Draws a data set into a folder: train.rec with .idx and property, or folders of pictures; with pairs also verification.bin. A path that ends
 * in .rec names that file, one in .bin makes the verification set alone, from the identities asked for. The same options give the same bytes for
 * any number of threads. Errors: EINVAL, EIO, ENOMEM, ECANCEL. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_data_synth(arc_context *ctx, const char *path, const arc_synth_options *opt, arc_error *err);

/* One drawn face as an aligned RGB crop of size_px x size_px, and where its five landmarks are (may be NULL).
 * Ownership: free with arc_image_free. Errors: EINVAL, ENOMEM. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_synth_face(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance,
                                                int size_px, arc_image *out, float landmark_px[5][2], arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
