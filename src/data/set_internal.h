/* data: what the kinds of data sets share. */
#ifndef ARC_DATA_SET_INTERNAL_H
#define ARC_DATA_SET_INTERNAL_H

#include "data/set.h"

#define ARC_DATA_MAX_SAMPLES ((size_t)1 << 31)
#define ARC_DATA_MAX_IDENTITIES 100000000
#define ARC_DATA_MAX_PICTURE_BYTES ((size_t)1 << 29)

typedef struct arc_data_kind {
    arc_status (*read)(const arc_data_set *set, int64_t sample, arc_data_item *out, arc_error *err);
    arc_status (*label)(const arc_data_set *set, int64_t sample, int64_t *label, arc_error *err);
    void (*key)(const arc_data_set *set, int64_t sample, char *text, size_t bytes);
} arc_data_kind;

/* One sample of a RecordIO file. */
typedef struct arc_data_place {
    uint64_t key, offset;
} arc_data_place;
/* One picture file. */
typedef struct arc_data_file {
    const char *path; /* below `root` */
    int64_t label;
} arc_data_file;

struct arc_data_set {
    const arc_context *ctx;
    const arc_alloc *alloc;
    const arc_data_kind *kind;
    arc_arena arena;
    const char *path, *root; /* root: the folder that paths of files are relative to */
    arc_data_notes notes;
    int64_t samples, identities;
    arc_map map;           /* recordio */
    arc_data_place *place; /* recordio: [samples] */
    arc_data_file *file;   /* others: [samples] */
    size_t file_capacity;
};

arc_status arc_data_set_open_rec(arc_data_set *set, arc_error *err);
arc_status arc_data_set_open_folder(arc_data_set *set, arc_error *err);
arc_status arc_data_set_open_list(arc_data_set *set, arc_error *err);

/* label.c: a label that a file stores as float32 must be an integer from 0 to identities-1. */
arc_status arc_data_label_check(double value, int64_t identities, int64_t *label, arc_error *err);

#endif
