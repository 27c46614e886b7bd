/* gallery/store/postgres: opening a gallery, and the table of functions of this kind of store. */
#include "gallery/store/postgres/postgres.h"
#include "gallery/store/postgres/postgres_internal.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static arc_status check_address(const char *location, arc_error *err) {
    char *reason = NULL;
    PQconninfoOption *options = PQconninfoParse(location, &reason);
    arc_status st = ARC_OK;
    if (!options) /* the reason may quote the address, and so a password */
        st = arc_fail(err, ARC_EINVAL,
                      "the gallery's address is none that PostgreSQL knows; the form is postgres://USER@HOST/DATABASE");
    PQconninfoFree(options);
    PQfreemem(reason);
    return st;
}

static void pg_close(arc_gallery_store **store) {
    arc_pg *s;
    if (!*store)
        return;
    s = arc_pg_of(*store);
    arc_pg_disconnect(s);
    if (s->location)
        sodium_memzero(s->location, strlen(s->location)); /* there may be a password in it */
    arc_mem_free(&s->ctx->alloc, s->location);
    arc_mem_free(&s->ctx->alloc, s->label);
    arc_mem_free(&s->ctx->alloc, s);
    *store = NULL;
}

static arc_status pg_open(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                          arc_error *err) {
    arc_pg *s;
    arc_gallery_store *store;
    arc_status st;
    *out = NULL;
    if (strlen(gallery) > ARC_STORE_GALLERY_NAME_BYTES)
        return arc_fail(err, ARC_EINVAL, "a gallery's name has %d letters at most", ARC_STORE_GALLERY_NAME_BYTES);
    s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "a gallery");
    s->base.type = &arc_postgres_store;
    s->ctx = ctx;
    s->flags = flags;
    s->seen = -1;
    snprintf(s->gallery_name, sizeof s->gallery_name, "%s", gallery);
    store = &s->base;
    s->location = arc_mem_strdup(&ctx->alloc, location);
    st = !s->location        ? arc_fail_nomem(err, "a gallery")
         : sodium_init() < 0 ? arc_fail(err, ARC_EIO, "no random numbers: libsodium did not start")
                             : check_address(location, err);
    if (st == ARC_OK)
        st = arc_pg_connect(s, err);
    if (st == ARC_OK)
        st = arc_pg_schema(s, err);
    if (st != ARC_OK)
        pg_close(&store);
    *out = store;
    return st;
}

const arc_gallery_store_type arc_postgres_store = {
    .scheme = "postgres",
    .vectors = &arc_pg_vectors_type,
    .open = pg_open,
    .close = pg_close,
    .begin = arc_pg_begin,
    .commit = arc_pg_commit,
    .rollback = arc_pg_rollback,
    .meta_get = arc_pg_meta_get,
    .meta_put = arc_pg_meta_put,
    .meta_each = arc_pg_meta_each,
    .revision = arc_pg_revision,
    .changes = arc_pg_changes,
    .counts = arc_pg_counts,
    .reserve = arc_pg_reserve,
    .identity_put = arc_pg_identity_put,
    .identity_update = arc_pg_identity_update,
    .identity_get = arc_pg_identity_get,
    .identity_find = arc_pg_identity_find,
    .identity_remove = arc_pg_identity_remove,
    .identity_each = arc_pg_identity_each,
    .template_put = arc_pg_template_put,
    .source_find = arc_pg_source_find,
    .embedding_put = arc_pg_embedding_put,
    .template_rewrite = arc_pg_template_rewrite,
    .generation_drop = arc_pg_generation_drop,
    .template_each = arc_pg_template_each,
    .template_remove = arc_pg_template_remove,
    .template_move = arc_pg_template_move,
    .negative_put = arc_pg_negative_put,
    .negative_each = arc_pg_negative_each,
    .negative_remove = arc_pg_negative_remove,
    .audit_put = arc_pg_audit_put,
    .audit_each = arc_pg_audit_each,
    .wait = arc_pg_wait,
    .check = arc_pg_check,
    .compact = arc_pg_compact,
    .galleries = arc_pg_galleries,
};
