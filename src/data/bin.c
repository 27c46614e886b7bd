/* data: makes verification sets (.bin) from pictures: from a list of pairs, or from random pairs of a data set.
 * eval/protocol/bin.c reads them. */
#include "base/base.h"
#include "data/picks.h"
#include "format/format.h"
#include <arcface/image.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_LIST_BYTES ((size_t)1 << 30)
#define MAX_PICTURE_BYTES ((size_t)1 << 30)
#define MAX_PAIRS 100000000
#define PAIR_STREAM 0x72616e646f6d62u
#define PROGRESS_EVERY 64

/* The output that both kinds share. */
typedef struct maker {
    arc_context *ctx;
    arc_bin_writer *bin;
    uint8_t *same;
    size_t pairs, done;
    arc_data_progress *progress;
    void *progress_ctx;
} maker;

static arc_status begin(maker *m, const char *path, size_t pairs, arc_error *err) {
    m->pairs = pairs;
    m->same = arc_mem_new(&m->ctx->alloc, pairs, 1);
    return m->same ? arc_bin_writer_open(&m->bin, &m->ctx->alloc, path, pairs, err) : arc_fail_nomem(err, path);
}

static arc_status put_checked(maker *m, const char *name, const uint8_t *bytes, size_t count, arc_error *err) {
    arc_image image;
    arc_image_options strict;
    arc_image_options_default(&strict);
    strict.strict = 1;
    arc_status st = arc_image_decode(m->ctx, bytes, count, name, &strict, &image, NULL, err);
    arc_image_free(m->ctx, &image);
    return st == ARC_OK ? arc_bin_writer_put(m->bin, bytes, count, err) : st;
}

static arc_status end_pair(maker *m, bool same, arc_error *err) {
    m->same[m->done++] = same;
    if ((m->done % PROGRESS_EVERY == 0 || m->done == m->pairs) && m->progress &&
        m->progress(m->progress_ctx, (int64_t)m->done, (int64_t)m->pairs) != 0)
        return arc_fail(err, ARC_ECANCEL, "writing pairs was stopped");
    return ARC_OK;
}

static void end(maker *m) {
    arc_bin_writer_abort(&m->bin);
    arc_mem_free(&m->ctx->alloc, m->same);
}

/* ---- from a list ---- */

static arc_status put_file(maker *m, const char *path, arc_error *err) {
    arc_map map;
    arc_status st = arc_map_open(&map, path, MAX_PICTURE_BYTES, err);
    if (st == ARC_OK)
        st = put_checked(m, path, map.data, map.bytes, err);
    arc_map_close(&map);
    return st;
}

static arc_status put_lfw_image(maker *m, const char *root, const char *name, int index, arc_error *err) {
    static const char *const suffix[] = {"jpg", "png", "jpeg"};
    char path[4096];
    for (size_t i = 0; i < ARC_COUNT(suffix); i++) {
        const int n = snprintf(path, sizeof path, "%s/%s/%s_%04d.%s", root, name, name, index, suffix[i]);
        if (n < 0 || (size_t)n >= sizeof path)
            return arc_fail(err, ARC_ELIMIT, "the path of %s %d under %s is too long", name, index, root);
        if (arc_path_kind_of(path) == ARC_PATH_FILE)
            return put_file(m, path, err);
    }
    return arc_fail(err, ARC_ENOTFOUND, "%s/%s/%s_%04d.jpg (or .png) is missing; the list of pairs names it", root, name, name,
                    index);
}

static arc_status from_lfw(maker *m, const char *root, const char *list, const char *path, arc_error *err) {
    arc_pairs pairs = {0};
    arc_status st;
    ARC_TRY(arc_pairs_open(&pairs, &m->ctx->alloc, list, err));
    ARC_TRY(begin(m, path, (size_t)pairs.pairs, err));
    for (int i = 0; i < pairs.pairs; i++) {
        for (int k = 0; k < 2; k++)
            ARC_TRY(put_lfw_image(m, root, pairs.pair[i].name[k], pairs.pair[i].index[k], err));
        ARC_TRY(end_pair(m, pairs.pair[i].same, err));
    }
done:
    arc_pairs_close(&pairs);
    return st;
}

