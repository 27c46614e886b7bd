/* server/api: a person's templates: photos come in, are listed, and go. */
#include "gallery/photo/batch.h"
#include "server/api/api.h"
#include <math.h>
#include <sodium.h>
#include <string.h>

/* ---- enrol ---- */

static int copy_name(void *arg, const arc_identity *who) {
    *(char **)arg = arc_mem_strdup(&arc_alloc_libc, who->name);
    return 1;
}

static arc_problem problem_of(const arc_enrolled *told, const arc_enroll_entry *e) {
    if (told->error.code != ARC_EINVAL)
        return arc_problem_of(told->error.code);
    return e->others > 0 ? ARC_PROBLEM_DOUBTFUL : ARC_PROBLEM_CONFLICT;
}

static void put_enrolled(arc_http_response *response, const arc_enroll_entry *e) {
    const arc_enrolled *told = &e->told;
    arc_text *t = &response->text;
    response->status = told->as == ARC_ENROLLED ? 201 : 200;
    arc_text_add(t, "{\"id\": %lld, \"identity\": %lld, \"stored\": %s", (long long)told->template_id, (long long)told->identity,
                 arc_text_bool(told->as == ARC_ENROLLED));
    if (e->others > 0)
        arc_api_put_real(t, "nearest_cosine", e->nearest_cosine);
    if (*told->doubt)
        arc_text_add(t, ", \"doubt\": \"the face is unlike the person's others: is it the same person?\"");
    arc_text_add(t, ", \"face\": {");
    arc_api_put_face(t, &e->photo.face[e->face], e->photo.from);
    arc_text_add(t, "}}\n");
}

/* Takes the item's result over. */
static void enrol(struct arc_server *server, arc_http_response *response, int64_t id, bool strict, arc_work_item *item, int dim) {
    arc_enroll_batch batch = {.ctx = server->ctx, .gallery = server->gallery, .strict = strict, .dim = dim};
    arc_error err = {0};
    arc_status st = arc_enroll_batch_begin(&batch, 1, &err);
    char *name = NULL;
    pthread_mutex_lock(&server->writing);
    if (st == ARC_OK)
        st = arc_gallery_identity(server->gallery, id, copy_name, &name, &err);
    if (st == ARC_OK && name) {
        arc_enroll_entry *e = &batch.entry[batch.count++];
        *e = (arc_enroll_entry){.photo = item->result, .face = item->largest, .has_digest = true};
        item->result = (arc_result){0};
        e->person = arc_mem_strdup(&server->ctx->alloc, name);
        crypto_hash_sha256(e->told.sha256, item->photo.bytes, item->photo.byte_count);
        st = e->person ? arc_enroll_batch_store(&batch, &err) : arc_fail_nomem(&err, "a name");
    }
    pthread_mutex_unlock(&server->writing);
    arc_mem_free(&arc_alloc_libc, name);
    const arc_enroll_entry *e = batch.entry;
    if (st != ARC_OK || batch.count == 0)
        arc_api_fail_gallery(server, response, st == ARC_OK ? ARC_ENOMEM : st, &err);
    else if (e->told.as == ARC_ENROLL_FAILED)
        arc_http_fail(response, problem_of(&e->told, e), "%s",
                      e->others > 0 ? "the face is unlike the person's others; without strict=true it is stored"
                                    : "this photo is another person's already");
    else
        put_enrolled(response, e);
    if (st == ARC_OK && batch.count > 0 && e->told.as == ARC_ENROLLED)
        arc_metrics_enrolled(&server->metrics, 1);
    arc_enroll_batch_end(&batch);
}

static void check_and_enrol(struct arc_server *server, arc_http_response *response, int64_t id, bool largest, bool strict,
                            arc_work_item *item) {
    arc_engine *engine = arc_work_hold(server->work);
    const int dim = arc_engine_dim(engine);
    arc_work_release(server->work, engine);
    if (!arc_api_needs_face(response, &item->result, "photo"))
        return;
    if (item->result.faces_found > 1 && !largest)
        arc_http_fail(response, ARC_PROBLEM_SEVERAL_FACES,
                      "the photo has %d faces: cut it to the one that is meant, or take the largest (largest=true)",
                      item->result.faces_found);
    else
        enrol(server, response, id, strict, item, dim);
}

