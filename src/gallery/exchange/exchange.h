/* gallery/exchange: a gallery as a sequence of items, written to a sink or read from a source: first the head, then each person
 * followed by the person's templates and negatives, then the end. Two forms of sinks and sources are behind these tables: a
 * sealed file (sealed_write.c, sealed_read.c) and a folder (folder_write.c, folder_read.c). */
#ifndef ARC_GALLERY_EXCHANGE_INTERNAL_H
#define ARC_GALLERY_EXCHANGE_INTERNAL_H

#include "base/base.h"
#include <arcface/gallery_exchange.h>
#include <jansson.h>

#define ARC_EXCHANGE_MAX_DIM 4096
#define ARC_EXCHANGE_ABOUT_BYTES ((size_t)1 << 20) /* most of an item's JSON */

typedef enum arc_exchange_kind {
    ARC_EXCHANGE_HEAD = 1,
    ARC_EXCHANGE_PERSON = 2,
    ARC_EXCHANGE_TEMPLATE = 3,
    ARC_EXCHANGE_NEGATIVE = 4,
    ARC_EXCHANGE_END = 5
} arc_exchange_kind;

typedef struct arc_exchange_item {
    arc_exchange_kind kind;
    json_t *about;          /* an object, as export.c makes it; none at the end */
    const float *embedding; /* [dim], of templates and negatives */
    int dim;
    arc_bytes crop; /* a picture file, of templates that have one */
} arc_exchange_item;

/* Whoever has one begins with this. */
typedef struct arc_exchange_sink {
    arc_status (*put)(struct arc_exchange_sink *sink, const arc_exchange_item *item, arc_error *err);
    /* Makes it last if st is OK (the end was put), else takes it back; frees the sink. */
    arc_status (*finish)(struct arc_exchange_sink *sink, arc_status st, arc_error *err);
} arc_exchange_sink;

typedef struct arc_exchange_source {
    /* The item is good until the next call. After the end there is no further call. What comes is checked for form (kinds in
     * their order, an embedding where there has to be one), not for sense. */
    arc_status (*next)(struct arc_exchange_source *source, arc_exchange_item *item, arc_error *err);
    void (*close)(struct arc_exchange_source *source);
} arc_exchange_source;

/* json.c: appended, in the shortest form. Errors: ENOMEM, ELIMIT. */
arc_status arc_exchange_put_json(const json_t *json, arc_buffer *out);

/* key: [ARC_PROTECT_KEY_BYTES]. *out is NULL after a failure. */
arc_status arc_exchange_sealed_write(arc_context *ctx, const char *path, const uint8_t *key, arc_exchange_sink **out,
                                     arc_error *err);
arc_status arc_exchange_folder_write(arc_context *ctx, const char *path, arc_exchange_sink **out, arc_error *err);
arc_status arc_exchange_sealed_read(arc_context *ctx, const char *path, const uint8_t *key, arc_exchange_source **out,
                                    arc_error *err);
arc_status arc_exchange_folder_read(arc_context *ctx, const char *path, arc_exchange_source **out, arc_error *err);
/* From memory, which must outlive the source; `name` for error texts. */
arc_status arc_exchange_sealed_parse(arc_context *ctx, arc_bytes bytes, const char *name, const uint8_t *key,
                                     arc_exchange_source **out, arc_error *err);

#endif
