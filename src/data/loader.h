/* loader: batches of decoded pictures, made ahead by threads of its own while the network computes.
 *
 * Place p of epoch e is the same sample with the same augmentation for every number of threads and ranks: step s of a loader of `ranks` ranks
 * covers the places [s*ranks*batch, (s+1)*ranks*batch), rank r the r-th `batch` of them. So R ranks of batch B together see what one rank
 * of batch R*B sees. The places at the end of an epoch that fill no batch are left out, as arcface_torch does; another seed or epoch
 * leaves out others. A sample that cannot be read is replaced by another one, chosen by place, and counted. */
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
    bool in_order; /* the samples' own order, every epoch: for statistics over a whole set */
    arc_augment augment;
    int threads; /* that decode ahead; 0: arc_loader_next decodes on the caller */
    int ahead;   /* batches kept ready; 0 = 3 */
} arc_loader_options;
/* batch 64, 112 x 112, one rank, flip 0.5, 2 threads. */
void arc_loader_options_default(arc_loader_options *opt);

typedef struct arc_batch {
    const uint8_t *rgb;    /* [n, height, width, 3] */
    const int64_t *label;  /* [n] */
    const int64_t *record; /* [n] numbers of samples in the data set: arc_data_set_key names them */
    int n;
    int64_t epoch, step; /* step within the epoch */
} arc_batch;

/* The set must outlive the loader. Errors: EINVAL (options; a set smaller than a step of all ranks; fewer than two identities), ENOMEM. */
arc_status arc_loader_new(arc_loader **out, const arc_data_set *set, const arc_loader_options *opt, arc_error *err);
void arc_loader_free(arc_loader **loader); /* NULL-safe */

int64_t arc_loader_steps(const arc_loader *loader); /* in an epoch */

/* The next batch; it lives until the next call. Epochs follow each other without end. Errors: ECORRUPT when many samples in a row cannot be
 * read, ENOMEM. */
arc_status arc_loader_next(arc_loader *loader, arc_batch *batch, arc_error *err);
/* The next batch will be this one. step < arc_loader_steps. */
void arc_loader_seek(arc_loader *loader, int64_t epoch, int64_t step);

typedef struct arc_loader_figures {
    int64_t pictures;   /* decoded */
    int64_t replaced;   /* of samples that could not be read */
    uint64_t waited_ns; /* that arc_loader_next stood still for: 0 means that the loader is never the bottleneck */
} arc_loader_figures;
arc_loader_figures arc_loader_figures_get(arc_loader *loader);

#endif
