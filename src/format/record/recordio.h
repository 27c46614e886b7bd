/* recordio: DMLC RecordIO files of images (.rec) and their indexes (.idx), read and written as MXNet does.
 *
 * A record is one part, or several. A part: u32 magic, u32 head = kind (bits 31..29) and length (bits 28..0), the bytes, zeros up
 * to a multiple of 4; little-endian. Kind 0: the whole record; 1, 2, 3: its first, a middle and its last part, and between parts
 * four bytes equal to the magic belong to the payload: where the payload has them at a multiple of 4, the writer splits there.
 * There is no file header.
 *
 * The payload of an image: u32 labels, f32 label, u64 id, u64 id2, f32[labels], then the encoded picture. labels 0: the class is
 * `label`; else it is the first of the array.
 *
 * An index is lines of "key<TAB>offset". InsightFace's training sets: images have the keys 1..a-1, then come identity records
 * a..b-1 (no picture, labels [first key, last key + 1)), and key 0, last in the file, is the header: no picture, labels [a, b).
 * float32 is exact only up to 2^24, so that a and b of larger sets are a few off and the index has the last word. Sets in plain
 * sequence have images only. */
#ifndef ARC_FORMAT_RECORD_RECORDIO_H
#define ARC_FORMAT_RECORD_RECORDIO_H

#include "base/base.h"

#define ARC_RECORD_MAGIC 0xCED7230Au
#define ARC_RECORD_MAX_BYTES (((size_t)1 << 29) - 1) /* of a payload: 29 bits of length */
#define ARC_RECORD_MAX_COUNT ((size_t)1 << 31)       /* records in a file */
#define ARC_RECORD_FLOAT_EXACT (1u << 24)            /* first whole number whose successor is no float32 */

/* ---- recordio.c: reading ---- */

typedef struct arc_record {
    uint64_t offset, next_offset;
    const uint8_t *data; /* the payload: in the file, or in `joined` when it was split */
    size_t bytes;
} arc_record;

/* Reads the record that begins at `offset`. joined: initialised; its contents are replaced when the record has parts. Errors:
 * ECORRUPT with file name and offset; ENOMEM. */
arc_status arc_record_read(arc_record *out, const uint8_t *file, uint64_t file_bytes, uint64_t offset, arc_buffer *joined,
                           const char *name, arc_error *err);
/* Where the next whole record begins, at or after `offset`: its head is plausible and what follows it is another head or the end.
 * file_bytes when there is none. */
uint64_t arc_record_find(const uint8_t *file, uint64_t file_bytes, uint64_t offset);

typedef struct arc_image_record {
    uint32_t labels;
    float label; /* the class: label[0] when there is an array */
    uint64_t id, id2;
    const uint8_t *label_data; /* [labels] little-endian float32, unaligned */
    const uint8_t *image;
    size_t image_bytes; /* 0: a header or an identity record */
} arc_image_record;
/* The pointers go into `payload`. Errors: ECORRUPT. */
arc_status arc_image_record_parse(arc_image_record *out, const uint8_t *payload, size_t bytes, arc_error *err);
float arc_image_record_label(const arc_image_record *record, uint32_t index); /* index < labels */

/* ---- index.c ---- */

typedef struct arc_record_index {
    const arc_alloc *alloc;
    uint64_t *key, *offset; /* [count] in file order */
    size_t count;
} arc_record_index;
/* Errors: EFORMAT with file name and line; ELIMIT; ENOMEM. */
arc_status arc_record_index_parse(arc_record_index *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                                  arc_error *err);
arc_status arc_record_index_open(arc_record_index *out, const arc_alloc *a, const char *path, arc_error *err);
arc_status arc_record_index_save(const arc_record_index *index, const arc_alloc *a, const char *path, arc_error *err);
void arc_record_index_free(arc_record_index *index); /* idempotent */

typedef struct arc_record_scan {
    uint64_t damaged;                                        /* places where the file is no record */
    uint64_t damaged_bytes;                                  /* passed over there */
    const char *keys;                                        /* how keys were given: "ids", "layout" or "order" */
    int (*progress)(void *ctx, int64_t done, int64_t total); /* bytes; may be NULL; non-zero stops with ECANCEL */
    void *progress_ctx;
} arc_record_scan;
/* Makes an index by walking the file. Keys: the records' own ids when they are all different, else the positions, shifted by one
 * where the file ends with InsightFace's header. Damage is passed over and counted. */
arc_status arc_record_index_scan(arc_record_index *out, const arc_alloc *a, const uint8_t *file, uint64_t file_bytes,
                                 const char *name, arc_record_scan *scan, arc_error *err);

/* ---- writer.c ---- */

typedef struct arc_record_writer arc_record_writer;
/* Both files are atomic (arc_writer). idx_path may be NULL. */
arc_status arc_record_writer_open(arc_record_writer **out, const arc_alloc *a, const char *rec_path, const char *idx_path,
                                  arc_error *err);
/* One record: `head` gives labels (0: `label` alone), id and id2; label_array [labels] native floats. Errors: EIO, ENOMEM,
 * ELIMIT. */
arc_status arc_record_writer_put(arc_record_writer *w, uint64_t key, const arc_image_record *head, const float *label_array,
                                 const void *image, size_t image_bytes, arc_error *err);
uint64_t arc_record_writer_bytes(const arc_record_writer *w); /* written to the .rec so far */
arc_status arc_record_writer_commit(arc_record_writer **w, arc_error *err);
void arc_record_writer_abort(arc_record_writer **w); /* NULL-safe */

#endif
