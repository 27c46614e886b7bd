/* Lists of pairs in the forms that circulate, told apart by their first line. Windows line ends and paths, a byte order mark,
 * quotes, a CSV's line of titles and any bytes of UTF-8 are fine; fields are separated by tabs, commas, semicolons or blanks, and
 * names with blanks need one of the others or quotes. */
#include "format/format.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_FILE_BYTES ((size_t)1 << 30)
#define MAX_PAIRS 50000000
#define MAX_PATH_BYTES 1024
#define CFP_FOLDS 10

typedef struct field {
    const char *text;
    size_t bytes;
} field;

typedef struct reader {
    const char *file, *at, *end;
    size_t number; /* of the line */
    field field[4];
    int fields;                       /* 4 = too many */
    bool numbered;                    /* the first column numbers the lines, as pandas writes it, and is left out */
    char text[4][MAX_PATH_BYTES + 1]; /* fields that are not as they stand in the file: quoted, or with backslashes */
} reader;

/* A field in quotes from text[*at] on; two quotes stand for one. */
static field unquote(reader *r, const char *text, size_t bytes, size_t *at) {
    char *to = r->text[r->fields];
    size_t n = 0;
    for ((*at)++; *at < bytes; (*at)++) {
        if (text[*at] == '"' && !(*at + 1 < bytes && text[*at + 1] == '"'))
            break;
        *at += text[*at] == '"';
        if (n < MAX_PATH_BYTES)
            to[n++] = text[*at];
    }
    *at += *at < bytes;
    return (field){to, n};
}

/* Windows writes paths with backslashes. */
static field with_slashes(reader *r, field f) {
    char *to = r->text[r->fields];
    if (f.bytes > MAX_PATH_BYTES || !memchr(f.text, '\\', f.bytes) || memchr(f.text, '/', f.bytes))
        return f;
    for (size_t i = 0; i < f.bytes; i++)
        to[i] = f.text[i] == '\\' ? '/' : f.text[i];
    return (field){to, f.bytes};
}

/* What parts the fields of a line, quoted text left out. */
static char separator(const char *text, size_t bytes) {
    static const char by[] = {'\t', ',', ';'};
    for (size_t k = 0; k < sizeof by; k++) {
        bool quoted = false;
        for (size_t i = 0; i < bytes; i++) {
            quoted ^= text[i] == '"';
            if (!quoted && text[i] == by[k])
                return by[k];
        }
    }
    return ' ';
}

static void split(reader *r, const char *text, size_t bytes) {
    const char by = separator(text, bytes);
    size_t at = 0;
    r->fields = 0;
    while (r->numbered && at < bytes && text[at] != by)
        at++;
    while (at < bytes && r->fields < 4) {
        while (at < bytes && (text[at] == by || text[at] == ' '))
            at++;
        const size_t from = at;
        field f;
        if (at < bytes && text[at] == '"') {
            f = unquote(r, text, bytes, &at);
        } else {
            while (at < bytes && text[at] != by)
                at++;
            size_t to = at;
            while (to > from && text[to - 1] == ' ')
                to--;
            f = (field){text + from, to - from};
        }
        f = with_slashes(r, f);
        if (f.bytes)
            r->field[r->fields++] = f;
    }
}

/* ",path1,path2,same": the first column has no title. */
static bool has_untitled_column(const char *text, size_t bytes) {
    const size_t mark = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return bytes > mark && (text[mark] == ',' || text[mark] == ';');
}

static bool next_line(reader *r) {
    while (r->at < r->end) {
        const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
        const char *text = r->at;
        size_t bytes = (size_t)((stop ? stop : r->end) - text);
        r->at = stop ? stop + 1 : r->end;
        if (r->number == 0 && bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
            text += 3;
            bytes -= 3;
        }
        while (bytes && (text[bytes - 1] == '\r' || text[bytes - 1] == ' '))
            bytes--;
        r->number++;
        split(r, text, bytes);
        if (r->fields)
            return true;
    }
    return false;
}

static bool whole_number(const field *f, int *out) {
    int64_t v = 0;
    if (f->bytes == 0 || f->bytes > 9)
        return false;
    for (size_t i = 0; i < f->bytes; i++) {
        if (f->text[i] < '0' || f->text[i] > '9')
            return false;
        v = v * 10 + (f->text[i] - '0');
    }
    *out = (int)v;
    return true;
}

