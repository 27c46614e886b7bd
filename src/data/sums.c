/* data: checksums in a file beside a data set. */
#include "data/sums.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "arcface sums 1\n"
#define MAX_SUMS_BYTES ((size_t)1 << 38)

typedef struct entry {
    uint64_t key; /* hash of the name */
    uint8_t sum[ARC_SUM_BYTES];
} entry;

struct arc_data_sums {
    const arc_alloc *alloc;
    entry *at; /* [count], by key */
    size_t count;
};

void arc_data_sum(const void *bytes, size_t count, uint8_t sum[ARC_SUM_BYTES]) {
    static const uint8_t nothing[1];
    crypto_generichash(sum, ARC_SUM_BYTES, count ? bytes : nothing, count, NULL, 0);
}

static uint64_t key_of(const void *name, size_t bytes) {
    uint8_t sum[ARC_SUM_BYTES];
    uint64_t key;
    arc_data_sum(name, bytes, sum);
    memcpy(&key, sum, sizeof key);
    return key;
}

static int by_key(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static bool digit(uint8_t c, uint8_t *out) {
    if (c >= '0' && c <= '9')
        *out = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *out = (uint8_t)(c - 'a' + 10);
    else
        return false;
    return true;
}

/* "checksum bytes key". */
static bool read_line(entry *e, const uint8_t *line, size_t bytes) {
    if (bytes < 2 * ARC_SUM_BYTES + 4 || line[2 * ARC_SUM_BYTES] != ' ')
        return false;
    for (size_t i = 0; i < ARC_SUM_BYTES; i++) {
        uint8_t high, low;
        if (!digit(line[2 * i], &high) || !digit(line[2 * i + 1], &low))
            return false;
        e->sum[i] = (uint8_t)(high << 4 | low);
    }
    const uint8_t *after = line + 2 * ARC_SUM_BYTES + 1, *end = line + bytes, *space = memchr(after, ' ', (size_t)(end - after));
    if (!space || space + 1 == end)
        return false;
    e->key = key_of(space + 1, (size_t)(end - space - 1));
    return true;
}

static arc_status parse(arc_data_sums *s, const arc_map *map, const char *path, arc_error *err) {
    const uint8_t *at = map->data, *end = at + map->bytes;
    size_t lines = 0;
    if (map->bytes < strlen(HEAD) || memcmp(at, HEAD, strlen(HEAD)) != 0)
        return arc_fail(err, ARC_EFORMAT, "%s: not a file of checksums", path);
    for (const uint8_t *p = at; p < end; p++)
        lines += *p == '\n';
    s->at = arc_mem_raw(s->alloc, lines + 1, sizeof *s->at);
    if (!s->at)
        return arc_fail_nomem(err, path);
    for (at += strlen(HEAD); at < end;) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        if (!read_line(&s->at[s->count], at, (size_t)((stop ? stop : end) - at)))
            return arc_fail(err, ARC_EFORMAT, "%s: line %zu is not \"checksum bytes key\"", path, s->count + 2);
        s->count++;
        at = stop ? stop + 1 : end;
    }
    if (s->count)
        qsort(s->at, s->count, sizeof *s->at, by_key);
    return ARC_OK;
}

arc_status arc_data_sums_open(arc_data_sums **out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_map map = {0};
    *out = NULL;
    arc_data_sums *s = arc_mem_new(a, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, path);
    s->alloc = a;
    arc_status st = arc_map_open(&map, path, MAX_SUMS_BYTES, err);
    if (st == ARC_OK)
        st = parse(s, &map, path, err);
    arc_map_close(&map);
    if (st != ARC_OK)
        arc_data_sums_close(&s);
    *out = s;
    return st;
}

void arc_data_sums_close(arc_data_sums **sums) {
    if (!sums || !*sums)
        return;
    arc_data_sums *s = *sums;
    *sums = NULL;
    arc_mem_free(s->alloc, s->at);
    arc_mem_free(s->alloc, s);
}

int arc_data_sums_compare(const arc_data_sums *s, const char *key, const void *bytes, size_t count) {
    const entry wanted = {.key = key_of(key, strlen(key))};
    const entry *found = s->count ? bsearch(&wanted, s->at, s->count, sizeof *s->at, by_key) : NULL;
    uint8_t sum[ARC_SUM_BYTES];
    if (!found)
        return -1;
    arc_data_sum(bytes, count, sum);
    return memcmp(sum, found->sum, sizeof sum) == 0;
}
