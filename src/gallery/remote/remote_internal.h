/* gallery/remote: what its files share. */
#ifndef ARC_GALLERY_REMOTE_INTERNAL_H
#define ARC_GALLERY_REMOTE_INTERNAL_H

#include "gallery/remote/remote.h"
#include <jansson.h>

#define ARC_REMOTE_PROBES 64 /* in a request */

/* One request; tail: behind the server's address. body: taken over, NULL: none. *reply: a new reference, an object. Errors:
 * ENETWORK, EINVAL (the key), ELIMIT, ECORRUPT (no JSON object), EUNSUPPORTED (no such address). */
arc_status arc_remote_call(arc_remote *remote, const char *tail, json_t *body, json_t **reply, arc_error *err);
bool arc_remote_put_json(arc_buffer *out, const json_t *value); /* false: no value, or no memory */
arc_context *arc_remote_context(const arc_remote *remote);

/* An element of "results" as an answer. Errors: ECORRUPT, ENOMEM. */
arc_status arc_remote_read_answer(const arc_remote *remote, const json_t *row, int top, arc_answer *out, arc_error *err);

#endif
