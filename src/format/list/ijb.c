/* The lists of IJB-B and IJB-C as InsightFace's package has them, and of YouTube Faces: fields of a line separated by blanks or
 * commas. */
#include "format/format.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_FILE_BYTES ((size_t)4 << 30)
#define MAX_LINES 100000000
#define MAX_FIELD_BYTES 1024
#define MAX_FIELDS 12                /* that a line's meaning lies in */
#define DROP_BYTES ((size_t)8 << 20) /* of the mapping behind the reader, so that big lists stay out of memory */

typedef struct reader {
    const char *file, *at, *end;
    size_t number; /* of the line */
} reader;

typedef struct field {
    const char *text;
    size_t bytes;
} field;

/* Fields of the next line that holds something; 0 at the end. More than MAX_FIELDS count but are not kept. */
static int next_line(reader *r, char by, field f[MAX_FIELDS]) {
    while (r->at < r->end) {
        const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at)), *text = r->at, *end = stop ? stop : r->end;
        int n = 0;
        r->at = stop ? stop + 1 : r->end;
        r->number++;
        while (end > text && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
            end--;
        while (text < end) {
            while (text < end && (*text == by || *text == ' ' || *text == '\t'))
                text++;
            const char *from = text;
            while (text < end && *text != by && !(by == ' ' && *text == '\t'))
                text++;
            const char *to = text;
            while (to > from && to[-1] == ' ')
                to--;
            if (to > from && n++ < MAX_FIELDS)
                f[n - 1] = (field){from, (size_t)(to - from)};
        }
        if (n)
            return n;
    }
    return 0;
}

static bool whole(const field *f, int *out) {
    int64_t v = 0;
    const bool negative = f->bytes > 1 && f->text[0] == '-';
    if (f->bytes == 0 || f->bytes > 10)
        return false;
    for (size_t i = negative; i < f->bytes; i++) {
        if (f->text[i] < '0' || f->text[i] > '9')
            return false;
        v = v * 10 + (f->text[i] - '0');
    }
    *out = (int)(negative ? -v : v);
    return v <= INT32_MAX;
}

static bool decimal(const field *f, float *out) {
    char text[64];
    const char *end;
    if (f->bytes >= sizeof text)
        return false;
    memcpy(text, f->text, f->bytes);
    text[f->bytes] = '\0';
    *out = (float)arc_number_read(text, &end);
    return end != text && *end == '\0' && isfinite(*out);
}

static bool inside(const field *f) {
    if (f->bytes == 0 || f->bytes > MAX_FIELD_BYTES || f->text[0] == '/' || memchr(f->text, 0, f->bytes))
        return false;
    for (size_t i = 0; i + 1 < f->bytes; i++)
        if (f->text[i] == '.' && f->text[i + 1] == '.' && (i == 0 || f->text[i - 1] == '/') &&
            (i + 2 == f->bytes || f->text[i + 2] == '/'))
            return false;
    return true;
}

static arc_status bad_line(const reader *r, const char *want, arc_error *err) {
    return arc_fail(err, ARC_EFORMAT, "%s: line %zu is not '%s'", r->file, r->number, want);
}

static arc_status count_lines(const void *bytes, size_t count, const char *name, size_t *lines, arc_error *err) {
    const char *p = bytes, *end = p + count;
    *lines = 1;
    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        ++*lines;
        p++;
    }
    return *lines > MAX_LINES ? arc_fail(err, ARC_ELIMIT, "%s: more than %d lines", name, MAX_LINES) : ARC_OK;
}

/* A reader of the lines and room in the arena for one entry a line; NULL with err set. */
static void *begin_entries(reader *r, arc_arena *arena, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                           size_t entry_bytes, arc_status *st, arc_error *err) {
    size_t lines;
    *r = (reader){.file = name, .at = bytes, .end = (const char *)bytes + count};
    arc_arena_init(arena, a, 0);
    *st = count_lines(bytes, count, name, &lines, err);
    if (*st != ARC_OK)
        return NULL;
    void *entries = arc_arena_new(arena, lines, entry_bytes);
    if (!entries)
        *st = arc_fail_nomem(err, name);
    return entries;
}

