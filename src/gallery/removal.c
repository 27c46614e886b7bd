/* gallery: people and templates are removed and merged. Removing ends with the files: the store forgets what it overwrote, and
 * the index file is written without it. */
#include "gallery/gallery_internal.h"
#include <stdio.h>

arc_status arc_gallery_erase(arc_gallery *g, arc_error *err) {
    arc_error why = {0};
    bool complete = true;
    pthread_mutex_lock(&g->lock);
    arc_status st = g->store->type->compact(g->store, &complete, &why);
    pthread_mutex_unlock(&g->lock);
    if (st == ARC_OK && !complete)
        arc_log(g->ctx, ARC_LOG_WARN,
                "%s: another process is reading an older state: what was removed leaves its log with the next "
                "removal or when the last process closes it",
                g->location);
    if (st == ARC_OK && g->index_path && arc_path_kind_of(g->index_path) != ARC_PATH_NONE) {
        st = arc_gallery_save_index(g, &why);
        if (st != ARC_OK) /* it can be built anew */
            st = arc_path_remove(g->index_path, &why);
    }
    return st == ARC_OK
               ? ARC_OK
               : arc_fail(err, st,
                          "done, but traces of what was there before are left in files: %s; do it again when that is mended, or "
                          "remove the index file",
                          why.text);
}

typedef struct removed {
    int64_t templates, identity;
} removed;

static arc_status count_templates(void *arg, const arc_identity_row *row, arc_error *err) {
    (void)err;
    ((removed *)arg)->templates = row->templates;
    return ARC_OK;
}

static arc_status remove_identity(arc_gallery *g, int64_t id, arc_error *err) {
    removed r = {0};
    char subject[48];
    arc_status st;
    ARC_TRY(g->store->type->identity_get(g->store, id, count_templates, &r, err));
    ARC_TRY(g->store->type->identity_remove(g->store, id, err));
    snprintf(subject, sizeof subject, "identity %lld", (long long)id);
    ARC_TRY(arc_gallery_note(g, "remove", subject, err, "{\"templates\":%lld}", (long long)r.templates));
done:
    return st;
}

arc_status arc_gallery_remove(arc_gallery *g, int64_t id, arc_error *err) {
    arc_status st = arc_gallery_enter(g, true, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_leave(g, remove_identity(g, id, err), err);
    return st == ARC_OK ? arc_gallery_erase(g, err) : st;
}

static arc_status see_owner(void *arg, const arc_template_row *row, arc_error *err) {
    (void)err;
    ((removed *)arg)->identity = row->identity;
    return ARC_OK;
}

static arc_status remove_template(arc_gallery *g, int64_t id, arc_error *err) {
    const arc_template_query q = {.generation = g->binding.generation, .ids = &id, .id_count = 1};
    removed r = {0};
    char subject[48];
    arc_status st;
    ARC_TRY(g->store->type->template_each(g->store, &q, see_owner, &r, err));
    ARC_TRY(g->store->type->template_remove(g->store, &id, 1, err));
    snprintf(subject, sizeof subject, "identity %lld", (long long)r.identity);
    ARC_TRY(arc_gallery_note(g, "remove-template", subject, err, "{\"template\":%lld}", (long long)id));
done:
    return st;
}

arc_status arc_gallery_remove_template(arc_gallery *g, int64_t template_id, arc_error *err) {
    arc_status st = arc_gallery_enter(g, true, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_leave(g, remove_template(g, template_id, err), err);
    return st == ARC_OK ? arc_gallery_erase(g, err) : st;
}

static arc_status merge(arc_gallery *g, int64_t into, int64_t from, arc_error *err) {
    char subject[48];
    arc_status st;
    ARC_TRY(g->store->type->template_move(g->store, from, into, err));
    ARC_TRY(g->store->type->identity_remove(g->store, from, err));
    snprintf(subject, sizeof subject, "identity %lld", (long long)into);
    ARC_TRY(arc_gallery_note(g, "merge", subject, err, "{\"from\":%lld}", (long long)from));
done:
    return st;
}

arc_status arc_gallery_merge(arc_gallery *g, int64_t into, int64_t from, arc_error *err) {
    if (into == from)
        return arc_gallery_fail(g, err, ARC_EINVAL, "identity %lld cannot be merged with itself", (long long)into);
    arc_status st = arc_gallery_enter(g, true, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_leave(g, merge(g, into, from, err), err);
    return st == ARC_OK ? arc_gallery_erase(g, err) : st;
}
