/* LFW's pairs.txt: "name i j" for two images of one person, "name i other j" for two people. The first line gives folds and pairs
 * of each kind ("10 300"), or pairs of each kind alone ("1100", the Dev lists), or is missing. Fields are separated by tabs,
 * commas or spaces; names with spaces need one of the first two. Windows line ends and any bytes of UTF-8 in names are fine. */
#include "format/format.h"
#include <string.h>

#define MAX_FILE_BYTES ((size_t)256 << 20)
#define MAX_PAIRS 10000000
#define MAX_INDEX 1000000

typedef struct field {
    const char *text;
    size_t bytes;
} field;

typedef struct line {
    const char *file;
    size_t number;
    field field[5];
    int fields; /* 5 = too many */
} line;

static void split(line *l, const char *text, size_t bytes) {
    const char by = memchr(text, '\t', bytes) ? '\t' : memchr(text, ',', bytes) ? ',' : ' ';
    size_t at = 0;
    l->fields = 0;
    while (at < bytes && l->fields < 5) {
        while (at < bytes && (text[at] == by || text[at] == ' ' || text[at] == '\t'))
            at++;
        size_t from = at;
        while (at < bytes && text[at] != by)
            at++;
        size_t to = at;
        while (to > from && text[to - 1] == ' ')
            to--;
        if (to - from >= 2 && text[from] == '"' && text[to - 1] == '"') { /* a CSV's quotes */
            from++;
            to--;
        }
        if (to > from)
            l->field[l->fields++] = (field){text + from, to - from};
    }
}

static bool number(const field *f, int max, int *out) {
    int64_t v = 0;
    if (f->bytes > 9)
        return false;
    for (size_t i = 0; i < f->bytes; i++) {
        if (f->text[i] < '0' || f->text[i] > '9')
            return false;
        v = v * 10 + (f->text[i] - '0');
    }
    *out = (int)v;
    return v <= max;
}

static arc_status bad_line(const line *l, arc_error *err, const char *what) {
    return arc_fail(err, ARC_EFORMAT, "%s: line %zu %s; expected 'name index index' or 'name index name index'", l->file,
                    l->number, what);
}

static bool valid_name(const field *f) {
    if (f->bytes > 255 || memchr(f->text, 0, f->bytes) || memchr(f->text, '/', f->bytes))
        return false; /* a name becomes a folder: it must not lead elsewhere */
    return !(f->text[0] == '.' && (f->bytes == 1 || (f->bytes == 2 && f->text[1] == '.')));
}

static arc_status read_pair(arc_pairs *p, const line *l, arc_pair *out, arc_error *err) {
    const bool same = l->fields == 3;
    if (l->fields != 3 && l->fields != 4)
        return bad_line(l, err, "has the wrong number of fields");
    const field *other = same ? &l->field[0] : &l->field[2];
    if (!valid_name(&l->field[0]) || !valid_name(other))
        return bad_line(l, err, "has a name that can't be a folder");
    if (!number(&l->field[1], MAX_INDEX, &out->index[0]) || !number(&l->field[same ? 2 : 3], MAX_INDEX, &out->index[1]))
        return bad_line(l, err, "has an index that is no number");
    out->same = same;
    out->name[0] = arc_arena_strndup(&p->arena, l->field[0].text, l->field[0].bytes);
    out->name[1] = same ? out->name[0] : arc_arena_strndup(&p->arena, other->text, other->bytes);
    return out->name[0] && out->name[1] ? ARC_OK : arc_fail_nomem(err, l->file);
}

/* The next line that holds something; false at the end. */
static bool next_line(line *l, const char **at, const char *end) {
    while (*at < end) {
        const char *stop = memchr(*at, '\n', (size_t)(end - *at));
        const char *next = stop ? stop + 1 : end;
        size_t bytes = (size_t)((stop ? stop : end) - *at);
        const char *text = *at;
        while (bytes && (text[bytes - 1] == '\r' || text[bytes - 1] == ' ' || text[bytes - 1] == '\t'))
            bytes--;
        if (l->number == 0 && bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
            text += 3;
            bytes -= 3;
        }
        *at = next;
        l->number++;
        split(l, text, bytes);
        if (l->fields)
            return true;
    }
    return false;
}

/* The first line: 1 or 2 numbers. */
static bool read_header(arc_pairs *p, const line *l) {
    int first, second;
    if (l->fields == 2 && number(&l->field[0], 1000, &first) && number(&l->field[1], MAX_PAIRS, &second)) {
        p->folds = first;
        p->per_fold = second;
        return true;
    }
    return l->fields == 1 && number(&l->field[0], MAX_PAIRS, &first);
}

/* A CSV's titles: "name,imagenum1,imagenum2". */
static bool is_titles(const line *l) {
    static const char word[] = "imagenum";
    for (int i = 0; i < l->fields; i++)
        if (l->field[i].bytes >= sizeof word - 1 && memcmp(l->field[i].text, word, sizeof word - 1) == 0)
            return true;
    return false;
}

static arc_status check_counts(const arc_pairs *p, const char *name, arc_error *err) {
    if (p->pairs == 0)
        return arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", name);
    if (p->folds && (int64_t)p->folds * p->per_fold * 2 != p->pairs)
        return arc_fail(err, ARC_ECORRUPT, "%s: the first line promises %d folds of 2 x %d pairs, the file has %d pairs", name,
                        p->folds, p->per_fold, p->pairs);
    return ARC_OK;
}

arc_status arc_pairs_parse(arc_pairs *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                           arc_error *err) {
    memset(out, 0, sizeof *out);
    arc_arena_init(&out->arena, a, 0);
    line l = {.file = name};
    const char *at = bytes, *end = at + count;
    size_t lines = 1;
    for (const char *p = at; p < end; p++)
        lines += *p == '\n';
    arc_status st = ARC_OK;
    if (count > MAX_FILE_BYTES || lines > MAX_PAIRS)
        ARC_TRY(arc_fail(err, ARC_ELIMIT, "%s: more than %d lines", name, MAX_PAIRS));
    out->pair = arc_arena_new(&out->arena, lines, sizeof *out->pair);
    if (!out->pair)
        ARC_TRY(arc_fail_nomem(err, name));
    for (bool first = true; next_line(&l, &at, end); first = false) {
        if (first && (read_header(out, &l) || is_titles(&l)))
            continue;
        ARC_TRY(read_pair(out, &l, &out->pair[out->pairs], err));
        out->pairs++;
    }
    ARC_TRY(check_counts(out, name, err));
done:
    if (st != ARC_OK)
        arc_pairs_close(out);
    return st;
}

arc_status arc_pairs_open(arc_pairs *out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_map map = {0};
    memset(out, 0, sizeof *out);
    arc_status st = arc_map_open_real(&map, path, MAX_FILE_BYTES, err);
    if (st == ARC_OK)
        st = arc_pairs_parse(out, a, map.data, map.bytes, path, err);
    arc_map_close(&map);
    return st;
}

void arc_pairs_close(arc_pairs *pairs) {
    arc_arena_free(&pairs->arena);
    memset(pairs, 0, sizeof *pairs);
}
