/* data: finds repeated pictures: equal bytes by checksum, nearly equal ones by perceptual hash. If two hashes differ in at
 * most k bits, then of k+1 bands of bits at least one is equal; so sorting by each band makes all candidates neighbours. */
#include "base/base.h"
#include "data/picks.h"
#include "data/picture_hash.h"
#include "data/sums.h"
#include <arcface/image.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 512
#define MAX_NEAR_BITS 15
#define HASH_BITS (64 * ARC_PICTURE_HASH_WORDS)
#define MAX_BUCKET 4096 /* larger ones: pictures of one colour, which are only compared with their neighbours */

typedef struct picture {
    uint64_t hash[ARC_PICTURE_HASH_WORDS];
    uint8_t sum[ARC_SUM_BYTES];
    size_t first; /* the earliest picture that this one repeats; itself if there is none */
    uint8_t good, near;
} picture;

typedef struct finder {
    arc_context *ctx;
    const arc_data_set *set;
    const arc_data_picks *picks;
    picture *picture; /* [picks] */
    size_t begin;     /* first picture of this batch */
    bool hashes;
    arc_status st[BATCH];
} finder;

typedef struct ref {
    uint64_t band;
    size_t at;
} ref;

void arc_data_dedup_options_default(arc_data_dedup_options *opt) {
    *opt = (arc_data_dedup_options){.struct_size = sizeof *opt, .near_bits = 6};
    arc_data_copy_options_default(&opt->copy);
}

static void describe_some(void *arg, size_t begin, size_t end, int thread) {
    finder *f = arg;
    arc_image_options strict;
    arc_image_options_default(&strict);
    strict.strict = 1;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        picture *p = &f->picture[f->begin + i];
        arc_data_item item;
        arc_image image = {0};
        p->first = f->begin + i;
        f->st[i] = arc_data_set_read(f->set, f->picks->at[f->begin + i].sample, &item, NULL);
        if (f->st[i] == ARC_OK)
            arc_data_sum(item.bytes, item.count, p->sum);
        if (f->st[i] == ARC_OK && f->hashes) {
            f->st[i] = arc_image_decode(f->ctx, item.bytes, item.count, "picture", &strict, &image, NULL, NULL);
            if (f->st[i] == ARC_OK)
                arc_picture_hash(&image, p->hash);
            arc_image_free(f->ctx, &image);
        }
        p->good = f->st[i] == ARC_OK;
        arc_data_item_release(&item);
    }
}

static arc_status describe(finder *f, const arc_data_dedup_options *o, arc_data_duplicates *found, arc_error *err) {
    for (f->begin = 0; f->begin < f->picks->count;) {
        const size_t count = ARC_MIN(f->picks->count - f->begin, (size_t)BATCH);
        arc_pool_run(f->ctx->pool, count, 8, describe_some, f);
        for (size_t i = 0; i < count; i++) {
            if (f->st[i] == ARC_ENOMEM)
                return arc_fail_nomem(err, "looking for repeated pictures");
            found->unreadable += f->st[i] != ARC_OK;
        }
        f->begin += count;
        if (o->copy.progress && o->copy.progress(o->copy.progress_ctx, (int64_t)f->begin, (int64_t)f->picks->count) != 0)
            return arc_fail(err, ARC_ECANCEL, "looking for repeated pictures was stopped");
    }
    return ARC_OK;
}

