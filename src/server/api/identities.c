/* server/api: people: list, add, look at, change, remove. */
#include "server/api/api.h"
#include "server/http/body.h"
#include <math.h>
#include <string.h>

#define PAGE_MOST 1000

static void put_identity(arc_text *t, const arc_identity *who) {
    arc_text_add(t, "{\"id\": %lld, \"name\": ", (long long)who->id);
    arc_text_quote(t, who->name);
    arc_text_add(t, ", \"templates\": %lld", (long long)who->templates);
    arc_api_put_real(t, "threshold", who->threshold);
    if (*who->note_json)
        arc_text_add(t, ", \"note\": %s", who->note_json);
    arc_api_put_time(t, "created", who->created_ms);
    arc_api_put_time(t, "changed", who->changed_ms);
    arc_text_add(t, "}");
}

static int put_one(void *arg, const arc_identity *who) {
    put_identity(arg, who);
    return 0;
}

/* ---- list ---- */

typedef struct page {
    arc_text *text;
    int64_t left, last;
    bool more;
    int count;
} page;

static int put_next(void *arg, const arc_identity *who) {
    page *p = arg;
    p->more = p->left == 0;
    if (p->more)
        return 1;
    arc_text_add(p->text, "%s\n  ", p->count++ ? "," : "");
    put_identity(p->text, who);
    p->left--;
    p->last = who->id;
    return 0;
}

/* With name=...: the one of that name, or nobody. */
static arc_status list(const struct arc_server *server, const char *name, int64_t after, page *p, arc_error *err) {
    int64_t id = 0;
    bool found = false;
    if (!name)
        return arc_gallery_list(server->gallery, after, put_next, p, err);
    const arc_status st = arc_gallery_find(server->gallery, name, &id, &found, err);
    return st == ARC_OK && found && id > after ? arc_gallery_identity(server->gallery, id, put_next, p, err) : st;
}

void arc_api_identities_list(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    page p = {.text = &response->text, .left = 100};
    arc_error err = {0};
    int64_t after = 0;
    if (!arc_api_has_gallery(server, response))
        return;
    arc_status st = arc_http_query_int(request, "limit", 1, PAGE_MOST, &p.left, &err);
    if (st == ARC_OK)
        st = arc_http_query_int(request, "after", 0, INT64_MAX, &after, &err);
    if (st != ARC_OK) {
        arc_http_fail_status(response, st, &err);
        return;
    }
    const char *name = arc_http_query(request, "name");
    if (name && !arc_api_check_name(response, name))
        return;
    arc_text_add(p.text, "{\"identities\": [");
    st = list(server, name, after, &p, &err);
    if (st != ARC_OK) {
        arc_api_fail_gallery(server, response, st, &err);
        return;
    }
    arc_text_add(p.text, "]");
    if (p.more)
        arc_text_add(p.text, ", \"next\": %lld", (long long)p.last);
    arc_text_add(p.text, "}\n");
}

/* ---- one ---- */

static void put(const struct arc_server *server, arc_http_response *response, int64_t id) {
    arc_error err = {0};
    const arc_status st = arc_gallery_identity(server->gallery, id, put_one, &response->text, &err);
    arc_text_add(&response->text, "\n");
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
}

void arc_api_identity_get(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    int64_t id;
    if (arc_api_has_gallery(server, response) && arc_api_id(request, response, 0, &id))
        put(server, response, id);
}

/* What a body says of a person; what it does not mention stays as it is. */
typedef struct wish {
    const char *name; /* NULL: not mentioned */
    bool has_note, has_threshold;
    char *note; /* JSON; NULL: none */
    double threshold;
} wish;

static int append(const char *data, size_t bytes, void *arg) {
    return arc_buffer_put(arg, data, bytes) == ARC_OK ? 0 : -1;
}

/* The text of a JSON object, with a zero behind it. */
static char *text_of(const arc_alloc *alloc, const json_t *object) {
    arc_buffer b;
    arc_buffer_init(&b, alloc, ARC_GALLERY_NOTE_BYTES + 1);
    if (json_dump_callback(object, append, &b, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 && append("", 1, &b) == 0)
        return (char *)b.data;
    arc_buffer_free(&b);
    return NULL;
}

static bool wrong(arc_http_response *response, const char *sentence) {
    arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "%s", sentence);
    return false;
}

