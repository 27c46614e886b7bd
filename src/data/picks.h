/* data: picks: chosen samples of open data sets with their new labels, and the code that copies them. Cleaning, merging,
 * splitting and packing each make picks and write them. */
#ifndef ARC_DATA_PICKS_H
#define ARC_DATA_PICKS_H

#include "data/set.h"
#include <arcface/data.h>

typedef struct arc_data_pick {
    int64_t sample, label;
    int32_t set;
} arc_data_pick;

typedef struct arc_data_picks {
    const arc_alloc *alloc;
    arc_data_pick *at;
    size_t count, capacity;
} arc_data_picks;
void arc_data_picks_init(arc_data_picks *p, const arc_alloc *a);
arc_status arc_data_picks_add(arc_data_picks *p, int32_t set, int64_t sample, int64_t label, arc_error *err);
void arc_data_picks_free(arc_data_picks *p); /* idempotent */

/* Adds every sample of a set, with `offset` added to its label. Unreadable ones are counted in `counts`. Errors: ENOMEM. */
arc_status arc_data_picks_add_set(arc_data_picks *p, const arc_data_set *set, int32_t number, int64_t offset,
                                  arc_data_counts *counts, arc_error *err);
/* Sorts by label, then set, then sample. */
void arc_data_picks_sort(arc_data_picks *p);
/* For sorted picks: removes identities with fewer than min_images pictures and numbers the others 0, 1, 2 ...; returns how
 * many were removed. */
int64_t arc_data_picks_renumber(arc_data_picks *p, int min_images);
void arc_data_picks_shuffle(arc_data_picks *p, uint64_t seed);

/* Writes the picks in their order (sorted for ARC_DATA_IDENTITIES). Pictures that can't be read are skipped. Adds to `counts`. */
arc_status arc_data_picks_write(const arc_data_picks *p, const arc_context *ctx, arc_data_set *const *sets, const char *path,
                                const arc_data_copy_options *opt, arc_data_counts *counts, arc_error *err);

/* Records a sample that could not be read. */
void arc_data_skip(arc_data_counts *counts, const arc_data_set *set, int64_t sample, const arc_error *why);

#endif
