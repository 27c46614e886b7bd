/* gallery/remote: a gallery behind another `arcface serve`, which searches it. It is looked at and searched, never changed. */
#ifndef ARC_GALLERY_REMOTE_REMOTE_H
#define ARC_GALLERY_REMOTE_REMOTE_H

#include "gallery/binding.h"
#include <arcface/gallery_search.h>

typedef struct arc_remote arc_remote;

bool arc_remote_is(const char *location); /* "http://HOST:PORT" or "https://..." */

/* Asks nothing yet. The environment's ARCFACE_SERVER_KEY goes along as API key. Errors: EINVAL (the address), EMISSING (this
 * build has no network), ENETWORK, ENOMEM. */
arc_status arc_remote_open(arc_context *ctx, const char *location, arc_remote **out, arc_error *err);
void arc_remote_close(arc_remote **remote);
const char *arc_remote_label(const arc_remote *remote); /* its address, for sentences */

/* What the gallery is now. binding->dim 0: nobody is in it. *comparisons: that one search makes. Thread: any. Errors: ENETWORK
 * (out of reach, busy), EINVAL (the key), EUNSUPPORTED (no gallery, another kind of server), ECORRUPT (what it says makes no
 * sense). */
arc_status arc_remote_look(arc_remote *remote, arc_binding *binding, int64_t *comparisons, arc_error *err);

/* As arc_gallery_identify; of the query top, threshold and fpir. probes: [count][binding->dim], binding: as it was looked at. The
 * server gives cosines with all their digits, so that the answers are those of a gallery in this process. Thread: any. Errors:
 * those of arc_remote_look, EIO (it moved to another model since). */
arc_status arc_remote_identify(arc_remote *remote, const float *probes, int count, const arc_binding *binding,
                               const arc_gallery_query *query, arc_answer *answers, arc_error *err);

#endif
