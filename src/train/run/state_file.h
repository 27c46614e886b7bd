/* train: the file of a training's state: a JSON text, then named arrays of floats, each with its checksum.
 *
 * Little-endian: "ARCSTATE", u32 version 1, u32 bytes of the JSON, the JSON, u32 CRC-32C of it all so far; then for each array u16 bytes of the
 * name, the name, u64 count, u32 CRC-32C of the data, and the data at the next multiple of 64; then u16 0, and u32 the number of
 * arrays. Written under another name, synced and renamed: a file that is there is whole. */
#ifndef ARC_TRAIN_RUN_STATE_FILE_H
#define ARC_TRAIN_RUN_STATE_FILE_H

#include "base/base.h"
#include "base/crc32c.h"

#define ARC_STATE_MAX_BYTES ((size_t)1 << 40)
#define ARC_STATE_MAX_ARRAYS 100000
#define ARC_STATE_MAX_TEXT ((size_t)1 << 22)

typedef struct arc_state_writer arc_state_writer;
arc_status arc_state_create(arc_state_writer **out, const arc_alloc *a, const char *path, const char *json, arc_error *err);
/* An array in one piece, or begun and then given in pieces whose checksum `crc` is known beforehand. */
arc_status arc_state_put(arc_state_writer *w, const char *name, const float *data, size_t count, arc_error *err);
arc_status arc_state_begin(arc_state_writer *w, const char *name, size_t count, uint32_t crc, arc_error *err);
arc_status arc_state_more(arc_state_writer *w, const float *data, size_t count, arc_error *err);
arc_status arc_state_commit(arc_state_writer **w, arc_error *err);
void arc_state_abort(arc_state_writer **w);

typedef struct arc_state_array {
    const char *name;
    const float *data; /* in the mapping */
    size_t count;
    uint32_t crc;
} arc_state_array;
typedef struct arc_state {
    arc_map map;
    arc_arena arena;
    arc_crc_table crc;
    const char *name;
    const char *json;
    size_t json_bytes;
    arc_state_array *array;
    size_t arrays;
} arc_state;
/* Maps and checks everything but the arrays' data. */
arc_status arc_state_open(arc_state *out, const arc_alloc *a, const char *path, arc_error *err);
arc_status arc_state_parse(arc_state *out, const arc_alloc *a, const void *bytes, size_t count, const char *name, arc_error *err);
void arc_state_close(arc_state *s);
/* Copies `count` floats from element `from` of an array that has `whole` of them; the first reading of an array (from == 0) checks it. */
arc_status arc_state_get(const arc_state *s, const char *name, size_t whole, size_t from, size_t count, float *out,
                         arc_error *err);
bool arc_state_has(const arc_state *s, const char *name);

#endif
