/* deploy/archive: NN Archives and blobs of OAK devices. archive.c is what they share, open.c reads a container into memory,
 * blob.c the compiled networks, config.c holds config.json against its schema, crossed.c against the network beside it,
 * describe.c tells all of that; nnarchive.c says what an export's config.json says, pack.c writes the container. Formats:
 * Luxonis' luxonis-ml (nn_archive) and depthai-core (nn_archive, openvino/BlobReader). */
#ifndef ARC_DEPLOY_ARCHIVE_H
#define ARC_DEPLOY_ARCHIVE_H

#include "deploy/deploy.h"
#include "deploy/findings.h"
#include <arcface/archive.h>
#include <jansson.h>

#define ARC_ARCHIVE_CONFIG "config.json"
#define ARC_ARCHIVE_MAX_MEMBERS 64
#define ARC_ARCHIVE_MAX_CONFIG_BYTES ((size_t)1 << 20)
#define ARC_ARCHIVE_MAX_BYTES ((size_t)4 << 30)
#define ARC_BLOB_MAX_TENSORS 64

typedef enum arc_container { ARC_CONTAINER_ARCHIVE, ARC_CONTAINER_BLOB, ARC_CONTAINER_SUPERBLOB } arc_container;

typedef struct arc_member {
    const char *name;
    int64_t bytes;
    bool file; /* no link, folder or device */
} arc_member;

typedef struct arc_blob_tensor {
    const char *name, *dtype; /* dtype: "float16", "uint8", ... or "?" */
    uint32_t order;           /* one axis a hexadecimal digit: 1 W, 2 H, 3 C, 4 N, 5 D */
    int rank;
    int64_t dim[ARC_MAX_RANK];
} arc_blob_tensor;

typedef struct arc_blob {
    uint32_t version[2], shaves, slices, stages;
    arc_blob_tensor *input, *output;
    int inputs, outputs;
} arc_blob;

#define ARC_SUPERBLOB_SHAVES 16
typedef struct arc_superblob {
    arc_blob base;
    uint64_t base_bytes, patch_bytes[ARC_SUPERBLOB_SHAVES]; /* patch i makes the blob of i + 1 shaves of the base; 0: none */
} arc_superblob;

typedef struct arc_archive {
    arc_arena arena;
    arc_map map;
    const char *path;
    arc_container container;
    const char *compression; /* "xz", "gzip", "bzip2", "none" */
    arc_member member[ARC_ARCHIVE_MAX_MEMBERS];
    int members;
    arc_buffer config, executable;
    const char *executable_name; /* as config.json says; NULL where it does not */
    json_t *json;                /* config.json; NULL where it is none */
    bool has_blob, has_superblob;
    arc_superblob blob; /* of a blob: its base alone */
    arc_graph *graph;   /* of an ONNX file inside; NULL otherwise */
    arc_findings found;
} arc_archive;

/* ---- archive.c ---- */

const arc_member *arc_archive_member(const arc_archive *a, const char *name);
/* serious: a reader refuses it or results are wrong. The texts are copied. */
void arc_archive_find(arc_archive *a, bool serious, const char *where, const char *fmt, ...) ARC_PRINTF(4, 5);
/* The string at `key` of an object; NULL where there is none. */
const char *arc_archive_text(const json_t *object, const char *key);
/* config.json's model.inputs and so on; NULL where it has none. */
json_t *arc_archive_list(const arc_archive *a, const char *key);

/* ---- open.c ---- */

/* On errors nothing is left open. */
arc_status arc_archive_open(arc_archive *out, const arc_alloc *a, const char *path, arc_error *err);
/* From memory that outlives it; `name` for sentences. */
arc_status arc_archive_parse(arc_archive *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                             arc_error *err);
void arc_archive_close(arc_archive *archive); /* idempotent */

/* ---- blob.c ---- */

bool arc_blob_is(const void *bytes, size_t count);
bool arc_superblob_is(const void *bytes, size_t count);
/* Errors: ECORRUPT, which names the offset; EUNSUPPORTED for blobs of RVC3; ELIMIT; ENOMEM. */
arc_status arc_blob_parse(arc_blob *out, arc_arena *arena, const void *bytes, size_t count, const char *name, arc_error *err);
arc_status arc_superblob_parse(arc_superblob *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                               arc_error *err);

/* ---- config.c, crossed.c ---- */

/* config.json by itself. */
void arc_archive_check_config(arc_archive *a);
/* The container, config.json, and config.json beside the network. Everything is added to a->found. */
void arc_archive_check(arc_archive *a);

/* ---- pack.c ---- */

typedef struct arc_pack_member {
    const char *name;
    const void *data;
    size_t bytes;
} arc_pack_member;
/* NAME.tar.xz, atomically; times, owners and order are fixed, so that the same members give the same bytes. */
arc_status arc_pack_save(const arc_alloc *a, const char *path, const arc_pack_member *member, int members, arc_error *err);
/* A zip whose members are stored as they are, likewise. */
arc_status arc_pack_zip(const arc_alloc *a, const char *path, const arc_pack_member *member, int members, arc_error *err);

#endif
