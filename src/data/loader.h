/* data: the loader: batches of decoded pictures, prepared by its own threads while the network computes.
 *
 * Place p of epoch e has the same sample with the same augmentation for any number of threads and ranks. Step s of a loader
 * for `ranks` ranks covers the places [s*ranks*batch, (s+1)*ranks*batch), and rank r gets the r-th `batch` of them. So R ranks
 * with batch B together see what one rank with batch R*B sees. Places at the end of an epoch that fill no batch are left out,
 * as in arcface_torch; which samples these are differs by seed and epoch. An unreadable sample is replaced by another one,
 * chosen by its place, and counted. augment.h and sampler.h have the two other parts. */
#ifndef ARC_DATA_LOADER_H
#define ARC_DATA_LOADER_H

#include "data/augment.h"
#include "data/set.h"

typedef struct arc_loader arc_loader; /* one thread at a time */

typedef struct arc_loader_options {
    int batch; /* pictures of this rank in one step */
    int height_px, width_px;
    uint64_t seed;
    int rank, ranks;
    bool in_order; /* the samples in their own order in every epoch: for statistics over a whole set */
    arc_augment augment;
    int threads; /* threads that decode ahead; 0: arc_loader_next decodes in the caller's thread */
    int ahead;   /* batches that are prepared ahead; 0 = 3 */
} arc_loader_options;
/* batch 64, 112 x 112, one rank, flip 0.5, 2 threads. */
void arc_loader_options_default(arc_loader_options *opt);

typedef struct arc_batch {
    const uint8_t *rgb;    /* [n, height, width, 3] */
    const int64_t *label;  /* [n] */
    const int64_t *record; /* [n] indices of samples in the data set; arc_data_set_key names them */
    int n;
    int64_t epoch, step; /* step within the epoch */
} arc_batch;

/* The set must outlive the loader. Errors: EINVAL (options; a set smaller than one step of all ranks; fewer than two
 * identities), ENOMEM. */
arc_status arc_loader_new(arc_loader **out, const arc_data_set *set, const arc_loader_options *opt, arc_error *err);
void arc_loader_free(arc_loader **loader); /* NULL-safe */

int64_t arc_loader_steps(const arc_loader *loader); /* steps of an epoch */

/* The next batch, valid until the next call. Epochs follow each other endlessly. Errors: ECORRUPT if many consecutive samples
 * are unreadable, ENOMEM. */
arc_status arc_loader_next(arc_loader *loader, arc_batch *batch, arc_error *err);
/* Makes this the next batch. step < arc_loader_steps. */
void arc_loader_seek(arc_loader *loader, int64_t epoch, int64_t step);

typedef struct arc_loader_figures {
    int64_t pictures;   /* decoded */
    int64_t replaced;   /* samples that were unreadable and replaced */
    uint64_t waited_ns; /* time that arc_loader_next waited; 0: the loader is never the bottleneck */
} arc_loader_figures;
arc_loader_figures arc_loader_figures_get(arc_loader *loader);

#endif
