/* plan: reading and writing files of measured choices. */
#include "plan/cache.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char magic[] = "arcface plan 1";

void arc_plan_record_init(arc_plan_record *r, const arc_alloc *a) {
    *r = (arc_plan_record){.alloc = a};
}

void arc_plan_record_free(arc_plan_record *r) {
    const arc_alloc *a = r->alloc;
    arc_mem_free(a, r->choice);
    arc_plan_record_init(r, a);
}

static arc_plan_choice *find(const arc_plan_record *r, const char *key, int threads) {
    for (size_t i = 0; i < r->choices; i++)
        if (r->choice[i].threads == threads && strcmp(r->choice[i].key, key) == 0)
            return &r->choice[i];
    return NULL;
}

const char *arc_plan_record_find(const arc_plan_record *r, const char *key, int threads) {
    const arc_plan_choice *c = find(r, key, threads);
    return c ? c->name : NULL;
}

static arc_status append(arc_plan_record *r, arc_plan_choice **out, arc_error *err) {
    if (r->choices >= ARC_PLAN_MAX_CHOICES)
        return arc_fail(err, ARC_ELIMIT, "more than %d choices in a plan's record", ARC_PLAN_MAX_CHOICES);
    if (r->choices == r->capacity) {
        const size_t wanted = r->capacity ? 2 * r->capacity : 32;
        arc_plan_choice *grown = arc_mem_grow(r->alloc, r->choice, r->capacity, wanted, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "a plan's record");
        r->choice = grown;
        r->capacity = wanted;
    }
    *out = &r->choice[r->choices++];
    return ARC_OK;
}

