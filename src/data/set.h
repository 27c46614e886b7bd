/* data: data sets: labelled pictures of faces from RecordIO files, folders and lists, behind one interface. Pictures stay
 * encoded; nothing is decoded here (loader.h does that).
 *
 * PATH is one of
 *   set.rec (or set.idx)   RecordIO with its index beside it; without an index the file is scanned once
 *   folder/                with train.rec, or with a folder of pictures for each identity
 *   set.lst, set.txt       lines of im2rec ("index<TAB>label...<TAB>path"), of old InsightFace lists
 *   ("aligned<TAB>path<TAB>label..."), or
 *                          "path label"; paths are relative to the list
 * Identities of a folder are numbered in the byte order of their names, as in torchvision's ImageFolder. */
#ifndef ARC_DATA_SET_H
#define ARC_DATA_SET_H

#include "base/base.h"

typedef struct arc_data_set arc_data_set; /* read-only once open: any number of threads */

/* What was noticed while opening a set. */
typedef struct arc_data_notes {
    bool scanned;        /* no index: the file was scanned */
    uint64_t damaged;    /* damaged places that the scan skipped */
    uint64_t duplicates; /* keys that occur in the index more than once; the last one is used */
    uint64_t empty_folders;
    uint64_t ignored_files;      /* files in folders whose names are not those of pictures */
    int64_t property_identities; /* the number in the file `property`; -1 without one */
    const char *kind;            /* "recordio" "folder" "list" */
    const char *layout;          /* recordio: "identities" (InsightFace's header and identity records) or "sequence" */
} arc_data_notes;

/* Errors: ENOTFOUND, EFORMAT, ECORRUPT (the index belongs to another file), ELIMIT, ENOMEM. `ctx` must outlive the set. */
arc_status arc_data_set_open(arc_data_set **out, const arc_context *ctx, const char *path, arc_error *err);
void arc_data_set_close(arc_data_set **set); /* NULL-safe */

const arc_context *arc_data_set_context(const arc_data_set *set);
const char *arc_data_set_path(const arc_data_set *set); /* the .rec, folder or list that was opened */
const arc_data_notes *arc_data_set_notes(const arc_data_set *set);
size_t
arc_data_set_mapped_bytes(const arc_data_set *set); /* of a .rec: what of it was read may stay in memory; 0 for other kinds */
int64_t arc_data_set_samples(const arc_data_set *set);
int64_t arc_data_set_identities(const arc_data_set *set); /* labels are 0 .. identities-1; some may have no sample */

/* The label of a sample. Errors: ECORRUPT for an unreadable record or a label that is not an integer from 0 to identities-1. */
arc_status arc_data_set_label(const arc_data_set *set, int64_t sample, int64_t *label, arc_error *err);
/* The name of a sample for people: the record's key, or the path. Truncated to fit. */
void arc_data_set_key(const arc_data_set *set, int64_t sample, char *text, size_t bytes);
/* The sample's position in a RecordIO file; false for other kinds. */
bool arc_data_set_record(const arc_data_set *set, int64_t sample, uint64_t *key, uint64_t *offset);

/* An encoded picture and its label. bytes lie in the mapped file or in memory of the item, so release it. On failure *out is
 * empty. */
typedef struct arc_data_item {
    const uint8_t *bytes;
    size_t count;
    int64_t label;
    arc_map map;       /* of a picture file */
    arc_buffer joined; /* of a record that was split */
} arc_data_item;
arc_status arc_data_set_read(const arc_data_set *set, int64_t sample, arc_data_item *out, arc_error *err);
void arc_data_item_release(arc_data_item *item); /* idempotent */

#endif
