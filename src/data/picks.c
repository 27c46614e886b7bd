/* data: choosing samples and copying them to a new data set. */
#include "data/picks.h"
#include "base/base.h"
#include "data/sink.h"
#include "image/image.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256 /* pictures that are read before they are written */
#define MAX_ENCODED_BYTES ((size_t)1 << 28)
#define SHUFFLE_STREAM 0x73687566666c65u

void arc_data_picks_init(arc_data_picks *p, const arc_alloc *a) {
    *p = (arc_data_picks){.alloc = a};
}

arc_status arc_data_picks_add(arc_data_picks *p, int32_t set, int64_t sample, int64_t label, arc_error *err) {
    if (p->count == p->capacity) {
        const size_t more = ARC_MAX(p->capacity * 2, (size_t)1024);
        arc_data_pick *grown = arc_mem_grow(p->alloc, p->at, p->count, more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "the list of samples");
        p->at = grown;
        p->capacity = more;
    }
    p->at[p->count++] = (arc_data_pick){sample, label, set};
    return ARC_OK;
}

void arc_data_picks_free(arc_data_picks *p) {
    if (p->alloc)
        arc_mem_free(p->alloc, p->at);
    p->at = NULL;
    p->count = p->capacity = 0;
}

void arc_data_skip(arc_data_counts *counts, const arc_data_set *set, int64_t sample, const arc_error *why) {
    char key[256];
    if (counts->skipped++ > 0)
        return;
    arc_data_set_key(set, sample, key, sizeof key);
    snprintf(counts->first_problem, sizeof counts->first_problem, "%.200s: %.280s", key, why->text);
}

arc_status arc_data_picks_add_set(arc_data_picks *p, const arc_data_set *set, int32_t number, int64_t offset,
                                  arc_data_counts *counts, arc_error *err) {
    for (int64_t i = 0; i < arc_data_set_samples(set); i++) {
        int64_t label;
        arc_error why = {0};
        arc_status st = arc_data_set_label(set, i, &label, &why);
        if (st == ARC_OK)
            st = arc_data_picks_add(p, number, i, offset + label, err);
        else if (st != ARC_ENOMEM)
            arc_data_skip(counts, set, i, &why);
        if (st == ARC_ENOMEM)
            return arc_fail_nomem(err, "the list of samples");
    }
    return ARC_OK;
}

static int by_label(const void *a, const void *b) {
    const arc_data_pick *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->set != y->set)
        return x->set < y->set ? -1 : 1;
    return (x->sample > y->sample) - (x->sample < y->sample);
}

void arc_data_picks_sort(arc_data_picks *p) {
    bool sorted = true;
    for (size_t i = 1; i < p->count && sorted; i++)
        sorted = by_label(&p->at[i - 1], &p->at[i]) <= 0;
    if (!sorted)
        qsort(p->at, p->count, sizeof *p->at, by_label);
}

int64_t arc_data_picks_renumber(arc_data_picks *p, int min_images) {
    size_t kept = 0;
    const size_t before = p->count;
    int64_t label = 0;
    for (size_t i = 0, end; i < before; i = end) {
        for (end = i; end < before && p->at[end].label == p->at[i].label; end++)
            continue;
        if (end - i < (size_t)ARC_MAX(min_images, 1))
            continue;
        for (size_t k = i; k < end; k++) {
            p->at[kept] = p->at[k];
            p->at[kept++].label = label;
        }
        label++;
    }
    p->count = kept;
    return (int64_t)(before - kept);
}

void arc_data_picks_shuffle(arc_data_picks *p, uint64_t seed) {
    const uint64_t key = arc_rng_hash(seed, SHUFFLE_STREAM);
    for (size_t i = p->count; i > 1; i--) { /* Fisher-Yates shuffle */
        const size_t k = (size_t)(arc_rng_hash(key, i) % i);
        const arc_data_pick t = p->at[i - 1];
        p->at[i - 1] = p->at[k];
        p->at[k] = t;
    }
}

/* ---- writing ---- */

typedef struct copier {
    const arc_context *ctx;
    arc_data_set *const *sets;
    const arc_data_copy_options *opt;
    const arc_data_pick *pick; /* of this batch */
    arc_data_item item[BATCH];
    arc_buffer encoded[BATCH];
    arc_status st[BATCH];
    arc_error err[BATCH];
} copier;

static arc_status encode_again(copier *c, size_t i, arc_error *err) {
    const int size = c->opt->size_px;
    const arc_alloc *a = &c->ctx->alloc;
    arc_image image = {0};
    arc_status st = arc_image_alloc(a, size, size, &image, err);
    if (st == ARC_OK)
        st = arc_image_decode_into(c->ctx, c->item[i].bytes, c->item[i].count, "picture", image.data, size, size, err);
    if (st == ARC_OK)
        st = arc_encode_memory(&image, a, c->opt->quality, true, &c->encoded[i], err);
    arc_mem_free(a, image.data);
    return st;
}

