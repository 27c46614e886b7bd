/* gallery/exchange: an import under way, which three files share: import.c reads the source and its head, import_people.c takes
 * over people and what belongs to them, import_values.c reads the values of an entry. Whatever is wrong ends the transaction. */
#ifndef ARC_GALLERY_IMPORT_H
#define ARC_GALLERY_IMPORT_H

#include "gallery/exchange/exchange.h"
#include "gallery/gallery_internal.h"

typedef struct arc_importing {
    arc_context *ctx;
    arc_gallery *g; /* NULL: what comes is only looked at */
    const char *path;
    const arc_gallery_exchange_options *opt;
    arc_exchange_source *source;
    arc_gallery_exchange_report report;
    int64_t person; /* whose templates come; 0: nobody's yet */
    bool merging;   /* the person was there: `have` are the person's embeddings */
    float *have;    /* [haves][dim] */
    size_t haves, have_room;
    int64_t total; /* templates, as the head has it; 0: it does not say */
    arc_buffer note, detail, binding;
} arc_importing;

/* ---- import_values.c ---- */

/* "PATH: WHAT; nothing of it was taken over". */
arc_status arc_import_refuse(const arc_importing *m, arc_status code, const char *what, arc_error *err);
/* The object that stands under a key, as text in `buffer`; "" if there is none. Errors: EINVAL, ELIMIT, ENOMEM. */
arc_status arc_import_text(const arc_importing *m, const json_t *about, const char *key, arc_buffer *buffer, const char **text,
                           arc_error *err);
/* Of a number between low and high, or NAN if there is none. Errors: ECORRUPT. */
arc_status arc_import_number(const arc_importing *m, const json_t *about, const char *key, double low, double high, double *out,
                             arc_error *err);
/* Milliseconds since 1970, up to the year 9999; now, if there is none. Errors: ECORRUPT. */
arc_status arc_import_time(const arc_importing *m, const json_t *about, const char *key, int64_t *out, arc_error *err);
/* The digest of a photo; *there false: there is none. Errors: ECORRUPT. */
arc_status arc_import_digest(const arc_importing *m, const json_t *about, uint8_t out[32], bool *there, arc_error *err);

/* ---- import_people.c: within a write transaction ---- */

arc_status arc_import_person(arc_importing *m, const arc_exchange_item *item, arc_error *err);
arc_status arc_import_template(arc_importing *m, const arc_exchange_item *item, arc_error *err);
arc_status arc_import_negative(arc_importing *m, const arc_exchange_item *item, arc_error *err);

#endif
