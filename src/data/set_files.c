/* data: data sets of picture files: a folder of pictures for each identity, or a list. */
#include "data/set_internal.h"
#include "format/format.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_DEPTH 16
#define MAX_LIST_BYTES ((size_t)64 << 30)
#define MAX_FIELDS 32
#define MAX_LINE_BYTES 8192

static arc_status file_path(const arc_data_set *set, int64_t sample, char *out, size_t bytes, arc_error *err) {
    const char *path = set->file[sample].path;
    const int n = path[0] == '/' ? snprintf(out, bytes, "%s", path) : snprintf(out, bytes, "%s/%s", set->root, path);
    return n > 0 && (size_t)n < bytes ? ARC_OK : arc_fail(err, ARC_ELIMIT, "%s/%s: the path is too long", set->root, path);
}

static arc_status files_read(const arc_data_set *set, int64_t sample, arc_data_item *out, arc_error *err) {
    char path[4096];
    arc_status st = file_path(set, sample, path, sizeof path, err);
    if (st == ARC_OK)
        st = arc_map_open(&out->map, path, ARC_DATA_MAX_PICTURE_BYTES, err);
    if (st != ARC_OK)
        return st;
    out->bytes = out->map.data;
    out->count = out->map.bytes;
    out->label = set->file[sample].label;
    return ARC_OK;
}

static arc_status files_label(const arc_data_set *set, int64_t sample, int64_t *label, arc_error *err) {
    (void)err;
    *label = set->file[sample].label;
    return ARC_OK;
}

static void files_key(const arc_data_set *set, int64_t sample, char *text, size_t bytes) {
    snprintf(text, bytes, "%s", set->file[sample].path);
}

static const arc_data_kind files_kind = {files_read, files_label, files_key};

static arc_status add_file(arc_data_set *set, const char *path, int64_t label, arc_error *err) {
    if ((size_t)set->samples == ARC_DATA_MAX_SAMPLES)
        return arc_fail(err, ARC_ELIMIT, "%s: more than %zu pictures", set->path, ARC_DATA_MAX_SAMPLES);
    if ((size_t)set->samples == set->file_capacity) {
        const size_t more = ARC_MAX(set->file_capacity * 2, (size_t)256);
        arc_data_file *grown = arc_mem_grow(set->alloc, set->file, (size_t)set->samples, more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, set->path);
        set->file = grown;
        set->file_capacity = more;
    }
    set->file[set->samples++] = (arc_data_file){path, label};
    return path ? ARC_OK : arc_fail_nomem(err, set->path);
}

/* ---- folders ---- */

static bool is_picture(const char *name) {
    static const char *const suffix[] = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".pnm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < ARC_COUNT(suffix); i++)
        if (strcasecmp(dot, suffix[i]) == 0)
            return true;
    return false;
}

/* Adds the pictures below root/relative, in the order of names. */
static arc_status walk(arc_data_set *set, const char *relative, int depth, arc_error *err) {
    arc_names names = {0};
    arc_status st;
    const char *folder = arc_arena_printf(&set->arena, "%s/%s", set->root, relative);
    if (!folder)
        return arc_fail_nomem(err, set->path);
    ARC_TRY(arc_dir_list(&names, set->alloc, folder, ARC_DATA_MAX_SAMPLES, err));
    for (size_t i = 0; i < names.count; i++) {
        if (names.name[i][0] == '.')
            continue;
        const char *path = arc_arena_printf(&set->arena, "%s/%s", relative, names.name[i]);
        const char *full = path ? arc_arena_printf(&set->arena, "%s/%s", set->root, path) : NULL;
        if (!full)
            ARC_TRY(arc_fail_nomem(err, set->path));
        if (is_picture(path))
            ARC_TRY(add_file(set, path, set->identities, err));
        else if (arc_path_kind_of(full) == ARC_PATH_DIR && depth < MAX_DEPTH)
            ARC_TRY(walk(set, path, depth + 1, err));
        else
            set->notes.ignored_files++;
    }
done:
    arc_names_free(&names);
    return st;
}

static arc_status walk_identity(arc_data_set *set, const char *name, arc_error *err) {
    const int64_t before = set->samples;
    const char *copy = arc_arena_strdup(&set->arena, name);
    const arc_status st = copy ? walk(set, copy, 0, err) : arc_fail_nomem(err, set->path);
    if (set->samples > before)
        set->identities++;
    else
        set->notes.empty_folders++;
    return st;
}