static void read_some(void *arg, size_t begin, size_t end, int thread) {
    copier *c = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const arc_data_pick *p = &c->pick[i];
        c->st[i] = arc_data_set_read(c->sets[p->set], p->sample, &c->item[i], &c->err[i]);
        if (c->st[i] == ARC_OK && c->opt->size_px)
            c->st[i] = encode_again(c, i, &c->err[i]);
    }
}

static arc_status write_some(copier *c, size_t count, arc_data_sink *sink, arc_data_counts *counts, arc_error *err) {
    arc_status st = ARC_OK;
    for (size_t i = 0; i < count; i++) {
        const arc_data_pick *p = &c->pick[i];
        if (c->st[i] == ARC_OK && st == ARC_OK) {
            const bool again = c->opt->size_px > 0;
            st = arc_data_sink_put(sink, p->label, NULL, again ? c->encoded[i].data : c->item[i].bytes,
                                   again ? c->encoded[i].bytes : c->item[i].count, err);
        } else if (c->st[i] == ARC_ENOMEM) {
            st = arc_fail_nomem(err, "copying pictures");
        } else if (c->st[i] != ARC_OK) {
            arc_data_skip(counts, c->sets[p->set], p->sample, &c->err[i]);
        }
        arc_data_item_release(&c->item[i]);
    }
    return st;
}

/* The size that the file `property` gives: that of the first picture that decodes, else 112 x 112. */
static void first_size(const arc_data_picks *p, const arc_context *ctx, arc_data_set *const *sets, int *width, int *height) {
    *width = *height = 112;
    for (size_t i = 0; i < ARC_MIN(p->count, (size_t)8); i++) {
        arc_data_item item;
        arc_image image;
        arc_error ignored;
        if (arc_data_set_read(sets[p->at[i].set], p->at[i].sample, &item, &ignored) != ARC_OK)
            continue;
        const arc_status st = arc_image_decode_in(&ctx->alloc, item.bytes, item.count, "picture", NULL, &image, NULL, &ignored);
        arc_data_item_release(&item);
        if (st != ARC_OK)
            continue;
        *width = image.width_px;
        *height = image.height_px;
        arc_image_release(&ctx->alloc, &image);
        return;
    }
}

static arc_status copy_all(const arc_data_picks *p, copier *c, arc_data_sink *sink, arc_data_counts *counts, arc_error *err) {
    arc_status st = ARC_OK;
    for (size_t done = 0; st == ARC_OK && done < p->count;) {
        const size_t count = ARC_MIN(p->count - done, (size_t)BATCH);
        c->pick = p->at + done;
        arc_pool_run(c->ctx->pool, count, 4, read_some, c);
        st = write_some(c, count, sink, counts, err);
        done += count;
        if (st == ARC_OK && c->opt->progress && c->opt->progress(c->opt->progress_ctx, (int64_t)done, (int64_t)p->count) != 0)
            st = arc_fail(err, ARC_ECANCEL, "copying was stopped");
    }
    return st;
}

arc_status arc_data_picks_write(const arc_data_picks *p, const arc_context *ctx, arc_data_set *const *sets, const char *path,
                                const arc_data_copy_options *opt, arc_data_counts *counts, arc_error *err) {
    arc_status st;
    arc_data_sink *sink = NULL;
    int width = opt->size_px, height = width;
    copier *c = arc_mem_new(&ctx->alloc, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(err, path);
    c->ctx = ctx;
    c->sets = sets;
    c->opt = opt;
    for (int i = 0; i < BATCH; i++)
        arc_buffer_init(&c->encoded[i], &ctx->alloc, MAX_ENCODED_BYTES);
    if (width == 0)
        first_size(p, ctx, sets, &width, &height);
    ARC_TRY(arc_data_sink_open(&sink, ctx, path, opt->layout, width, height, err));
    ARC_TRY(copy_all(p, c, sink, counts, err));
    if (arc_data_sink_pictures(sink) == 0)
        ARC_TRY(arc_fail(err, ARC_EINVAL, "%s: there is no picture to write%s%s", path,
                         counts->skipped ? "; the first that could not be read: " : "", counts->first_problem));
    counts->pictures += arc_data_sink_pictures(sink);
    counts->identities += arc_data_sink_identities(sink);
    counts->bytes += arc_data_sink_bytes(sink);
    st = arc_data_sink_commit(&sink, err);
done:
    arc_data_sink_abort(&sink);
    for (int i = 0; i < BATCH; i++)
        arc_buffer_free(&c->encoded[i]);
    arc_mem_free(&ctx->alloc, c);
    return st;
}
