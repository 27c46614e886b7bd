/* gallery/store/qdrant: opening a gallery, and the table of functions of this kind of store. */
#include "gallery/store/qdrant/qdrant.h"
#include "gallery/store/qdrant/qdrant_internal.h"
#include "hub/network.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 8000
#define PORT "6333"
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define FORM "the form is qdrant://HOST[:PORT]/COLLECTION, or qdrants:// for TLS"

/* "qdrant://host[:port]/collection" to server, label and the names of collections. A key is no part of it. */
static arc_status read_address(arc_qd *s, const char *location, const char *gallery, arc_error *err) {
    const bool secure = strncmp(location, "qdrants:", 8) == 0;
    const char *host = location + (secure ? 10 : 9);
    const char *slash = strchr(host, '/');
    const bool main = strcmp(gallery, "main") == 0;
    if (memchr(host, '@', slash ? (size_t)(slash - host) : strlen(host)))
        return arc_fail(err, ARC_EINVAL,
                        "a Qdrant server's key is given as ARCFACE_QDRANT_KEY in the environment, not in the address; " FORM);
    if (!slash || slash == host || slash - host > 255 || !slash[1])
        return arc_fail(err, ARC_EINVAL, "%s: no host and collection; " FORM, location);
    const char *collection = slash + 1;
    const size_t host_bytes = (size_t)(slash - host), bytes = strlen(collection);
    if (strspn(host, NAME_LETTERS ":[]") < host_bytes)
        return arc_fail(err, ARC_EINVAL, "%s: no host has such letters; " FORM, location);
    if (strspn(collection, NAME_LETTERS) != bytes || bytes > ARC_QD_NAME_BYTES - ARC_STORE_GALLERY_NAME_BYTES - 10)
        return arc_fail(err, ARC_EINVAL, "%s: a collection's name is of letters, digits, - _ and . only, 80 at most", location);
    const char *bracket = memchr(host, ']', host_bytes);
    const char *from = bracket ? bracket : host;
    const bool has_port = memchr(from, ':', host_bytes - (size_t)(from - host)) != NULL;
    snprintf(s->server, sizeof s->server, "http%s://%.*s%s", secure ? "s" : "", (int)host_bytes, host, has_port ? "" : ":" PORT);
    snprintf(s->label, sizeof s->label, "qdrant %.*s/%s#%s", (int)host_bytes, host, collection, gallery);
    snprintf(s->collection, sizeof s->collection, "%s", collection);
    snprintf(s->templates, sizeof s->templates, "%s%s%s", collection, main ? "" : ".", main ? "" : gallery);
    snprintf(s->people, sizeof s->people, "%s%s%s_people", collection, main ? "" : ".", main ? "" : gallery);
    return ARC_OK;
}

static arc_status add_header(arc_qd *s, const char *line, arc_error *err) {
    struct curl_slist *longer = curl_slist_append(s->headers, line);
    if (!longer)
        return arc_fail_nomem(err, "a connection");
    s->headers = longer;
    return ARC_OK;
}

static arc_status make_headers(arc_qd *s, arc_error *err) {
    const char *key = getenv("ARCFACE_QDRANT_KEY");
    char line[600];
    arc_status st;
    ARC_TRY(add_header(s, "Content-Type: application/json", err));
    ARC_TRY(add_header(s, "Expect:", err)); /* no round trip before a large body */
    if (key && *key) {
        if (strlen(key) > 500 || strpbrk(key, "\r\n"))
            return arc_fail(err, ARC_EINVAL, "ARCFACE_QDRANT_KEY is no key: it has more than 500 characters or a line break");
        snprintf(line, sizeof line, "api-key: %s", key);
        st = add_header(s, line, err);
        sodium_memzero(line, sizeof line);
        if (strncmp(s->server, "http:", 5) == 0 && strncmp(s->server, "http://127.", 11) != 0 &&
            strncmp(s->server, "http://localhost:", 17) != 0)
            arc_log(s->ctx, ARC_LOG_WARN, "%s: the key is sent readable for everybody on the way; qdrants:// encrypts it",
                    s->label);
    }
done:
    return st;
}

static void qd_close(arc_gallery_store **store) {
    arc_qd *s;
    if (!*store)
        return;
    s = arc_qd_of(*store);
    arc_qd_rollback(*store);
    if (s->curl)
        curl_easy_cleanup(s->curl);
    for (struct curl_slist *line = s->headers; line; line = line->next)
        sodium_memzero(line->data, strlen(line->data)); /* there may be the key in it */
    curl_slist_free_all(s->headers);
    arc_buffer_free(&s->reply);
    arc_buffer_free(&s->body);
    arc_mem_free(&s->ctx->alloc, s);
    *store = NULL;
}

static arc_status qd_open(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                          arc_error *err) {
    arc_qd *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    arc_gallery_store *store;
    arc_status st;
    *out = NULL;
    if (!s)
        return arc_fail_nomem(err, "a gallery");
    s->base.type = &arc_qdrant_store;
    s->ctx = ctx;
    s->flags = flags;
    s->seen = -1;
    s->dim = -1;
    s->patience_ms = PATIENCE_MS;
    arc_buffer_init(&s->reply, &ctx->alloc, ARC_QD_REPLY_BYTES);
    arc_buffer_init(&s->body, &ctx->alloc, ARC_QD_REPLY_BYTES);
    store = &s->base;
    ARC_TRY(read_address(s, location, gallery, err));
    ARC_TRY(arc_network_start(err));
    st = sodium_init() < 0 ? arc_fail(err, ARC_EIO, "no random numbers: libsodium did not start") : ARC_OK;
    if (st == ARC_OK)
        st = make_headers(s, err);
    if (st == ARC_OK) {
        s->curl = curl_easy_init();
        st = s->curl ? arc_qd_find(s, err) : arc_fail_nomem(err, "a connection");
    }
done:
    if (st != ARC_OK)
        qd_close(&store);
    *out = store;
    return st;
}

const arc_gallery_store_type arc_qdrant_store = {
    .scheme = "qdrant",
    .open = qd_open,
    .close = qd_close,
    .begin = arc_qd_begin,
    .commit = arc_qd_commit,
    .rollback = arc_qd_rollback,
    .meta_get = arc_qd_meta_get,
    .meta_put = arc_qd_meta_put,
    .meta_each = arc_qd_meta_each,
    .revision = arc_qd_revision,
    .changes = arc_qd_changes,
    .counts = arc_qd_counts,
    .reserve = arc_qd_reserve,
    .identity_put = arc_qd_identity_put,
    .identity_update = arc_qd_identity_update,
    .identity_get = arc_qd_identity_get,
    .identity_find = arc_qd_identity_find,
    .identity_remove = arc_qd_identity_remove,
    .identity_each = arc_qd_identity_each,
    .template_put = arc_qd_template_put,
    .source_find = arc_qd_source_find,
    .embedding_put = arc_qd_embedding_put,
    .template_rewrite = arc_qd_template_rewrite,
    .generation_drop = arc_qd_generation_drop,
    .template_each = arc_qd_template_each,
    .template_remove = arc_qd_template_remove,
    .template_move = arc_qd_template_move,
    .negative_put = arc_qd_negative_put,
    .negative_each = arc_qd_negative_each,
    .negative_remove = arc_qd_negative_remove,
    .audit_put = arc_qd_audit_put,
    .audit_each = arc_qd_audit_each,
    .wait = arc_qd_wait,
    .check = arc_qd_check,
    .compact = arc_qd_compact,
    .galleries = arc_qd_galleries,
};
