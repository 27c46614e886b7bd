/* data: packing, unpacking, merging and splitting of data sets: which samples of which sets are copied, with which labels.
 * picks.c copies them. */
#include "data/picks.h"
#include <stdio.h>
#include <string.h>

#define MAX_SETS 1024
#define MAX_PARTS 64
#define SPLIT_STREAM 0x73706c6974u

void arc_data_copy_options_default(arc_data_copy_options *opt) {
    *opt = (arc_data_copy_options){.struct_size = sizeof *opt, .quality = 95, .min_images = 1};
}

static arc_status check(const arc_data_copy_options *o, arc_error *err) {
    if (o->size_px < 0 || o->size_px > 4096 || o->quality < 0 || o->quality > 100 || o->min_images < 1)
        return arc_fail(err, ARC_EINVAL, "size %d px, quality %d, at least %d images: out of range", o->size_px, o->quality,
                        o->min_images);
    if (o->shuffle && o->layout != ARC_DATA_SEQUENCE)
        return arc_fail(err, ARC_EINVAL, "only the sequence layout can be shuffled; the others keep identities together");
    return ARC_OK;
}

static arc_status finish(arc_data_picks *p, const arc_context *ctx, arc_data_set *const *sets, const char *path,
                         const arc_data_copy_options *o, bool renumber, arc_data_counts *counts, arc_error *err) {
    arc_data_picks_sort(p);
    if (renumber || o->min_images > 1)
        counts->left_out += arc_data_picks_renumber(p, o->min_images);
    if (o->shuffle)
        arc_data_picks_shuffle(p, o->seed);
    return arc_data_picks_write(p, ctx, sets, path, o, counts, err);
}