/* Gives each line, n fields separated by `by`, to `take`, which makes an entry of `list` from it. */
static arc_status each_line(reader *r, char by,
                            arc_status (*take)(void *list, const reader *r, const field *f, int n, arc_error *err), void *list,
                            arc_error *err) {
    field f[MAX_FIELDS];
    arc_status st = ARC_OK;
    int n;
    while (st == ARC_OK && (n = next_line(r, by, f)))
        st = take(list, r, f, n, err);
    return st;
}

static arc_status take_face(void *list, const reader *r, const field *f, int n, arc_error *err) {
    arc_ijb_faces *out = list;
    arc_ijb_face *face = &out->face[out->faces];
    bool good = n == 12 && inside(&f[0]) && decimal(&f[11], &face->score);
    for (int k = 0; k < 10 && good; k++)
        good = decimal(&f[1 + k], &face->landmark_px[k / 2][k % 2]);
    if (!good)
        return bad_line(r, "NAME X1 Y1 ... X5 Y5 SCORE", err);
    if (!(face->name = arc_arena_strndup(&out->arena, f[0].text, f[0].bytes)))
        return arc_fail_nomem(err, r->file);
    out->faces++;
    return ARC_OK;
}

arc_status arc_ijb_faces_parse(arc_ijb_faces *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               arc_error *err) {
    reader r;
    arc_status st;
    memset(out, 0, sizeof *out);
    out->face = begin_entries(&r, &out->arena, a, bytes, count, name, sizeof *out->face, &st, err);
    if (st == ARC_OK)
        st = each_line(&r, ' ', take_face, out, err);
    if (st != ARC_OK)
        arc_ijb_faces_close(out);
    return st;
}

void arc_ijb_faces_close(arc_ijb_faces *faces) {
    if (faces->arena.alloc)
        arc_arena_free(&faces->arena);
    memset(faces, 0, sizeof *faces);
}

/* Lines of whole numbers. */
typedef struct number_list {
    char by;
    int skip, columns; /* leading words, then numbers */
    bool header;       /* a first line of words is skipped, and more fields may follow the numbers */
    bool label;        /* the last number is 0 or 1 */
    const char *want;
} number_list;

static const number_list number_lists[] = {
    [ARC_IJB_TID_MID] = {' ', 1, 2, false, false, "NAME TEMPLATE MEDIA"},
    [ARC_IJB_PAIRS] = {' ', 0, 3, false, true, "TEMPLATE TEMPLATE 0|1"},
    [ARC_IJB_SUBJECTS] = {',', 0, 2, true, false, "TEMPLATE,SUBJECT,..."},
};

static bool read_row(const number_list *l, const field *f, int fields, int *value) {
    const int least = l->skip + l->columns;
    bool good = l->header ? fields >= least : fields == least;
    for (int k = 0; k < l->columns && good; k++)
        good = whole(&f[l->skip + k], &value[k]);
    return good && (!l->label || value[l->columns - 1] == 0 || value[l->columns - 1] == 1);
}

arc_status arc_ijb_numbers_parse(arc_number_rows *out, const arc_alloc *a, arc_ijb_list kind, const void *bytes, size_t count,
                                 const char *name, const arc_map *map, arc_error *err) {
    const number_list *l = &number_lists[kind];
    reader r = {.file = name, .at = bytes, .end = (const char *)bytes + count};
    field f[MAX_FIELDS];
    size_t lines, dropped = 0;
    int n;
    *out = (arc_number_rows){.columns = l->columns};
    arc_status st = count_lines(bytes, count, name, &lines, err);
    if (st == ARC_OK && !(out->value = arc_mem_raw(a, lines, (size_t)l->columns * sizeof(int))))
        st = arc_fail_nomem(err, name);
    while (st == ARC_OK && (n = next_line(&r, l->by, f))) {
        const bool good = read_row(l, f, n, &out->value[out->rows * (size_t)l->columns]);
        if (!good && !(l->header && r.number == 1))
            st = bad_line(&r, l->want, err);
        out->rows += good;
        const size_t behind = (size_t)(r.at - (const char *)bytes);
        if (map && behind - dropped > DROP_BYTES) {
            arc_map_drop(map, (const char *)bytes + dropped, behind - dropped);
            dropped = behind;
        }
    }
    if (st != ARC_OK) {
        arc_mem_free(a, out->value);
        *out = (arc_number_rows){0};
    }
    return st;
}