void arc_api_templates_add(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_work_item item = {.kind = ARC_WORK_LARGEST, .keep_crops = true};
    arc_api_photo photo;
    arc_error err = {0};
    bool largest = false, strict = false;
    int64_t id;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &id))
        return;
    arc_status st = arc_http_query_bool(request, "largest", &largest, &err);
    if (st == ARC_OK)
        st = arc_http_query_bool(request, "strict", &strict, &err);
    if (st != ARC_OK) {
        arc_http_fail_status(response, st, &err);
        return;
    }
    if (!arc_api_photo_get(server, request, response, "photo", true, &photo))
        return;
    item.photo = photo.photo;
    if (arc_api_work(server, request, response, &item, 1)) {
        check_and_enrol(server, response, id, largest, strict, &item);
        arc_api_done(server, &item, 1);
    }
    arc_api_photo_free(server, &photo);
}

/* ---- look ---- */

typedef struct listing {
    arc_text *text;
    int64_t count;
} listing;

static int put_template(void *arg, const arc_template_record *record) {
    listing *l = arg;
    arc_text *t = l->text;
    arc_text_add(t, "%s\n  {\"id\": %lld, \"identity\": %lld", l->count++ ? "," : "", (long long)record->id,
                 (long long)record->identity);
    arc_api_put_real(t, "quality", (double)record->quality);
    arc_api_put_time(t, "created", record->created_ms);
    arc_text_add(t, "}");
    return 0;
}

static int nothing(void *arg, const arc_identity *who) {
    (void)arg, (void)who;
    return 0;
}

void arc_api_templates_list(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    listing l = {.text = &response->text};
    arc_error err = {0};
    int64_t id;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &id))
        return;
    arc_status st = arc_gallery_identity(server->gallery, id, nothing, NULL, &err);
    arc_text_add(l.text, "{\"templates\": [");
    if (st == ARC_OK)
        st = arc_gallery_templates(server->gallery, id, false, put_template, &l, &err);
    arc_text_add(l.text, "]}\n");
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
}

typedef struct looking {
    int64_t id;
    bool found;
    arc_http_response *response; /* gets the crop; NULL: not wanted */
} looking;

static int look(void *arg, const arc_template_record *record) {
    looking *l = arg;
    l->found = record->id == l->id;
    if (l->found && l->response && record->crop_file) {
        const char *kind = arc_image_kind(record->crop_file, record->crop_file_bytes);
        arc_http_response_bytes(l->response, kind && strcmp(kind, "jpeg") == 0 ? "image/jpeg" : "image/png", record->crop_file,
                                record->crop_file_bytes);
    }
    return l->found;
}

/* Whether the person of the address has the template of the address. */
static bool find(const struct arc_server *server, const arc_http_request *request, arc_http_response *response, bool crop,
                 int64_t *template_id) {
    looking l = {.response = crop ? response : NULL};
    arc_error err = {0};
    int64_t id;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &id) ||
        !arc_api_id(request, response, 1, &l.id))
        return false;
    *template_id = l.id;
    const arc_status st = arc_gallery_templates(server->gallery, id, crop, look, &l, &err);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else if (!l.found)
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "this person has no such template");
    return st == ARC_OK && l.found;
}

void arc_api_template_crop(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    int64_t id;
    if (find(server, request, response, true, &id) && response->text.buffer.bytes == 0)
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "no crop is kept of this template");
}

void arc_api_template_remove(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_error err = {0};
    int64_t id;
    if (!find(server, request, response, false, &id))
        return;
    pthread_mutex_lock(&server->writing);
    const arc_status st = arc_gallery_remove_template(server->gallery, id, &err);
    pthread_mutex_unlock(&server->writing);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else
        response->status = 204;
}