static int by_band(const void *a, const void *b) {
    const ref *x = a, *y = b;
    if (x->band != y->band)
        return x->band < y->band ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static size_t root(const picture *p, size_t at) {
    while (p[at].first != at)
        at = p[at].first;
    return at;
}

/* Joins the later of two groups to the earlier one. */
static void join(picture *p, size_t a, size_t b, bool near) {
    const size_t x = root(p, a), y = root(p, b), first = ARC_MIN(x, y), later = ARC_MAX(x, y);
    if (first == later)
        return;
    p[later].first = first;
    p[later].near = near;
}

static void compare_bucket(picture *p, const ref *refs, size_t count, int near_bits) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count && (count <= MAX_BUCKET || k == i + 1); k++) {
            picture *a = &p[refs[i].at], *b = &p[refs[k].at];
            if (near_bits < 0 ? memcmp(a->sum, b->sum, sizeof a->sum) == 0
                              : arc_picture_hash_distance(a->hash, b->hash) <= near_bits)
                join(p, refs[i].at, refs[k].at, near_bits >= 0);
        }
}

/* Sorts by the checksum (near_bits < 0) or by one band of the hash, and compares pictures where it is equal. */
static void compare_band(const finder *f, ref *refs, int near_bits, int band) {
    const int bands = near_bits + 1, from = bands ? band * HASH_BITS / bands : 0, to = bands ? (band + 1) * HASH_BITS / bands : 0;
    size_t count = 0;
    for (size_t i = 0; i < f->picks->count; i++) {
        if (!f->picture[i].good)
            continue;
        refs[count].at = i;
        if (near_bits < 0)
            memcpy(&refs[count].band, f->picture[i].sum, sizeof refs[count].band);
        else
            refs[count].band = arc_picture_hash_bits(f->picture[i].hash, from, ARC_MIN(to - from, 64));
        count++;
    }
    if (count)
        qsort(refs, count, sizeof *refs, by_band);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && refs[end].band == refs[i].band; end++)
            continue;
        compare_bucket(f->picture, refs + i, end - i, near_bits);
    }
}

static arc_status list_one(const finder *f, size_t at, size_t first, const char *kind, arc_writer *list, arc_error *err) {
    char key[512], other[512];
    if (!list)
        return ARC_OK;
    arc_data_set_key(f->set, f->picks->at[at].sample, key, sizeof key);
    arc_data_set_key(f->set, f->picks->at[first].sample, other, sizeof other);
    return arc_writer_printf(list, err, "%s\t%s\t%lld\t%s\t%lld\n", kind, key, (long long)f->picks->at[at].label, other,
                             (long long)f->picks->at[first].label);
}

/* Decides which pictures to drop and marks them as not good. conflict: [picks], 1 for each member of a group that has several
 * labels. */
static arc_status decide(const finder *f, const arc_data_dedup_options *o, uint8_t *conflict, arc_writer *list,
                         arc_data_duplicates *found, arc_error *err) {
    picture *p = f->picture;
    arc_status st = ARC_OK;
    for (size_t i = 0; i < f->picks->count; i++)
        if (p[i].good && f->picks->at[root(p, i)].label != f->picks->at[i].label)
            conflict[root(p, i)] = 1;
    for (size_t i = 0; i < f->picks->count; i++)
        conflict[i] = conflict[root(p, i)];
    for (size_t i = 0; st == ARC_OK && i < f->picks->count; i++) {
        const size_t first = root(p, i);
        if (!p[i].good)
            continue;
        if (conflict[i]) {
            found->conflicts++;
            st = list_one(f, i, first, "conflict", list, err);
        } else if (first != i) {
            found->exact += !p[i].near;
            found->near += p[i].near;
            st = list_one(f, i, first, p[i].near ? "near" : "exact", list, err);
        }
    }
    /* only now, because the first members must be unchanged while groups are read */
    for (size_t i = 0; i < f->picks->count; i++)
        p[i].good = p[i].good && (conflict[i] ? !o->drop_conflicts : root(p, i) == i);
    return st;
}