/* A path that stays inside the folder it is joined to. */
static bool inside(const field *f) {
    if (f->bytes > MAX_PATH_BYTES || f->bytes == 0 || f->text[0] == '/' || memchr(f->text, 0, f->bytes) ||
        (f->bytes > 1 && f->text[1] == ':')) /* C: */
        return false;
    for (size_t at = 0; at <= f->bytes;) {
        const char *slash = memchr(f->text + at, '/', f->bytes - at);
        const size_t part = slash ? (size_t)(slash - f->text) - at : f->bytes - at;
        if (part == 2 && memcmp(f->text + at, "..", 2) == 0)
            return false;
        at += part + 1;
    }
    return true;
}

static arc_status bad_line(const reader *r, const char *want, arc_error *err) {
    return arc_fail(err, ARC_EFORMAT, "%s: line %zu is not '%s' with paths inside the folder of images", r->file, r->number,
                    want);
}

static arc_status add(arc_pair_list *l, const field *a, const field *b, bool same, arc_error *err) {
    arc_listed_pair *p = &l->pair[l->pairs];
    p->path[0] = arc_arena_strndup(&l->arena, a->text, a->bytes);
    p->path[1] = arc_arena_strndup(&l->arena, b->text, b->bytes);
    p->same = same;
    l->pairs++;
    return p->path[0] && p->path[1] ? ARC_OK : arc_fail_nomem(err, "the list of pairs");
}

static arc_status room_for(arc_pair_list *l, size_t pairs, const char *name, arc_error *err) {
    if (pairs > MAX_PAIRS)
        return arc_fail(err, ARC_ELIMIT, "%s: more than %d pairs", name, MAX_PAIRS);
    l->pair = arc_arena_new(&l->arena, pairs, sizeof *l->pair);
    return l->pair ? ARC_OK : arc_fail_nomem(err, name);
}

/* A CSV's first line may say what the columns are: "path1,path2,same". */
static bool has_titles(const reader *r, const char *text, size_t bytes) {
    int number;
    if (separator(text, bytes) == ' ' || r->fields < 2)
        return false;
    for (int i = 0; i < r->fields; i++)
        if (whole_number(&r->field[i], &number) || memchr(r->field[i].text, '.', r->field[i].bytes) ||
            memchr(r->field[i].text, '/', r->field[i].bytes))
            return false;
    return true;
}

/* 1 and 0, or in words. */
static bool read_label(const field *f, int *label) {
    static const struct {
        const char *word;
        int label;
    } words[] = {{"true", 1}, {"false", 0}, {"same", 1}, {"different", 0}, {"diff", 0}, {"yes", 1}, {"no", 0}};
    for (size_t i = 0; i < ARC_COUNT(words); i++)
        if (f->bytes == strlen(words[i].word) && strncasecmp(f->text, words[i].word, f->bytes) == 0) {
            *label = words[i].label;
            return true;
        }
    return whole_number(f, label);
}

/* "PATH PATH LABEL" or "LABEL PATH PATH". */
static arc_status read_three(arc_pair_list *l, reader *r, arc_error *err) {
    do {
        int label;
        const bool last = r->fields == 3 && read_label(&r->field[2], &label),
                   first = !last && r->fields == 3 && read_label(&r->field[0], &label);
        const field *a = &r->field[first], *b = &r->field[1 + first];
        if ((!last && !first) || label > 1 || !inside(a) || !inside(b))
            return bad_line(r, "PATH PATH 0|1", err);
        arc_status st = add(l, a, b, label == 1, err);
        if (st != ARC_OK)
            return st;
    } while (next_line(r));
    l->kind = "path path label";
    return ARC_OK;
}

/* "PATH LABEL" twice a pair; LABEL 0 for different people, else a number that both lines share. */
static arc_status read_two(arc_pair_list *l, reader *r, arc_error *err) {
    static const char want[] = "PATH LABEL";
    do {
        int label, again;
        field a = r->field[0], b;
        if (r->fields != 2 || !whole_number(&r->field[1], &label) || !inside(&a))
            return bad_line(r, want, err);
        if (!next_line(r))
            return arc_fail(err, ARC_ECORRUPT, "%s: its last pair has one line instead of two", r->file);
        b = r->field[0];
        if (r->fields != 2 || !whole_number(&r->field[1], &again) || !inside(&b))
            return bad_line(r, want, err);
        if (label != again)
            return arc_fail(err, ARC_ECORRUPT, "%s: lines %zu and %zu are one pair but have labels %d and %d", r->file,
                            r->number - 1, r->number, label, again);
        arc_status st = add(l, &a, &b, label != 0, err);
        if (st != ARC_OK)
            return st;
    } while (next_line(r));
    l->kind = "path label, two lines a pair";
    return ARC_OK;
}