arc_status arc_ijb_numbers_open(arc_number_rows *out, const arc_alloc *a, arc_ijb_list kind, const char *path, arc_error *err) {
    arc_map map;
    *out = (arc_number_rows){0};
    arc_status st = arc_map_open(&map, path, MAX_FILE_BYTES, err);
    if (st == ARC_OK)
        st = arc_ijb_numbers_parse(out, a, kind, map.data, map.bytes, path, &map, err);
    arc_map_close(&map);
    return st;
}

/* ---- YouTube Faces ---- */

/* "split number, pair number, Name/video, Name/video, is same": 1 or 0 last; a header begins with "split". */
static arc_status take_pair(void *list, const reader *r, const field *f, int n, arc_error *err) {
    arc_pair_list *out = list;
    int split = 0, same = 0;
    if (out->pairs == 0 && f[0].bytes >= 5 && strncasecmp(f[0].text, "split", 5) == 0)
        return ARC_OK;
    if (n < 5 || n > 8 || !whole(&f[0], &split) || !inside(&f[2]) || !inside(&f[3]) || !whole(&f[n - 1], &same) || same < 0 ||
        same > 1)
        return bad_line(r, "SPLIT, PAIR, NAME/VIDEO, NAME/VIDEO, 0|1", err);
    if (split < out->folds || split > out->folds + 1)
        return arc_fail(err, ARC_ECORRUPT, "%s: line %zu is of split %d after split %d; the splits must stand in order", r->file,
                        r->number, split, out->folds);
    out->folds = split;
    arc_listed_pair *p = &out->pair[out->pairs++];
    for (int k = 0; k < 2; k++)
        if (!(p->path[k] = arc_arena_strndup(&out->arena, f[2 + k].text, f[2 + k].bytes)))
            return arc_fail_nomem(err, r->file);
    p->same = same == 1;
    return ARC_OK;
}

arc_status arc_ytf_splits_parse(arc_pair_list *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                                arc_error *err) {
    reader r;
    arc_status st;
    memset(out, 0, sizeof *out);
    out->pair = begin_entries(&r, &out->arena, a, bytes, count, name, sizeof *out->pair, &st, err);
    if (st == ARC_OK)
        st = each_line(&r, ',', take_pair, out, err);
    if (st == ARC_OK && out->pairs == 0)
        st = arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", name);
    if (st != ARC_OK) {
        arc_pair_list_close(out);
        return st;
    }
    out->kind = "YouTube Faces splits";
    out->bytes = (int64_t)count;
    arc_pair_list_digest(out, bytes, count);
    return ARC_OK;
}

/* Lines "Name\video\video.frame.jpg,0,x,y,w,h,0.0,1": x, y is the centre of the box. */
static arc_status take_box(void *list, const reader *r, const field *f, int n, arc_error *err) {
    arc_ytf_boxes *out = list;
    float v[4];
    bool good = n >= 6 && f[0].bytes <= MAX_FIELD_BYTES && !memchr(f[0].text, 0, f[0].bytes);
    for (int k = 0; k < 4 && good; k++)
        good = decimal(&f[2 + k], &v[k]);
    if (!good)
        return bad_line(r, "NAME\\VIDEO\\VIDEO.FRAME.jpg,0,X,Y,W,H,0.0,1", err);
    char *path = arc_arena_strndup(&out->arena, f[0].text, f[0].bytes);
    if (!path)
        return arc_fail_nomem(err, r->file);
    for (char *p = path; *p; p++)
        *p = *p == '\\' ? '/' : *p;
    out->box[out->boxes++] = (arc_ytf_box){path, {v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2}};
    return ARC_OK;
}

arc_status arc_ytf_boxes_parse(arc_ytf_boxes *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               arc_error *err) {
    reader r;
    arc_status st;
    memset(out, 0, sizeof *out);
    out->box = begin_entries(&r, &out->arena, a, bytes, count, name, sizeof *out->box, &st, err);
    if (st == ARC_OK)
        st = each_line(&r, ',', take_box, out, err);
    if (st != ARC_OK)
        arc_ytf_boxes_close(out);
    return st;
}

void arc_ytf_boxes_close(arc_ytf_boxes *boxes) {
    if (boxes->arena.alloc)
        arc_arena_free(&boxes->arena);
    memset(boxes, 0, sizeof *boxes);
}
