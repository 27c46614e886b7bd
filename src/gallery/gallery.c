/* gallery: opened and closed, and what it is. */
#include "base/machine.h"
#include "gallery/gallery_internal.h"
#include <arcface/protect.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

void arc_gallery_options_default(arc_gallery_options *opt) {
    *opt = (arc_gallery_options){.struct_size = sizeof *opt, .keep_crops = true};
}

/* "faces.db#guests": the path, and g->name. A server's index is in memory only: no file of this machine belongs to it. */
static arc_status split_location(arc_gallery *g, const char *location, char **path, arc_error *err) {
    const arc_alloc *alloc = &g->ctx->alloc;
    const char *mark = strrchr(location, '#');
    const char *name = mark ? mark + 1 : "main";
    const size_t bytes = mark ? (size_t)(mark - location) : strlen(location);
    const bool server = strstr(location, "://") != NULL;
    *path = arc_mem_new(alloc, bytes + 1, 1);
    g->location = arc_mem_strdup(alloc, location);
    g->index_path = server ? NULL : arc_mem_new(alloc, strlen(location) + 16, 1);
    if (!*path || !g->location || (!server && !g->index_path))
        return arc_fail_nomem(err, "a gallery");
    memcpy(*path, location, bytes);
    if (strlen(name) > ARC_STORE_GALLERY_NAME_BYTES)
        return arc_fail(err, ARC_EINVAL, "%s: a gallery's name behind # has 1 to %d letters", location,
                        ARC_STORE_GALLERY_NAME_BYTES);
    memcpy(g->name, name, strlen(name) + 1);
    if (!server) /* "faces.db.index", "faces.db.guests.index" */
        snprintf(g->index_path, strlen(location) + 16, "%s%s%s.index", *path, mark ? "." : "", mark ? name : "");
    return ARC_OK;
}

