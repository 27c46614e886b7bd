/* vector/search: making an index and changing what is in it. */
#include "vector/search/checksum.h"
#include "vector/search/index_internal.h"
#include "vector/search/quantise.h"
#include "vector/search/sketch.h"
#include <sodium.h>
#include <string.h>

void arc_index_options_default(arc_index_options *options) {
    *options = (arc_index_options){.struct_size = sizeof *options};
}

static arc_status check_options(const arc_index_options *o, arc_error *err) {
    arc_status st = ARC_CHECK_OPTIONS(arc_index_options, o, err);
    if (st == ARC_OK && (!o || o->dim < 1 || o->dim > ARC_INDEX_MAX_DIM))
        st = arc_fail(err, ARC_EINVAL, "an index of templates of %d numbers; 1 to %d can be", o ? o->dim : 0, ARC_INDEX_MAX_DIM);
    return st;
}

arc_status arc_index_new(arc_context *ctx, const arc_index_options *options, arc_index **out, arc_error *err) {
    *out = NULL;
    const arc_status st = check_options(options, err);
    if (st != ARC_OK)
        return st;
    arc_index *x = arc_mem_new(&ctx->alloc, 1, sizeof *x);
    if (!x)
        return arc_fail_nomem(err, "an index of templates");
    x->ctx = ctx;
    x->options = *options;
    if (options->seal_key) {
        memcpy(x->key, options->seal_key, sizeof x->key);
        x->options.seal_key = x->key;
    }
    pthread_rwlock_init(&x->lock, NULL);
    pthread_mutex_init(&x->turn, NULL);
    pthread_mutex_init(&x->exact, NULL);
    pthread_mutex_init(&x->save, NULL);
    arc_segment_layout layout;
    arc_segment_layout_make(&layout, (size_t)options->dim, options->sketch, !options->exact);
    arc_slots_begin(&x->slots, &ctx->alloc, &layout);
    x->ids.slots = &x->slots;
    *out = x;
    return ARC_OK;
}

void arc_index_free(arc_index **index) {
    if (!index || !*index)
        return;
    arc_index *x = *index;
    *index = NULL;
    arc_mem_free(&x->ctx->alloc, x->file.touched);
    arc_id_table_free(&x->ids);
    arc_slots_free(&x->slots, x->options.seal_key != NULL);
    sodium_memzero(x->key, sizeof x->key);
    pthread_mutex_destroy(&x->turn);
    pthread_mutex_destroy(&x->exact);
    pthread_mutex_destroy(&x->save);
    pthread_rwlock_destroy(&x->lock);
    arc_mem_free(&x->ctx->alloc, x);
}

void arc_index_lock_read(arc_index *x) {
    pthread_mutex_lock(&x->turn);
    pthread_mutex_unlock(&x->turn);
    pthread_rwlock_rdlock(&x->lock);
}

void arc_index_lock_write(arc_index *x) {
    pthread_mutex_lock(&x->turn);
    pthread_rwlock_wrlock(&x->lock);
    pthread_mutex_unlock(&x->turn);
}

void arc_index_unlock(arc_index *x) {
    pthread_rwlock_unlock(&x->lock);
}

void arc_index_touch(arc_index *x, uint32_t slot) {
    arc_index_file *f = &x->file;
    if (!f->known || slot >= f->used)
        return;
    if (f->touches == f->capacity) {
        const size_t capacity = f->capacity ? f->capacity * 2 : 64;
        uint32_t *touched = arc_mem_grow(&x->ctx->alloc, f->touched, f->capacity, capacity, sizeof *touched);
        if (!touched) {
            f->known = false;
            return;
        }
        f->touched = touched;
        f->capacity = capacity;
    }
    f->touched[f->touches++] = slot;
}

typedef struct addition {
    arc_index *index;
    const float *templates;
    int64_t first;       /* place of the first one */
    _Atomic int64_t bad; /* a template that cannot be added, the first of those that were found; -1: none */
} addition;

