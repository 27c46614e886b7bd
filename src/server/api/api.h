/* server/api: what the handlers of /v1 share: photos in requests, faces in answers, ids, the gallery. Functions that give a bool
 * have failed the response when it is false. */
#ifndef ARC_SERVER_API_API_H
#define ARC_SERVER_API_API_H

#include "server/server.h"
#include <arcface/gallery_search.h>

/* ---- photos.c ---- */

/* A photo of a request. */
typedef struct arc_api_photo {
    arc_photo photo;
    uint8_t *decoded; /* what base64 stood for; NULL: the photo lies in the request's body */
} arc_api_photo;

/* The photo of this name: a part of multipart/form-data, base64 in a field of a JSON object, or, where `whole` is set, the body
 * itself. */
bool arc_api_photo_get(const struct arc_server *server, arc_http_request *request, arc_http_response *response, const char *name,
                       bool whole, arc_api_photo *out);
void arc_api_photo_free(const struct arc_server *server, arc_api_photo *photo);

/* The micro-batcher works on them; false also when a photo failed. Results are freed with arc_api_done. */
bool arc_api_work(struct arc_server *server, arc_http_request *request, arc_http_response *response, arc_work_item *items,
                  int count);
void arc_api_done(const struct arc_server *server, arc_work_item *items, int count);
/* Both in one for the one photo of a request. */
bool arc_api_photo_work(struct arc_server *server, arc_http_request *request, arc_http_response *response, arc_work_item *item);
bool arc_api_needs_face(arc_http_response *response, const arc_result *photo, const char *name);

/* ---- json.c ---- */

/* "width": ..., "height": ..., "faces_found": ... */
void arc_api_put_photo(arc_text *t, const arc_result *photo);
/* "box": ..., "score": ..., "landmarks": ..., "norm": ..., "quality": ... */
void arc_api_put_face(arc_text *t, const arc_result_face *face, arc_face_origin from);
void arc_api_put_embedding(arc_text *t, const float *embedding, int dim); /* "embedding": [...] of length 1 */
void arc_api_put_real(arc_text *t, const char *name, double value);       /* , "name": value; nothing if it is not finite */
/* "known": ..., "identity": ..., "name": ..., "matches": [...] */
void arc_api_put_answer(arc_text *t, const arc_answer *answer);
void arc_api_put_time(arc_text *t, const char *name, int64_t ms); /* , "name": "2026-11-30T06:40:12Z" */

/* ---- embeddings.c ---- */

/* An array of dim numbers into out: [dim]; index: how a failure calls it. */
bool arc_api_embedding(arc_http_response *response, const json_t *row, size_t index, int dim, float *out);

/* ---- gallery.c ---- */

/* A name has 1 to 250 characters here, which always fit into the gallery's bytes. */
bool arc_api_check_name(arc_http_response *response, const char *name);

bool arc_api_has_gallery(const struct arc_server *server, arc_http_response *response);
/* Without what names the gallery's place. */
void arc_api_fail_gallery(const struct arc_server *server, arc_http_response *response, arc_status st, const arc_error *err);
/* The id in the index-th {NAME} of the route. */
bool arc_api_id(const arc_http_request *request, arc_http_response *response, int index, int64_t *id);
/* top, threshold and fpir of the query. */
bool arc_api_query(const arc_http_request *request, arc_http_response *response, arc_gallery_query *query);
/* Who these are; counted. answers: [count], freed with arc_answers_free. */
bool arc_api_identify(struct arc_server *server, arc_http_response *response, const float *probes, int count,
                      const arc_gallery_query *query, arc_answer *answers);

/* ---- handlers, each in the file of its name; table.c has their routes ---- */

arc_route_fn arc_api_detect, arc_api_embed, arc_api_verify, arc_api_identify_photo, arc_api_search;
arc_route_fn arc_api_identities_list, arc_api_identities_add, arc_api_identity_get, arc_api_identity_change,
    arc_api_identity_remove, arc_api_identity_merge, arc_api_identity_reject;
arc_route_fn arc_api_templates_list, arc_api_templates_add, arc_api_template_crop, arc_api_template_remove;
arc_route_fn arc_api_jobs_add, arc_api_jobs_list, arc_api_job_get, arc_api_job_cancel;
arc_route_fn arc_api_galleries, arc_api_models, arc_api_audit;

#endif