/* A new gallery gets seal and binding; another process may have been faster. */
static arc_status begin_gallery(arc_gallery *g, const uint8_t *key, const arc_gallery_options *opt, arc_error *err) {
    arc_binding binding = {.fusion = opt->fusion, .sketch = opt->sketch, .generation = 1};
    arc_buffer record;
    bool found;
    arc_status st;
    arc_buffer_init(&record, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_gallery_protection_check(g->protecting ? g->protect_key : NULL, binding.protection);
    ARC_TRY(g->store->type->begin(g->store, true, err));
    st = g->store->type->meta_get(g->store, "binding", &record, &found, err);
    record.bytes = 0;
    if (st == ARC_OK && !found) {
        st = arc_seal_create(g->ctx, key, &g->seal, &record, err);
        if (st == ARC_OK && record.bytes)
            st = g->store->type->meta_put(g->store, "seal", (arc_bytes){.data = record.data, .bytes = record.bytes}, err);
        arc_seal_free(&g->seal);
        if (st == ARC_OK)
            st = arc_gallery_put_binding(g, &binding, err);
    }
    if (st == ARC_OK)
        st = g->store->type->commit(g->store, err);
    else
        g->store->type->rollback(g->store);
done:
    arc_buffer_free(&record);
    return st;
}

/* *begun: it has seal and binding. */
static arc_status open_seal(arc_gallery *g, const uint8_t *key, bool *begun, arc_error *err) {
    bool found;
    arc_status st = g->store->type->begin(g->store, false, err);
    if (st != ARC_OK)
        return st;
    g->record.bytes = 0;
    st = g->store->type->meta_get(g->store, "binding", &g->record, begun, err);
    g->record.bytes = 0;
    if (st == ARC_OK && *begun) {
        st = g->store->type->meta_get(g->store, "seal", &g->record, &found, err);
        if (st == ARC_OK)
            st = arc_seal_open(g->ctx, key, (arc_bytes){.data = g->record.data, .bytes = g->record.bytes}, g->location, &g->seal,
                               err);
    }
    g->store->type->rollback(g->store);
    return st;
}

static arc_status open_gallery(arc_gallery *g, const char *path, const arc_gallery_options *opt, arc_error *err) {
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    const int flags = (opt->create ? ARC_STORE_CREATE : 0) | (opt->read_only ? ARC_STORE_READ_ONLY : 0);
    bool begun = false;
    arc_status st;
    ARC_TRY(arc_gallery_protection_open(g, opt->protect, err));
    if (opt->key)
        ARC_TRY(arc_protect_key(opt->key, key, NULL, err));
    ARC_TRY(arc_gallery_store_open(g->ctx, path, g->name, flags, &g->store, err));
    ARC_TRY(open_seal(g, opt->key ? key : NULL, &begun, err));
    if (!begun) {
        if (opt->read_only || !opt->create) {
            st = arc_gallery_fail(g, err, ARC_ENOTFOUND, "there is no gallery; enrolling somebody makes it");
            goto done;
        }
        ARC_TRY(begin_gallery(g, opt->key ? key : NULL, opt, err));
        ARC_TRY(open_seal(g, opt->key ? key : NULL, &begun, err));
    }
    ARC_TRY(arc_gallery_enter(g, false, err)); /* reads the binding */
    st = arc_gallery_leave(g, ARC_OK, err);
done:
    sodium_memzero(key, sizeof key);
    return st;
}

arc_status arc_gallery_open(arc_context *ctx, const char *location, const arc_gallery_options *opt, arc_gallery **out,
                            arc_error *err) {
    arc_gallery_options defaults;
    char *path = NULL;
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_options, opt, err);
    *out = NULL;
    if (st != ARC_OK)
        return st;
    arc_gallery_options_default(&defaults);
    opt = opt ? opt : &defaults;
    if ((int)opt->fusion < ARC_FUSE_MAX || opt->fusion > ARC_FUSE_QUALITY)
        return arc_fail(err, ARC_EINVAL, "%s: %d is no way to fuse scores", location, (int)opt->fusion);
    if (opt->index_memory_bytes < 0)
        return arc_fail(err, ARC_EINVAL, "%s: an index cannot have %lld bytes of memory", location,
                        (long long)opt->index_memory_bytes);
    arc_gallery *g = arc_mem_new(&ctx->alloc, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(err, "a gallery");
    g->ctx = ctx;
    g->read_only = opt->read_only;
    g->keep_crops = opt->keep_crops;
    g->index_behind = g->place_behind = true;
    g->index_memory = opt->index_memory_bytes > 0 ? opt->index_memory_bytes : arc_machine_memory() / 2;
    pthread_mutex_init(&g->lock, NULL);
    pthread_rwlock_init(&g->index_lock, NULL);
    arc_gallery_scratch_begin(&g->scratch, &ctx->alloc);
    arc_buffer_init(&g->binding_text, &ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_buffer_init(&g->record, &ctx->alloc, ARC_BINDING_MAX_BYTES);
    st = split_location(g, location, &path, err);
    if (st == ARC_OK) {
        g->actor = arc_mem_strdup(&ctx->alloc, opt->actor ? opt->actor : "");
        st = g->actor ? open_gallery(g, path, opt, err) : arc_fail_nomem(err, "a gallery");
    }
    arc_mem_free(&ctx->alloc, path);
    if (st != ARC_OK)
        arc_gallery_close(&g);
    *out = g;
    return st;
}

/* The file is written when catching up with what it lacks takes longer than a moment, and when it has what is to be gone. */
static void keep_index(arc_gallery *g) {
    arc_error why;
    if (!g->index || !g->index_path || g->read_only || g->index_pending == 0)
        return;
    if (!g->index_holds_gone && g->index_pending * 20 < arc_index_count(g->index))
        return;
    if (arc_gallery_save_index(g, &why) != ARC_OK)
        arc_log(g->ctx, ARC_LOG_WARN, "the index was not saved, it will be built anew: %s", why.text);
}

void arc_gallery_close(arc_gallery **gallery) {
    arc_gallery *g = *gallery;
    if (!g)
        return;
    const arc_alloc *alloc = &g->ctx->alloc;
    keep_index(g);
    arc_index_free(&g->index);
    arc_seal_free(&g->seal);
    sodium_memzero(g->index_key, sizeof g->index_key);
    arc_gallery_protection_close(g);
    if (g->store)
        g->store->type->close(&g->store);
    arc_gallery_scratch_end(&g->scratch);
    arc_buffer_free(&g->binding_text);
    arc_buffer_free(&g->record);
    pthread_rwlock_destroy(&g->index_lock);
    pthread_mutex_destroy(&g->lock);
    arc_mem_free(alloc, g->location);
    arc_mem_free(alloc, g->index_path);
    arc_mem_free(alloc, g->actor);
    arc_mem_free(alloc, g);
    *gallery = NULL;
}

static void index_facts(arc_gallery *g, arc_gallery_facts *out) {
    arc_index_facts facts = {0};
    arc_map file;
    pthread_rwlock_rdlock(&g->index_lock);
    if (g->index)
        arc_index_facts_of(g->index, &facts);
    pthread_rwlock_unlock(&g->index_lock);
    if (!g->index && g->index_path && arc_map_open(&file, g->index_path, SIZE_MAX, NULL) == ARC_OK) { /* not asked for yet */
        facts.mapped_bytes = (int64_t)file.bytes;
        arc_map_close(&file);
    }
    out->memory_bytes = facts.memory_bytes;
    out->index_bytes = facts.mapped_bytes;
}

static arc_status vector_facts(arc_gallery *g, arc_gallery_facts *out, arc_error *err) {
    arc_store_vectors v;
    const arc_status st = g->store->type->vectors->get(g->store, g->binding.generation, &v, err);
    out->search = !v.there ? ARC_GALLERY_MEMORY : v.hnsw ? ARC_GALLERY_DATABASE_HNSW : ARC_GALLERY_DATABASE;
    out->search_ready = v.ready || !v.there;
    out->vector_bytes = v.bytes;
    return st;
}

arc_status arc_gallery_facts_of(arc_gallery *g, arc_gallery_facts *out, arc_error *err) {
    arc_store_counts counts;
    uint8_t mark[ARC_STORE_MARK_BYTES];
    *out = (arc_gallery_facts){.store = g->store->type->scheme};
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    st = g->store->type->counts(g->store, &counts, err);
    if (st == ARC_OK)
        st = g->store->type->revision(g->store, &out->revision, mark, err);
    if (st == ARC_OK) {
        const arc_binding *b = &g->binding;
        out->identities = counts.identities;
        out->templates = counts.templates;
        out->crops = counts.crops;
        out->negatives = counts.negatives;
        out->audits = counts.audits;
        out->store_bytes = counts.bytes;
        out->schema = counts.schema;
        out->dim = b->dim;
        out->sealed = arc_seal_index_key(g->seal) != NULL;
        out->is_protected = *b->protection != 0;
        out->sketch = b->sketch;
        out->fusion = b->fusion;
        out->threshold = b->rule.threshold;
        out->calibrated = b->rule.calibrated;
        memcpy(out->model_sha256, b->model_sha256, sizeof out->model_sha256);
        memcpy(out->model_name, b->model_name, sizeof out->model_name);
        memcpy(out->name, g->name, sizeof out->name);
    }
    if (st == ARC_OK && g->store->type->vectors)
        st = vector_facts(g, out, err);
    st = arc_gallery_leave(g, st, err);
    index_facts(g, out);
    return st;
}