static void check_templates(void *arg, size_t begin, size_t end, int thread) {
    addition *a = arg;
    const size_t dim = (size_t)a->index->options.dim;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        int64_t bad = atomic_load(&a->bad);
        if (arc_quantise_fits(a->templates + i * dim, dim))
            continue;
        while ((bad < 0 || bad > (int64_t)i) && !atomic_compare_exchange_weak(&a->bad, &bad, (int64_t)i))
            continue;
    }
}

/* Of the places first..end-1, segment by segment: several rows at once take less time. */
static void write_checksums(const arc_index *x, size_t first, size_t end) {
    while (first < end) {
        const size_t at = first % ARC_SEGMENT_SLOTS, count = ARC_MIN(end - first, ARC_SEGMENT_SLOTS - at);
        arc_checksum_write(x->ctx->kernels, &x->slots, first / ARC_SEGMENT_SLOTS, at, count);
        first += count;
    }
}

static void write_templates(void *arg, size_t begin, size_t end, int thread) {
    const addition *a = arg;
    const arc_segment_layout *l = &a->index->slots.layout;
    int8_t code[ARC_INDEX_MAX_DIM];
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const size_t slot = (size_t)a->first + i, at = slot % ARC_SEGMENT_SLOTS;
        const arc_segment g = arc_slots_segment(&a->index->slots, slot / ARC_SEGMENT_SLOTS);
        const float *x = a->templates + i * l->dim;
        const arc_quantised q = arc_quantise(x, l->dim, code, l->stride);
        g.scale[at] = q.scale;
        g.error[at] = q.error;
        g.length[at] = q.length;
        for (size_t k = 0; k < l->stride; k++)
            g.code[at * l->stride + k] = (uint8_t)(code[k] + 128);
        if (g.sketch)
            arc_sketch(a->index->ctx->kernels, x, l->dim, g.sketch + at * l->words, g.bias + at);
        if (g.row)
            memcpy(g.row + at * l->dim, x, l->dim * sizeof *x);
    }
    write_checksums(a->index, (size_t)a->first + begin, (size_t)a->first + end);
}

/* Gives the new templates places and enters their ids. An id that is there already or comes twice undoes that. */
static arc_status enter_ids(arc_index *x, const int64_t *ids, const int64_t *owners, int64_t count, arc_error *err) {
    const int64_t first = x->slots.used;
    for (int64_t i = 0; i < count; i++) {
        const uint32_t slot = (uint32_t)(first + i);
        uint32_t there;
        if (ids[i] > 0 && !arc_id_table_find(&x->ids, ids[i], &there)) {
            arc_slots_enter(&x->slots, slot, ids[i], owners[i]);
            arc_id_table_put(&x->ids, slot);
            continue;
        }
        for (int64_t k = 0; k < i; k++) {
            arc_id_table_remove(&x->ids, (uint32_t)(first + k));
            arc_slots_clear(&x->slots, (uint32_t)(first + k));
        }
        return arc_fail(err, ARC_EINVAL, "template %lld of %lld: its id %lld is %s", (long long)i + 1, (long long)count,
                        (long long)ids[i], ids[i] > 0 ? "in the index already" : "not above 0");
    }
    x->slots.used += count;
    x->slots.live += count;
    return ARC_OK;
}

/* Once a quarter of the places is free the templates move together. Without memory for that they stay where they are. */
static void compact_if_sparse(arc_index *x) {
    const int64_t free_places = x->slots.used - x->slots.live;
    if (free_places < ARC_SEGMENT_SLOTS || free_places < x->slots.used / 4)
        return;
    arc_slots together;
    arc_slots_begin(&together, x->slots.alloc, &x->slots.layout);
    const bool wipe = x->options.seal_key != NULL;
    if (arc_slots_compact(&together, &x->slots, NULL) == ARC_OK) {
        arc_id_table_free(&x->ids);
        arc_slots_free(&x->slots, wipe);
        x->slots = together;
        x->file.known = false;
    } else
        arc_slots_free(&together, wipe);
}