static arc_status read_lfw(arc_pair_list *l, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                           arc_error *err) {
    arc_pairs pairs;
    arc_status st = arc_pairs_parse(&pairs, a, bytes, count, name, err);
    if (st != ARC_OK)
        return st;
    st = room_for(l, (size_t)pairs.pairs, name, err);
    for (int i = 0; i < pairs.pairs && st == ARC_OK; i++) {
        arc_listed_pair *p = &l->pair[l->pairs++];
        p->same = pairs.pair[i].same;
        for (int k = 0; k < 2; k++)
            p->path[k] =
                arc_arena_printf(&l->arena, "%s/%s_%04d", pairs.pair[i].name[k], pairs.pair[i].name[k], pairs.pair[i].index[k]);
        if (!p->path[0] || !p->path[1])
            st = arc_fail_nomem(err, name);
    }
    l->folds = pairs.folds;
    l->suffix = false;
    l->kind = "LFW pairs";
    arc_pairs_close(&pairs);
    return st;
}

static bool has_dot(const field *f) {
    return memchr(f->text, '.', f->bytes) != NULL;
}

static bool has_path(const reader *r) {
    for (int i = 0; i < r->fields; i++)
        if (memchr(r->field[i].text, '/', r->field[i].bytes))
            return true;
    return false;
}

static void begin(arc_pair_list *out, const arc_alloc *a) {
    memset(out, 0, sizeof *out);
    arc_arena_init(&out->arena, a, 0);
    out->suffix = true;
}

arc_status arc_pair_list_parse(arc_pair_list *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               arc_error *err) {
    reader r = {.file = name, .at = bytes, .end = (const char *)bytes + count};
    size_t lines = 1;
    int number;
    begin(out, a);
    arc_pair_list_digest(out, bytes, count);
    for (const char *p = r.at; p < r.end; p++)
        lines += *p == '\n';
    arc_status st = ARC_OK;
    const char *first = r.at;
    if (!next_line(&r))
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", name));
    if (has_titles(&r, first, (size_t)(r.at - first))) {
        r.numbered = has_untitled_column(first, (size_t)(r.at - first));
        if (!next_line(&r))
            ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", name));
    }
    const bool dots = has_dot(&r.field[0]) || (r.fields > 1 && has_dot(&r.field[1]));
    if (r.fields == 2 && dots && whole_number(&r.field[1], &number)) {
        ARC_TRY(room_for(out, lines / 2 + 1, name, err));
        ARC_TRY(read_two(out, &r, err));
    } else if (r.fields == 3 && has_dot(&r.field[1])) {
        ARC_TRY(room_for(out, lines, name, err));
        ARC_TRY(read_three(out, &r, err));
    } else if (r.fields > 3 && has_path(&r)) {
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: line %zu is not 'PATH PATH 0|1'; tabs or commas must part paths that hold blanks",
                         name, r.number));
    } else {
        ARC_TRY(read_lfw(out, a, bytes, count, name, err));
    }
done:
    if (st != ARC_OK)
        arc_pair_list_close(out);
    return st;
}

/* ---- CFP: Split/FP/01/same.txt and diff.txt of "i,j" into the numbered lists Pair_list_F.txt and Pair_list_P.txt ---- */

typedef struct cfp {
    arc_pair_list *list;
    char **path[2]; /* frontal, profile */
    int paths[2];
    bool profile; /* the second picture is one */
    crypto_hash_sha256_state hash;
} cfp;

static arc_status map_hashed(cfp *c, arc_map *map, const char *path, arc_error *err) {
    arc_status st = arc_map_open(map, path, MAX_FILE_BYTES, err);
    if (st == ARC_OK) {
        crypto_hash_sha256_update(&c->hash, map->data, map->bytes);
        c->list->bytes += (int64_t)map->bytes;
    }
    return st;
}

/* Lines "7 ../Data/Images/001/frontal/07.jpg": what stands behind Images/. */
static arc_status read_cfp_names(cfp *c, const char *path, int which, arc_error *err) {
    arc_map map;
    arc_status st = map_hashed(c, &map, path, err);
    if (st != ARC_OK)
        return st;
    reader r = {.file = path, .at = (const char *)map.data, .end = (const char *)map.data + map.bytes};
    c->path[which] = arc_arena_new(&c->list->arena, map.bytes / 3 + 1, sizeof(char *));
    if (!c->path[which])
        st = arc_fail_nomem(err, path);
    while (st == ARC_OK && next_line(&r)) {
        int number;
        static const char folder[] = "Images/";
        field f = r.field[r.fields - 1];
        const char *at = memmem(f.text, f.bytes, folder, sizeof folder - 1);
        if (at) {
            f.bytes -= (size_t)(at - f.text) + sizeof folder - 1;
            f.text = at + sizeof folder - 1;
        }
        if (r.fields != 2 || !whole_number(&r.field[0], &number) || number != c->paths[which] + 1 || !inside(&f))
            st = bad_line(&r, "NUMBER PATH", err);
        else if (!(c->path[which][c->paths[which]++] = arc_arena_strndup(&c->list->arena, f.text, f.bytes)))
            st = arc_fail_nomem(err, path);
    }
    arc_map_close(&map);
    return st;
}