arc_status arc_plan_record_set(arc_plan_record *r, const char *key, int threads, const char *name, arc_error *err) {
    arc_plan_choice *c = find(r, key, threads);
    const arc_status st = c ? ARC_OK : append(r, &c, err);
    if (st != ARC_OK)
        return st;
    c->threads = threads;
    snprintf(c->key, sizeof c->key, "%s", key);
    snprintf(c->name, sizeof c->name, "%s", name);
    return ARC_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

typedef struct reader {
    const char *at, *end;
    const char *name;
    int line;
    arc_error *err;
} reader;

/* The next line without its end; false when there is no whole one. */
static bool next_line(reader *in, const char **text, size_t *bytes) {
    const char *stop = in->at < in->end ? memchr(in->at, '\n', (size_t)(in->end - in->at)) : NULL;
    if (!stop)
        return false;
    *text = in->at;
    *bytes = (size_t)(stop - in->at);
    in->at = stop + 1;
    in->line++;
    return true;
}

static bool starts(const char *text, size_t bytes, const char *word) {
    return bytes >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

static arc_status corrupt(const reader *in, const char *what) {
    return arc_fail(in->err, ARC_ECORRUPT, "%s, line %d: %s; it will be measured again", in->name, in->line, what);
}

/* A field without tabs and control characters, ended by a tab or the end of the line. */
static bool take_field(const char **at, const char *end, char *to, size_t room) {
    size_t n = 0;
    for (; *at < end && **at != '\t'; (*at)++) {
        if (n + 1 >= room || **at < ' ' || **at > '~')
            return false;
        to[n++] = **at;
    }
    to[n] = '\0';
    if (*at < end)
        (*at)++;
    return n > 0;
}

static arc_status read_choice(arc_plan_record *r, const reader *in, const char *text, size_t bytes) {
    arc_plan_choice c = {0};
    const char *at = text + strlen("choice "), *end = text + bytes;
    char number[8];
    if (!take_field(&at, end, number, sizeof number) || !take_field(&at, end, c.key, sizeof c.key) ||
        !take_field(&at, end, c.name, sizeof c.name) || at != end)
        return corrupt(in, "not a choice");
    for (const char *digit = number; *digit; digit++) {
        if (*digit < '0' || *digit > '9')
            return corrupt(in, "not a number of threads");
        c.threads = c.threads * 10 + (*digit - '0');
    }
    arc_plan_choice *to = NULL;
    const arc_status st = append(r, &to, in->err);
    if (st == ARC_OK)
        *to = c;
    return st;
}

static arc_status read_rates(arc_plan_record *r, const reader *in, const char *text, size_t bytes) {
    char copy[128];
    double value[4];
    if (bytes >= sizeof copy)
        return corrupt(in, "not rates");
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    const char *at = copy + strlen("rates ");
    for (size_t i = 0; i < ARC_COUNT(value); i++) {
        const char *stop;
        value[i] = arc_number_read(at, &stop);
        if (stop == at || !(value[i] > 1e-6 && value[i] < 1e6))
            return corrupt(in, "not rates");
        at = stop;
    }
    if (*at)
        return corrupt(in, "not rates");
    r->rates = (arc_rates){value[0], value[1], value[2], value[3]};
    return ARC_OK;
}

static arc_status read_lines(arc_plan_record *r, reader *in, const char *owner) {
    const char *text, *begin = in->at;
    size_t bytes;
    char sum[32];
    if (!next_line(in, &text, &bytes) || bytes != strlen(magic) || !starts(text, bytes, magic))
        return arc_fail(in->err, ARC_EFORMAT, "%s: not a plan's record", in->name);
    if (!next_line(in, &text, &bytes) || !starts(text, bytes, "owner "))
        return corrupt(in, "no owner");
    if (bytes - strlen("owner ") != strlen(owner) || memcmp(text + strlen("owner "), owner, strlen(owner)) != 0)
        return arc_fail(in->err, ARC_EUNSUPPORTED, "%s: measured by %.*s, here is %s", in->name,
                        (int)ARC_MIN(bytes - strlen("owner "), (size_t)ARC_PLAN_OWNER_BYTES), text + strlen("owner "), owner);
    while (next_line(in, &text, &bytes)) {
        arc_status st = ARC_OK;
        if (starts(text, bytes, "choice "))
            st = read_choice(r, in, text, bytes);
        else if (starts(text, bytes, "rates "))
            st = read_rates(r, in, text, bytes);
        else if (starts(text, bytes, "end ")) {
            snprintf(sum, sizeof sum, "end %016" PRIx64, arc_hash_bytes(ARC_HASH_START, begin, (size_t)(text - begin)));
            const bool right = bytes == strlen(sum) && memcmp(text, sum, bytes) == 0 && in->at == in->end;
            return right ? ARC_OK : corrupt(in, "the checksum is wrong");
        } else
            st = corrupt(in, "an unknown line");
        if (st != ARC_OK)
            return st;
    }
    return corrupt(in, "the file ends early");
}

arc_status arc_plan_record_parse(arc_plan_record *r, const uint8_t *data, size_t bytes, const char *owner, const char *name,
                                 arc_error *err) {
    const char *text = (const char *)data;
    reader in = {.at = text, .end = text + bytes, .name = name, .err = err};
    arc_plan_record_free(r);
    const arc_status st = read_lines(r, &in, owner);
    if (st != ARC_OK)
        arc_plan_record_free(r);
    return st;
}

arc_status arc_plan_record_load(arc_plan_record *r, const char *path, const char *owner, arc_error *err) {
    arc_map map;
    arc_plan_record_free(r);
    arc_status st = arc_map_open(&map, path, ARC_PLAN_MAX_BYTES, err);
    if (st != ARC_OK)
        return st;
    st = arc_plan_record_parse(r, map.data, map.bytes, owner, path, err);
    arc_map_close(&map);
    return st;
}

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

static arc_status put_rates(const arc_plan_record *r, arc_buffer *out) {
    const double value[] = {r->rates.macs, r->rates.floats, r->rates.weight_floats, r->rates.threads};
    arc_status st = r->rates.macs > 0 ? arc_buffer_printf(out, "rates") : ARC_OK;
    for (size_t i = 0; r->rates.macs > 0 && st == ARC_OK && i < ARC_COUNT(value); i++) {
        char number[40];
        arc_number_write(number, sizeof number, value[i]);
        st = arc_buffer_printf(out, " %s", number);
    }
    return st == ARC_OK && r->rates.macs > 0 ? arc_buffer_printf(out, "\n") : st;
}

static arc_status put_all(const arc_plan_record *r, const char *owner, arc_buffer *out) {
    arc_status st;
    ARC_TRY(arc_buffer_printf(out, "%s\nowner %s\n", magic, owner));
    ARC_TRY(put_rates(r, out));
    for (size_t i = 0; i < r->choices; i++)
        ARC_TRY(arc_buffer_printf(out, "choice %d\t%s\t%s\n", r->choice[i].threads, r->choice[i].key, r->choice[i].name));
    ARC_TRY(arc_buffer_printf(out, "end %016" PRIx64 "\n", arc_hash_bytes(ARC_HASH_START, out->data, out->bytes)));
done:
    return st;
}

arc_status arc_plan_record_save(const arc_plan_record *r, const char *path, const char *owner, arc_error *err) {
    arc_buffer text;
    arc_buffer_init(&text, r->alloc, ARC_PLAN_MAX_BYTES);
    arc_status st = put_all(r, owner, &text);
    if (st != ARC_OK)
        st = arc_fail(err, st, "%s: a plan's record of %zu choices does not fit in memory", path, r->choices);
    if (st == ARC_OK)
        st = arc_dir_make_for(path, err);
    if (st == ARC_OK)
        st = arc_file_save(r->alloc, path, text.data, text.bytes, err);
    arc_buffer_free(&text);
    return st;
}