arc_status arc_index_add(arc_index *index, const float *templates, const int64_t *ids, const int64_t *owners, int64_t count,
                         arc_error *err) {
    addition a = {.index = index, .templates = templates, .bad = -1};
    if (count < 1)
        return ARC_OK;
    arc_pool_run(index->ctx->pool, (size_t)count, 64, check_templates, &a);
    if (a.bad >= 0)
        return arc_fail(err, ARC_EINVAL, "template %lld of %lld (id %lld): a number is not finite, or its length is far from 1",
                        (long long)a.bad + 1, (long long)count, (long long)ids[a.bad]);
    arc_index_lock_write(index);
    compact_if_sparse(index);
    a.first = index->slots.used;
    arc_status st = arc_slots_reserve(&index->slots, count, err);
    if (st == ARC_OK)
        st = arc_id_table_reserve(&index->ids, count, err);
    if (st == ARC_OK)
        st = enter_ids(index, ids, owners, count, err);
    if (st == ARC_OK)
        arc_pool_run(index->ctx->pool, (size_t)count, 64, write_templates, &a);
    arc_index_unlock(index);
    return st;
}

arc_status arc_index_remove(arc_index *index, const int64_t *ids, int64_t count, int64_t *removed, arc_error *err) {
    int64_t gone = 0;
    arc_index_lock_write(index);
    const arc_status st = arc_id_table_reserve(&index->ids, 0, err);
    for (int64_t i = 0; st == ARC_OK && i < count; i++) {
        uint32_t slot;
        if (!arc_id_table_find(&index->ids, ids[i], &slot))
            continue;
        arc_id_table_remove(&index->ids, slot);
        arc_slots_clear(&index->slots, slot);
        arc_index_touch(index, slot);
        index->slots.live--;
        gone++;
    }
    arc_index_unlock(index);
    if (removed)
        *removed = gone;
    return st;
}

void arc_index_move(arc_index *index, int64_t from_owner, int64_t to_owner) {
    arc_index_lock_write(index);
    arc_slots *s = &index->slots;
    for (int64_t slot = 0; slot < s->used; slot++)
        if (s->id[slot] != 0 && s->owner[slot] == from_owner) {
            const bool right = arc_checksum_ready(index->ctx->kernels, s, (size_t)slot / ARC_SEGMENT_SLOTS);
            arc_slots_enter(s, (uint32_t)slot, s->id[slot], to_owner);
            if (right) /* what is damaged must not get a checksum that says otherwise */
                arc_checksum_code(index->ctx->kernels, s, (uint32_t)slot);
            arc_index_touch(index, (uint32_t)slot);
        }
    arc_index_unlock(index);
}

int64_t arc_index_count(arc_index *index) {
    arc_index_lock_read(index);
    const int64_t count = index->slots.live;
    arc_index_unlock(index);
    return count;
}

void arc_index_facts_of(arc_index *index, arc_index_facts *facts) {
    arc_index_lock_read(index);
    const arc_slots *x = &index->slots;
    const size_t per_segment = ARC_SEGMENT_SLOTS * 2 * sizeof(int64_t) + sizeof(void *) + sizeof(bool);
    const int64_t searches = atomic_load(&index->searches);
    *facts = (arc_index_facts){
        .templates = x->live,
        .places = x->used,
        .memory_bytes = (int64_t)(arc_blocks_bytes(&x->blocks) + x->capacity * per_segment +
                                  (index->ids.size + index->file.capacity) * sizeof(uint32_t) + sizeof *index),
        .mapped_bytes = x->map.mapped ? (int64_t)x->map.bytes : 0,
        .searches = searches,
        .mean_shortlist = searches ? (double)atomic_load(&index->reranked) / (double)searches : 0,
    };
    arc_index_unlock(index);
}