static arc_status read_cfp_fold(cfp *c, const char *path, bool same, arc_error *err) {
    arc_map map;
    arc_pair_list *l = c->list;
    arc_status st = map_hashed(c, &map, path, err);
    if (st != ARC_OK)
        return st;
    reader r = {.file = path, .at = (const char *)map.data, .end = (const char *)map.data + map.bytes};
    while (st == ARC_OK && next_line(&r)) {
        int i, j;
        const int second = c->profile;
        if (r.fields != 2 || !whole_number(&r.field[0], &i) || !whole_number(&r.field[1], &j) || i < 1 || i > c->paths[0] ||
            j < 1 || j > c->paths[second])
            st = bad_line(&r, "NUMBER,NUMBER", err);
        else if (l->pairs == MAX_PAIRS / 100)
            st = arc_fail(err, ARC_ELIMIT, "%s: too many pairs", path);
        else
            l->pair[l->pairs++] = (arc_listed_pair){{c->path[0][i - 1], c->path[second][j - 1]}, same};
    }
    arc_map_close(&map);
    return st;
}

static arc_status open_cfp(arc_pair_list *out, const char *folder, arc_error *err) {
    static const char *const lists[] = {"Pair_list_F.txt", "Pair_list_P.txt"}, *const kinds[] = {"diff", "same"};
    char path[4096];
    size_t length = strlen(folder);
    while (length && folder[length - 1] == '/')
        length--;
    cfp c = {.list = out, .profile = length >= 2 && memcmp(folder + length - 2, "FP", 2) == 0};
    crypto_hash_sha256_init(&c.hash);
    arc_status st = room_for(out, MAX_PAIRS / 100, folder, err);
    for (int k = 0; k < 2 && st == ARC_OK; k++) {
        snprintf(path, sizeof path, "%.*s/../../%s", (int)ARC_MIN(length, (size_t)3500), folder, lists[k]);
        if (arc_path_kind_of(path) != ARC_PATH_FILE)
            return arc_fail(
                err, ARC_ENOTFOUND,
                "%s is a folder but not CFP's Protocol/Split/FP or FF: %s is not two folders above; name the file of pairs",
                folder, lists[k]);
        st = read_cfp_names(&c, path, k, err);
    }
    for (int f = 1; f <= CFP_FOLDS && st == ARC_OK; f++)
        for (int same = 1; same >= 0 && st == ARC_OK; same--) {
            snprintf(path, sizeof path, "%.*s/%02d/%s.txt", (int)ARC_MIN(length, (size_t)3500), folder, f, kinds[same]);
            st = read_cfp_fold(&c, path, same == 1, err);
        }
    crypto_hash_sha256_final(&c.hash, out->digest);
    out->folds = CFP_FOLDS;
    out->kind = "CFP split";
    out->first_folder = true;
    return st;
}

arc_status arc_pair_list_open(arc_pair_list *out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_status st;
    begin(out, a);
    if (arc_path_kind_of(path) == ARC_PATH_DIR) {
        st = open_cfp(out, path, err);
        if (st == ARC_OK && out->pairs == 0)
            st = arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", path);
        if (st != ARC_OK)
            arc_pair_list_close(out);
        return st;
    }
    arc_map map;
    st = arc_map_open_real(&map, path, MAX_FILE_BYTES, err);
    if (st == ARC_OK)
        st = arc_pair_list_parse(out, a, map.data, map.bytes, path, err);
    else
        memset(out, 0, sizeof *out);
    arc_map_close(&map);
    return st;
}

void arc_pair_list_digest(arc_pair_list *list, const void *bytes, size_t count) {
    crypto_hash_sha256(list->digest, bytes, count);
    list->bytes = (int64_t)count;
}

void arc_pair_list_close(arc_pair_list *list) {
    if (list->arena.alloc)
        arc_arena_free(&list->arena);
    memset(list, 0, sizeof *list);
}