/* A field that is not known is refused: it is a misspelt one. */
static bool read_field(const struct arc_server *server, arc_http_response *response, const char *name, const json_t *value,
                       wish *w) {
    if (strcmp(name, "name") == 0) {
        w->name = json_string_value(value);
        return w->name ? arc_api_check_name(response, w->name) : wrong(response, "\"name\" is a text");
    }
    if (strcmp(name, "note") == 0) {
        w->has_note = true;
        if (json_is_null(value))
            return true;
        w->note = json_is_object(value) ? text_of(&server->ctx->alloc, value) : NULL;
        return w->note ? true : wrong(response, "\"note\" is an object of up to 65536 bytes, or null");
    }
    if (strcmp(name, "threshold") == 0) {
        w->has_threshold = true;
        w->threshold = json_is_number(value) ? json_number_value(value) : (double)NAN;
        return json_is_null(value) || (w->threshold >= -1 && w->threshold <= 1)
                   ? true
                   : wrong(response, "\"threshold\" is a cosine from -1 to 1, or null");
    }
    arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "nobody has a \"%.100s\": name, note and threshold are known", name);
    return false;
}

static bool read_wish(const struct arc_server *server, arc_http_request *request, arc_http_response *response, wish *w) {
    arc_error err = {0};
    const char *name;
    json_t *value;
    *w = (wish){.name = NULL};
    if (!arc_http_is_type(request, "application/json")) {
        arc_http_fail(response, ARC_PROBLEM_UNSUPPORTED_TYPE, "this comes as application/json");
        return false;
    }
    if (arc_http_json(request, false, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        return false;
    }
    json_object_foreach(request->json, name, value) {
        if (!read_field(server, response, name, value, w)) {
            arc_mem_free(&server->ctx->alloc, w->note);
            return false;
        }
    }
    return true;
}

/* Whether somebody else has the name. The lock of writers is held. */
static arc_status is_taken(const struct arc_server *server, const char *name, int64_t but, bool *taken, arc_error *err) {
    int64_t id = 0;
    const arc_status st = arc_gallery_find(server->gallery, name, &id, taken, err);
    *taken = st == ARC_OK && *taken && id != but;
    return st;
}

static arc_status change(const struct arc_server *server, const wish *w, int64_t id, arc_error *err) {
    arc_status st = ARC_OK;
    if (w->name)
        st = arc_gallery_rename(server->gallery, id, w->name, err);
    if (st == ARC_OK && w->has_note)
        st = arc_gallery_annotate(server->gallery, id, w->note, err);
    if (st == ARC_OK && w->has_threshold)
        st = arc_gallery_set_threshold(server->gallery, id, w->threshold, err);
    return st;
}

/* *id 0: somebody new. */
static bool carry_out(struct arc_server *server, arc_http_response *response, const wish *w, int64_t *id) {
    arc_error err = {0};
    bool taken = false;
    wish rest = *w;
    pthread_mutex_lock(&server->writing);
    arc_status st = w->name ? is_taken(server, w->name, *id, &taken, &err) : ARC_OK;
    if (st == ARC_OK && !taken && *id == 0) {
        st = arc_gallery_add_identity(server->gallery, w->name, w->note, id, &err);
        rest.name = NULL;
        rest.has_note = false;
    }
    if (st == ARC_OK && !taken)
        st = change(server, &rest, *id, &err);
    pthread_mutex_unlock(&server->writing);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else if (taken)
        arc_http_fail(response, ARC_PROBLEM_CONFLICT, "somebody else has this name already");
    return st == ARC_OK && !taken;
}

void arc_api_identities_add(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    wish w;
    int64_t id = 0;
    if (!arc_api_has_gallery(server, response) || !read_wish(server, request, response, &w))
        return;
    if (!w.name)
        (void)wrong(response, "\"name\" is missing");
    else if (carry_out(server, response, &w, &id)) {
        response->status = 201;
        arc_http_response_header(response, "Location", "/v1/identities/%lld", (long long)id);
        put(server, response, id);
    }
    arc_mem_free(&server->ctx->alloc, w.note);
}

void arc_api_identity_change(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    wish w;
    int64_t id;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &id) ||
        !read_wish(server, request, response, &w))
        return;
    if (carry_out(server, response, &w, &id))
        put(server, response, id);
    arc_mem_free(&server->ctx->alloc, w.note);
}

void arc_api_identity_remove(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_error err = {0};
    int64_t id;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &id))
        return;
    pthread_mutex_lock(&server->writing);
    const arc_status st = arc_gallery_remove(server->gallery, id, &err);
    pthread_mutex_unlock(&server->writing);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else
        response->status = 204;
}
