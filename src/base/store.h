/* base: a store: a file of one text and named arrays, each with a checksum, for the state of a training and other numbers. It
 * is written completely or not at all (file.h) and read from a mapping, so an array takes no memory until it is read. Several
 * writers need a lock (lock.h).
 *
 * Little-endian: 8 bytes that name the kind, u32 its version, u32 length of the text, the text (JSON by convention), u32
 * CRC-32C of all that; then for each array u16 length of the name, the name, u64 count, u32 CRC-32C of the data, and `count`
 * numbers of 4 bytes (float32 or int32, by convention of the name) at the next multiple of 64; then u16 0, and u32 the number
 * of arrays.
 *
 * The file may contain anything: every length is compared with the file's end. A damaged byte is found when the file is opened
 * or the array is read; only in the padding before an array's data it has no effect. */
#ifndef ARC_BASE_STORE_H
#define ARC_BASE_STORE_H

#include "base/crc32c.h"
#include "base/file.h"

#define ARC_STORE_MAX_BYTES ((size_t)1 << 40)
#define ARC_STORE_MAX_ARRAYS 100000
#define ARC_STORE_MAX_NAME 512
#define ARC_STORE_MAX_TEXT ((size_t)1 << 22)

/* What a kind of store is for, in its first bytes and in error texts. */
typedef struct arc_store_kind {
    char magic[9];
    uint32_t version;
    const char *what;     /* "the state of a training" */
    const char *advice;   /* if it is damaged: "use an older checkpoint" */
    const char *mismatch; /* if an array is missing or has another length: "it belongs to another network" */
} arc_store_kind;

/* ---- writing ---- */

typedef struct arc_store_writer arc_store_writer;
/* Errors: those of arc_writer_open; ELIMIT: the text is too long to be read again. */
arc_status arc_store_create(arc_store_writer **out, const arc_alloc *a, const arc_store_kind *kind, const char *path,
                            const char *text, arc_error *err);
/* An array in one piece; or begun and then given in pieces, `count` numbers in total, with a checksum `crc` that is known
 * beforehand. ELIMIT: more arrays, or a longer name, than can be read again. */
arc_status arc_store_put(arc_store_writer *w, const char *name, const void *data, size_t count, arc_error *err);
arc_status arc_store_begin(arc_store_writer *w, const char *name, size_t count, uint32_t crc, arc_error *err);
arc_status arc_store_more(arc_store_writer *w, const void *data, size_t count, arc_error *err);
arc_status arc_store_commit(arc_store_writer **w, arc_error *err); /* as arc_writer_commit */
void arc_store_abort(arc_store_writer **w);

/* ---- reading ---- */

typedef struct arc_store_array {
    const char *name;
    const void *data; /* in the mapping, unchecked */
    size_t count;
    uint32_t crc;
} arc_store_array;
typedef struct arc_store_file {
    const arc_store_kind *kind;
    arc_map map;
    arc_arena arena;
    arc_crc_table crc;
    const char *name; /* of the file, for error texts */
    const char *text; /* not terminated */
    size_t text_bytes;
    arc_store_array *array;
    size_t arrays;
} arc_store_file;
/* Maps the file and checks everything except the data of arrays. Errors: EFORMAT (another kind), EUNSUPPORTED (another
 * version), ECORRUPT, and those of arc_map_open. Nothing needs to be freed after a failure. */
arc_status arc_store_open(arc_store_file *out, const arc_alloc *a, const arc_store_kind *kind, const char *path, arc_error *err);
/* The same from memory, aligned to 4, which must outlive it. */
arc_status arc_store_parse(arc_store_file *out, const arc_alloc *a, const arc_store_kind *kind, const void *bytes, size_t count,
                           const char *name, arc_error *err);
void arc_store_close(arc_store_file *s); /* idempotent */
/* Copies `count` numbers, from number `from` on, of an array that must have `whole` numbers; a call with from == 0 checks the
 * array. Errors: EFORMAT: no array has that name; ESHAPE: it has another length; ECORRUPT. */
arc_status arc_store_get(const arc_store_file *s, const char *name, size_t whole, size_t from, size_t count, void *out,
                         arc_error *err);
bool arc_store_has(const arc_store_file *s, const char *name);

#endif