arc_status arc_data_set_open_folder(arc_data_set *set, arc_error *err) {
    arc_names names = {0};
    arc_status st;
    size_t loose = 0;
    set->kind = &files_kind;
    set->notes.kind = "folder";
    set->root = set->path;
    ARC_TRY(arc_dir_list(&names, set->alloc, set->path, ARC_DATA_MAX_SAMPLES, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *full = arc_arena_printf(&set->arena, "%s/%s", set->root, names.name[i]);
        if (!full)
            ARC_TRY(arc_fail_nomem(err, set->path));
        if (names.name[i][0] == '.')
            continue;
        if (arc_path_kind_of(full) == ARC_PATH_DIR)
            ARC_TRY(walk_identity(set, names.name[i], err));
        else
            loose += is_picture(names.name[i]);
    }
    if (set->samples == 0 && loose)
        st = arc_fail(err, ARC_EFORMAT, "%s: its %zu pictures stand in no identity's folder; expected %s/NAME/picture.jpg",
                      set->path, loose, set->path);
done:
    arc_names_free(&names);
    return st;
}

/* ---- lists ---- */

typedef struct line {
    char *field[MAX_FIELDS];
    int fields;
} line;

/* Splits a line in place at tabs, or at spaces if it has no tab. */
static void split(line *l, char *text) {
    const char *const between = strchr(text, '\t') ? "\t" : " ";
    l->fields = 0;
    while (l->fields < MAX_FIELDS) {
        text += strspn(text, between);
        if (!*text)
            break;
        l->field[l->fields++] = text;
        text += strcspn(text, between);
        if (*text)
            *text++ = '\0';
    }
}

static bool number(const char *text, double *out) {
    const char *end;
    *out = arc_number_read(text, &end);
    return end != text && *end == '\0';
}

/* In place: without the quotes around the whole text. */
static char *unquoted(char *text) {
    const size_t bytes = strlen(text);
    if (bytes < 2 || text[0] != '"' || text[bytes - 1] != '"')
        return text;
    text[bytes - 1] = '\0';
    return text + 1;
}

/* Which field is the path, and what the label is; NULL if the line has no known form. */
static const char *path_of(line *l, double *label) {
    double ignored;
    const int last = l->fields - 1;
    if (l->fields >= 3 && number(l->field[0], &ignored) && number(l->field[1], label) && !number(l->field[last], &ignored))
        return unquoted(l->field[last]); /* index, labels, path */
    if (l->fields >= 3 && number(l->field[0], &ignored) && number(l->field[2], label))
        return unquoted(l->field[1]); /* aligned, path, label, points */
    return l->fields == 2 && number(l->field[1], label) ? unquoted(l->field[0]) : NULL;
}

/* For "label path" where the path may contain spaces: the first space separates the label. */
static const char *path_behind_label(char *text, double *label) {
    text += strspn(text, " ");
    size_t bytes = strlen(text);
    while (bytes && text[bytes - 1] == ' ')
        text[--bytes] = '\0';
    char *blank = text + strcspn(text, " \t");
    if (!*blank)
        return NULL;
    *blank++ = '\0';
    blank = unquoted(blank + strspn(blank, " \t"));
    return number(text, label) && is_picture(blank) && !strchr(blank, '\t') ? blank : NULL;
}

/* For "path label" where the path contains spaces: the last space separates the label. */
static const char *path_before_label(char *text, double *label) {
    size_t bytes = strlen(text);
    while (bytes && text[bytes - 1] == ' ')
        text[--bytes] = '\0';
    char *blank = strrchr(text, ' ');
    text += strspn(text, " ");
    if (strchr(text, '\t') || !blank || blank <= text || !number(blank + 1, label))
        return NULL;
    while (blank > text && blank[-1] == ' ')
        blank--;
    *blank = '\0';
    text = unquoted(text);
    return is_picture(text) ? text : NULL;
}

static arc_status take_line(arc_data_set *set, char *text, size_t number_of_line, arc_error *err) {
    line l;
    double value;
    int64_t label;
    char whole[MAX_LINE_BYTES], again[MAX_LINE_BYTES];
    snprintf(whole, sizeof whole, "%s", text);
    snprintf(again, sizeof again, "%s", text);
    split(&l, text);
    if (l.fields == 0)
        return ARC_OK;
    const char *path = path_of(&l, &value);
    if (!path)
        path = path_before_label(whole, &value);
    if (!path)
        path = path_behind_label(again, &value);
    if (!path)
        return arc_fail(err, ARC_EFORMAT, "%s: line %zu is not \"index<TAB>label<TAB>path\", \"path label\" or \"label path\"",
                        set->path, number_of_line);
    arc_status st = arc_data_label_check(value, ARC_DATA_MAX_IDENTITIES, &label, err);
    if (st != ARC_OK) {
        char where[ARC_ERROR_TEXT_BYTES];
        snprintf(where, sizeof where, "%.400s: line %zu", set->path, number_of_line);
        return arc_fail_in(err, st, where);
    }
    set->identities = ARC_MAX(set->identities, label + 1);
    return add_file(set, arc_arena_strdup(&set->arena, path), label, err);
}

arc_status arc_data_set_open_list(arc_data_set *set, arc_error *err) {
    arc_map map;
    arc_status st;
    const char *slash = strrchr(set->path, '/');
    size_t at = 0, lines = 0;
    set->kind = &files_kind;
    set->notes.kind = "list";
    set->root = slash ? arc_arena_strndup(&set->arena, set->path, (size_t)(slash - set->path)) : ".";
    ARC_TRY(arc_map_open_real(&map, set->path, MAX_LIST_BYTES, err));
    if (!set->root)
        ARC_TRY(arc_fail_nomem(err, set->path));
    while (at < map.bytes) {
        char text[MAX_LINE_BYTES];
        const uint8_t *from = map.data + at, *stop = memchr(from, '\n', map.bytes - at);
        size_t bytes = stop ? (size_t)(stop - from) : map.bytes - at;
        at += bytes + 1;
        lines++;
        if (bytes >= sizeof text)
            ARC_TRY(arc_fail(err, ARC_ELIMIT, "%s: line %zu is longer than %zu bytes", set->path, lines, sizeof text - 1));
        memcpy(text, from, bytes);
        while (bytes && text[bytes - 1] == '\r')
            bytes--;
        text[bytes] = '\0';
        ARC_TRY(take_line(set, text, lines, err));
    }
done:
    arc_map_close(&map);
    return st;
}