/* Splits "picture picture 0|1"; false for any other line. Fields are separated by tabs, or by spaces if the line has no tab. */
static bool split_line(char *text, char *field[2], bool *same) {
    const char *const between = strchr(text, '\t') ? "\t" : " ";
    char *at[3];
    int n = 0;
    for (text += strspn(text, between); *text && n < 3; text += strspn(text, between)) {
        at[n++] = text;
        text += strcspn(text, between);
        if (*text)
            *text++ = '\0';
    }
    if (n != 3 || *text || (strcmp(at[2], "0") != 0 && strcmp(at[2], "1") != 0))
        return false;
    field[0] = at[0];
    field[1] = at[1];
    *same = at[2][0] == '1';
    return true;
}

static bool next_line(const arc_map *map, size_t *at, size_t *number, char *text, size_t bytes) {
    while (*at < map->bytes) {
        const uint8_t *from = map->data + *at, *stop = memchr(from, '\n', map->bytes - *at);
        size_t n = stop ? (size_t)(stop - from) : map->bytes - *at;
        *at += n + 1;
        ++*number;
        n = ARC_MIN(n, bytes - 1);
        memcpy(text, from, n);
        while (n && (text[n - 1] == '\r' || text[n - 1] == ' '))
            n--;
        text[n] = '\0';
        if (n)
            return true;
    }
    return false;
}

static arc_status from_lines(maker *m, const char *root, const arc_map *map, const char *list, const char *path, arc_error *err) {
    char text[8192], file[4096], *field[2];
    size_t at = 0, number = 0, pairs = 0;
    bool same;
    arc_status st;
    while (next_line(map, &at, &number, text, sizeof text)) {
        if (!split_line(text, field, &same))
            return arc_fail(err, ARC_EFORMAT, "%s: line %zu is not \"picture picture 0|1\"", list, number);
        pairs++;
    }
    if (pairs > MAX_PAIRS)
        return arc_fail(err, ARC_ELIMIT, "%s: more than %d pairs", list, MAX_PAIRS);
    ARC_TRY(begin(m, path, pairs, err));
    for (at = number = 0; next_line(map, &at, &number, text, sizeof text);) {
        split_line(text, field, &same);
        for (int k = 0; k < 2; k++) {
            const int n = snprintf(file, sizeof file, "%s/%s", root, field[k]);
            if (n < 0 || (size_t)n >= sizeof file)
                ARC_TRY(arc_fail(err, ARC_ELIMIT, "%s: line %zu: the path is too long", list, number));
            ARC_TRY(put_file(m, file, err));
        }
        ARC_TRY(end_pair(m, same, err));
    }
done:
    return st;
}

arc_status arc_data_make_bin(arc_context *ctx, const char *root, const char *pairs_file, const char *path,
                             arc_data_progress *progress, void *progress_ctx, int64_t *pairs, arc_error *err) {
    maker m = {.ctx = ctx, .progress = progress, .progress_ctx = progress_ctx};
    arc_map map = {0};
    char text[8192], *field[2];
    size_t at = 0, number = 0;
    bool same, lines = false;
    arc_status st;
    ARC_TRY(arc_map_open(&map, pairs_file, MAX_LIST_BYTES, err));
    if (next_line(&map, &at, &number, text, sizeof text))
        lines = split_line(text, field, &same) && strchr(field[1], '.');
    ARC_TRY(lines ? from_lines(&m, root, &map, pairs_file, path, err) : from_lfw(&m, root, pairs_file, path, err));
    if (pairs)
        *pairs = (int64_t)m.pairs;
    st = arc_bin_writer_commit(&m.bin, m.same, err);
done:
    end(&m);
    arc_map_close(&map);
    return st;
}

/* ---- from random pairs ---- */

typedef struct group {
    size_t first, count; /* the picks of one identity */
} group;