static arc_status find(finder *f, const arc_data_dedup_options *o, arc_data_duplicates *found, arc_error *err) {
    const arc_alloc *a = &f->ctx->alloc;
    arc_writer *list = NULL;
    arc_status st;
    ref *refs = arc_mem_raw(a, f->picks->count, sizeof *refs);
    uint8_t *conflict = arc_mem_new(a, f->picks->count, 1);
    if (!refs || !conflict)
        ARC_TRY(arc_fail_nomem(err, "looking for repeated pictures"));
    ARC_TRY(describe(f, o, found, err));
    compare_band(f, refs, -1, 0);
    for (int band = 0; band <= o->near_bits; band++)
        compare_band(f, refs, o->near_bits, band);
    if (o->list)
        ARC_TRY(arc_writer_open(&list, a, o->list, err));
    ARC_TRY(decide(f, o, conflict, list, found, err));
    if (list)
        st = arc_writer_commit(&list, err);
done:
    arc_writer_abort(&list);
    arc_mem_free(a, refs);
    arc_mem_free(a, conflict);
    return st;
}

static arc_status write_rest(const finder *f, const arc_data_dedup_options *o, arc_data_set *set, const char *path,
                             arc_data_counts *counts, arc_error *err) {
    arc_data_picks kept;
    arc_status st = ARC_OK;
    arc_data_picks_init(&kept, &f->ctx->alloc);
    for (size_t i = 0; st == ARC_OK && i < f->picks->count; i++) {
        const arc_data_pick *p = &f->picks->at[i];
        if (f->picture[i].good)
            st = arc_data_picks_add(&kept, 0, p->sample, p->label, err);
        else
            counts->left_out++;
    }
    if (o->copy.min_images > 1)
        counts->left_out += arc_data_picks_renumber(&kept, o->copy.min_images);
    if (o->copy.shuffle)
        arc_data_picks_shuffle(&kept, o->copy.seed);
    if (st == ARC_OK)
        st = arc_data_picks_write(&kept, f->ctx, &set, path, &o->copy, counts, err);
    arc_data_picks_free(&kept);
    return st;
}

arc_status arc_data_dedup(arc_context *ctx, const char *set, const char *path, const arc_data_dedup_options *opt,
                          arc_data_duplicates *found, arc_data_counts *counts, arc_error *err) {
    arc_data_dedup_options o;
    arc_data_set *source = NULL;
    arc_data_picks picks;
    arc_data_counts own = {0};
    arc_status st;
    counts = counts ? counts : &own;
    *counts = (arc_data_counts){0};
    *found = (arc_data_duplicates){0};
    arc_data_dedup_options_default(&o);
    if (ARC_CHECK_OPTIONS(arc_data_dedup_options, opt, err) != ARC_OK ||
        (opt && ARC_CHECK_OPTIONS(arc_data_copy_options, &opt->copy, err) != ARC_OK))
        return ARC_EINVAL;
    o = opt ? *opt : o;
    arc_data_picks_init(&picks, &ctx->alloc);
    if (o.near_bits < -1 || o.near_bits > MAX_NEAR_BITS)
        return arc_fail(err, ARC_EINVAL, "%d different bits: 0 to %d, or -1 for equal bytes only", o.near_bits, MAX_NEAR_BITS);
    finder *f = arc_mem_new(&ctx->alloc, 1, sizeof *f);
    if (!f)
        return arc_fail_nomem(err, set);
    f->ctx = ctx;
    f->hashes = o.near_bits >= 0;
    f->picks = &picks;
    ARC_TRY(arc_data_set_open(&source, ctx, set, err));
    ARC_TRY(arc_data_picks_add_set(&picks, source, 0, 0, counts, err));
    arc_data_picks_sort(&picks);
    f->set = source;
    f->picture = arc_mem_new(&ctx->alloc, picks.count, sizeof *f->picture);
    if (!f->picture)
        ARC_TRY(arc_fail_nomem(err, set));
    ARC_TRY(find(f, &o, found, err));
    if (path)
        ARC_TRY(write_rest(f, &o, source, path, counts, err));
done:
    arc_mem_free(&ctx->alloc, f->picture);
    arc_mem_free(&ctx->alloc, f);
    arc_data_picks_free(&picks);
    arc_data_set_close(&source);
    return st;
}
