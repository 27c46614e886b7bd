/* gallery/store/sqlite: the table of functions of this kind of store. */
#include "gallery/store/sqlite/sqlite.h"
#include "gallery/store/sqlite/sqlite_internal.h"

static arc_status open_sqlite(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                              arc_error *err) {
    const arc_status st = arc_sqlite_connect(ctx, location, gallery, flags, out, err);
    if (st == ARC_OK)
        (*out)->type = &arc_sqlite_store;
    return st;
}

const arc_gallery_store_type arc_sqlite_store = {
    .scheme = "sqlite",
    .open = open_sqlite,
    .close = arc_sqlite_close,
    .begin = arc_sqlite_begin,
    .commit = arc_sqlite_commit,
    .rollback = arc_sqlite_rollback,
    .meta_get = arc_sqlite_meta_get,
    .meta_put = arc_sqlite_meta_put,
    .meta_each = arc_sqlite_meta_each,
    .revision = arc_sqlite_revision,
    .changes = arc_sqlite_changes,
    .counts = arc_sqlite_counts,
    .reserve = arc_sqlite_reserve,
    .identity_put = arc_sqlite_identity_put,
    .identity_update = arc_sqlite_identity_update,
    .identity_get = arc_sqlite_identity_get,
    .identity_find = arc_sqlite_identity_find,
    .identity_remove = arc_sqlite_identity_remove,
    .identity_each = arc_sqlite_identity_each,
    .template_put = arc_sqlite_template_put,
    .source_find = arc_sqlite_source_find,
    .embedding_put = arc_sqlite_embedding_put,
    .template_rewrite = arc_sqlite_template_rewrite,
    .generation_drop = arc_sqlite_generation_drop,
    .template_each = arc_sqlite_template_each,
    .template_remove = arc_sqlite_template_remove,
    .template_move = arc_sqlite_template_move,
    .negative_put = arc_sqlite_negative_put,
    .negative_each = arc_sqlite_negative_each,
    .negative_remove = arc_sqlite_negative_remove,
    .audit_put = arc_sqlite_audit_put,
    .audit_each = arc_sqlite_audit_each,
    .wait = arc_sqlite_wait,
    .check = arc_sqlite_check,
    .compact = arc_sqlite_compact,
    .galleries = arc_sqlite_galleries,
};