static size_t find_groups(const arc_data_picks *p, group *out) {
    size_t n = 0;
    for (size_t i = 0, stop; i < p->count; i = stop) {
        for (stop = i; stop < p->count && p->at[stop].label == p->at[i].label; stop++)
            continue;
        out[n++] = (group){i, stop - i};
    }
    return n;
}

/* The pictures of pair i, as indices of picks. The first `several` groups have two pictures or more. */
static void choose(const group *g, size_t groups, size_t several, uint64_t key, bool same, size_t out[2]) {
    if (same) {
        const group *one = &g[arc_rng_hash(key, 0) % several];
        const size_t a = arc_rng_hash(key, 1) % one->count, b = (a + 1 + arc_rng_hash(key, 2) % (one->count - 1)) % one->count;
        out[0] = one->first + a;
        out[1] = one->first + b;
        return;
    }
    const size_t a = arc_rng_hash(key, 3) % groups, b = (a + 1 + arc_rng_hash(key, 4) % (groups - 1)) % groups;
    out[0] = g[a].first + arc_rng_hash(key, 5) % g[a].count;
    out[1] = g[b].first + arc_rng_hash(key, 6) % g[b].count;
}

static arc_status put_sample(maker *m, const arc_data_set *set, int64_t sample, arc_error *err) {
    arc_data_item item;
    char key[512];
    arc_data_set_key(set, sample, key, sizeof key);
    arc_status st = arc_data_set_read(set, sample, &item, err);
    if (st == ARC_OK)
        st = put_checked(m, key, item.bytes, item.count, err);
    arc_data_item_release(&item);
    return st;
}

static arc_status put_random(maker *m, const arc_data_set *set, const arc_data_picks *p, uint64_t seed, const char *path,
                             int64_t pairs, arc_error *err) {
    arc_status st;
    group *g = arc_mem_raw(&m->ctx->alloc, p->count, sizeof *g);
    if (!g)
        return arc_fail_nomem(err, path);
    const size_t groups = find_groups(p, g);
    size_t several = 0;
    for (size_t i = 0; i < groups; i++)
        if (g[i].count > 1) {
            const group t = g[several];
            g[several++] = g[i];
            g[i] = t;
        }
    if (several == 0 || groups < 2)
        ARC_TRY(
            arc_fail(err, ARC_EINVAL, "%s: pairs need two identities, one of them with two pictures", arc_data_set_path(set)));
    ARC_TRY(begin(m, path, (size_t)pairs, err));
    for (int64_t i = 0; i < pairs; i++) {
        size_t at[2];
        choose(g, groups, several, arc_rng_hash(arc_rng_hash(seed, PAIR_STREAM), (uint64_t)i), i % 2 == 0, at);
        for (int k = 0; k < 2; k++)
            ARC_TRY(put_sample(m, set, p->at[at[k]].sample, err));
        ARC_TRY(end_pair(m, i % 2 == 0, err));
    }
done:
    arc_mem_free(&m->ctx->alloc, g);
    return st;
}

arc_status arc_data_random_bin(arc_context *ctx, const char *set, int64_t pairs, uint64_t seed, const char *path,
                               arc_data_progress *progress, void *progress_ctx, arc_error *err) {
    maker m = {.ctx = ctx, .progress = progress, .progress_ctx = progress_ctx};
    arc_data_set *source = NULL;
    arc_data_picks picks;
    arc_data_counts counts = {0};
    arc_status st;
    arc_data_picks_init(&picks, &ctx->alloc);
    if (pairs < 1 || pairs > MAX_PAIRS)
        return arc_fail(err, ARC_EINVAL, "%lld pairs: 1 to %d can be made", (long long)pairs, MAX_PAIRS);
    ARC_TRY(arc_data_set_open(&source, ctx, set, err));
    ARC_TRY(arc_data_picks_add_set(&picks, source, 0, 0, &counts, err));
    arc_data_picks_sort(&picks);
    ARC_TRY(put_random(&m, source, &picks, seed, path, pairs, err));
    st = arc_bin_writer_commit(&m.bin, m.same, err);
done:
    end(&m);
    arc_data_picks_free(&picks);
    arc_data_set_close(&source);
    return st;
}