arc_status arc_data_copy(arc_context *ctx, const char *const *sets, int count, const char *path, const arc_data_copy_options *opt,
                         arc_data_counts *counts, arc_error *err) {
    arc_data_copy_options o;
    arc_data_counts own = {0};
    arc_data_picks picks;
    arc_data_set *open[MAX_SETS] = {0};
    int64_t offset = 0;
    arc_status st;
    counts = counts ? counts : &own;
    *counts = (arc_data_counts){0};
    arc_data_copy_options_default(&o);
    if (ARC_CHECK_OPTIONS(arc_data_copy_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    o = opt ? *opt : o;
    arc_data_picks_init(&picks, &ctx->alloc);
    if (count < 1 || count > MAX_SETS)
        return arc_fail(err, ARC_EINVAL, "%d data sets: 1 to %d can be copied at once", count, MAX_SETS);
    ARC_TRY(check(&o, err));
    for (int i = 0; i < count; i++) {
        ARC_TRY(arc_data_set_open(&open[i], ctx, sets[i], err));
        ARC_TRY(arc_data_picks_add_set(&picks, open[i], i, offset, counts, err));
        if (!o.same_labels)
            offset += arc_data_set_identities(open[i]);
    }
    ARC_TRY(finish(&picks, ctx, open, path, &o, false, counts, err));
done:
    arc_data_picks_free(&picks);
    for (int i = 0; i < count; i++)
        arc_data_set_close(&open[i]);
    return st;
}

/* ---- splitting ---- */

/* Decides which part a numbered thing belongs to, by its rank in a random order, so that the parts have their shares as
 * exactly as possible. */
typedef struct ranks {
    const double *shares;
    int parts;
    double sum;
} ranks;

static int part_of(const ranks *r, int64_t rank, int64_t count) {
    double end = 0;
    for (int k = 0; k < r->parts - 1; k++) {
        end += r->shares[k];
        if ((double)rank + 0.5 < end / r->sum * (double)count)
            return k;
    }
    return r->parts - 1;
}

static arc_status check_shares(const double *shares, int parts, double *sum, arc_error *err) {
    *sum = 0;
    if (parts < 2 || parts > MAX_PARTS)
        return arc_fail(err, ARC_EINVAL, "%d parts: a set is split into 2 to %d", parts, MAX_PARTS);
    for (int i = 0; i < parts; i++) {
        if (!(shares[i] > 0 && shares[i] < 1e12))
            return arc_fail(err, ARC_EINVAL, "share %g of part %d: a positive number is expected", shares[i], i + 1);
        *sum += shares[i];
    }
    return ARC_OK;
}

/* Distributes groups of `all` (identities, or the pictures of one identity) to parts, each group in its own random order.
 * part: [all->count]. */
static arc_status assign(const arc_data_picks *all, const ranks *r, bool by_image, uint64_t seed, uint8_t *part, arc_error *err) {
    const uint64_t key = arc_rng_hash(seed, SPLIT_STREAM);
    size_t groups = 0, most = 0;
    for (size_t i = 0, end; i < all->count; i = end, groups++) {
        for (end = i; end < all->count && all->at[end].label == all->at[i].label; end++)
            continue;
        most = ARC_MAX(most, end - i);
    }
    const size_t n = by_image ? most : groups;
    int64_t *order = arc_mem_raw(all->alloc, n, sizeof *order);
    if (!order)
        return arc_fail_nomem(err, "splitting");
    size_t group = 0;
    for (size_t i = 0, end; i < all->count; i = end, group++) {
        for (end = i; end < all->count && all->at[end].label == all->at[i].label; end++)
            continue;
        const size_t count = by_image ? end - i : groups;
        if (by_image || group == 0) { /* a new random order */
            for (size_t k = 0; k < count; k++)
                order[k] = (int64_t)k;
            for (size_t k = count; k > 1; k--) {
                const size_t other = (size_t)(arc_rng_hash(arc_rng_hash(key, group), k) % k);
                const int64_t t = order[k - 1];
                order[k - 1] = order[other];
                order[other] = t;
            }
        }
        for (size_t k = i; k < end; k++)
            part[k] = (uint8_t)part_of(r, order[by_image ? k - i : group], (int64_t)count);
    }
    arc_mem_free(all->alloc, order);
    return ARC_OK;
}

arc_status arc_data_split(arc_context *ctx, const char *set, const char *path, const double *shares, int parts, bool by_image,
                          const arc_data_copy_options *opt, arc_data_counts *counts, arc_error *err) {
    arc_data_copy_options o;
    arc_data_counts total = {0};
    arc_data_picks all, some;
    arc_data_set *open = NULL;
    uint8_t *part = NULL;
    ranks r = {shares, parts, 0};
    arc_status st;
    arc_data_copy_options_default(&o);
    if (ARC_CHECK_OPTIONS(arc_data_copy_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    o = opt ? *opt : o;
    arc_data_picks_init(&all, &ctx->alloc);
    arc_data_picks_init(&some, &ctx->alloc);
    ARC_TRY(check(&o, err));
    ARC_TRY(check_shares(shares, parts, &r.sum, err));
    ARC_TRY(arc_data_set_open(&open, ctx, set, err));
    ARC_TRY(arc_data_picks_add_set(&all, open, 0, 0, &total, err));
    arc_data_picks_sort(&all);
    part = arc_mem_new(&ctx->alloc, all.count, 1);
    if (!part)
        ARC_TRY(arc_fail_nomem(err, "splitting"));
    ARC_TRY(assign(&all, &r, by_image, o.seed, part, err));
    for (int k = 0; k < parts; k++) {
        char name[4096];
        arc_data_counts own = k == 0 ? total : (arc_data_counts){0};
        const int n = snprintf(name, sizeof name, "%s/part-%d", path, k + 1);
        if (n < 0 || (size_t)n >= sizeof name)
            ARC_TRY(arc_fail(err, ARC_ELIMIT, "%s: the path is too long", path));
        some.count = 0;
        for (size_t i = 0; i < all.count; i++)
            if (part[i] == k)
                ARC_TRY(arc_data_picks_add(&some, 0, all.at[i].sample, all.at[i].label, err));
        ARC_TRY(finish(&some, ctx, &open, name, &o, !by_image, &own, err));
        if (counts)
            counts[k] = own;
    }
done:
    arc_mem_free(&ctx->alloc, part);
    arc_data_picks_free(&some);
    arc_data_picks_free(&all);
    arc_data_set_close(&open);
    return st;
}
