/* Reads the part of YAML that settings are written in (kit.h), to settings by their paths. What is left out, anchors, texts over
 * several lines, mappings in braces, several documents, is refused by its line. */
#include "deploy/kit/kit.h"
#include <string.h>

#define MAX_DEPTH 16

/* A block: what stands at this indentation belongs to `path`. */
typedef struct block {
    size_t indent;
    const char *path; /* "" at the top */
    int items;        /* of a list, so far; -1: a mapping */
} block;

typedef struct reading {
    arc_arena *arena;
    const char *name;
    arc_yaml_setting *setting;
    int settings, line;
    block stack[MAX_DEPTH];
    int depth;
    const char *open; /* a key without value: what is indented further belongs to it */
    arc_error *err;
} reading;

static arc_status bad(const reading *r, const char *why) {
    return arc_fail(r->err, ARC_ECORRUPT, "%s: line %d: %s", r->name, r->line, why);
}

static const char *join(const reading *r, const char *path, const char *key, size_t bytes) {
    return arc_arena_printf(r->arena, "%s%s%.*s", path, *path ? "." : "", (int)bytes, key);
}

/* The block of this indentation. list: a line that begins with a dash. */
static arc_status enter(reading *r, size_t indent, bool list) {
    while (r->depth > 1 && r->stack[r->depth - 1].indent > indent)
        r->depth--;
    if (!list && !r->open && r->depth > 1 && r->stack[r->depth - 1].items >= 0) /* a list may stand under its key unindented */
        r->depth--;
    const block *top = &r->stack[r->depth - 1];
    if (r->open && (indent > top->indent || (list && indent == top->indent && top->items < 0))) {
        if (r->depth == MAX_DEPTH)
            return bad(r, "too deep");
        r->stack[r->depth++] = (block){indent, r->open, list ? 0 : -1};
    } else if (indent != top->indent) {
        return bad(r, "indented like nothing before it");
    } else if (list != (top->items >= 0)) {
        return bad(r, list ? "an item of no list" : "a key in a list");
    }
    r->open = NULL;
    return ARC_OK;
}

static arc_status add(reading *r, const char *path, const char *value, size_t bytes) {
    for (int i = 0; i < r->settings; i++)
        if (strcmp(r->setting[i].path, path) == 0)
            return bad(r, "this setting stands twice");
    if (r->settings == ARC_YAML_MAX_SETTINGS)
        return arc_fail(r->err, ARC_ELIMIT, "%s: more than %d settings", r->name, ARC_YAML_MAX_SETTINGS);
    const char *copy = arc_arena_strndup(r->arena, value, bytes);
    if (!copy)
        return arc_fail_nomem(r->err, r->name);
    r->setting[r->settings++] = (arc_yaml_setting){path, copy};
    return ARC_OK;
}

/* "key: value" or "key:". */
static arc_status read_key(reading *r, const char *text, size_t bytes) {
    const char *colon = memchr(text, ':', bytes);
    const size_t key = colon ? (size_t)(colon - text) : 0;
    if (!colon || key == 0 || (key + 1 < bytes && text[key + 1] != ' '))
        return bad(r, "no \"key: value\"");
    for (size_t i = 0; i < key; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= '0' && text[i] <= '9') ||
              text[i] == '_' || text[i] == '-'))
            return bad(r, "a key of other signs than letters, digits, _ and -");
    const char *path = join(r, r->stack[r->depth - 1].path, text, key);
    size_t at = key + 1;
    while (at < bytes && text[at] == ' ')
        at++;
    if (!path)
        return arc_fail_nomem(r->err, r->name);
    if (at < bytes && strchr("{&*|>!%@`", text[at]))
        return bad(r, "a value that is more than one plain line");
    if (at < bytes)
        return add(r, path, text + at, bytes - at);
    r->open = path;
    return ARC_OK;
}

static arc_status read_item(reading *r, size_t indent, const char *text, size_t bytes) {
    size_t at = 1;
    block *top = &r->stack[r->depth - 1];
    const char *path = arc_arena_printf(r->arena, "%s.%d", top->path, top->items++);
    while (at < bytes && text[at] == ' ')
        at++;
    if (!path)
        return arc_fail_nomem(r->err, r->name);
    if (at == bytes)
        return bad(r, "an item without a value");
    if (!memchr(text + at, ':', bytes - at) || text[at] == '[' || text[at] == '"')
        return add(r, path, text + at, bytes - at);
    if (r->depth == MAX_DEPTH)
        return bad(r, "too deep");
    r->stack[r->depth++] = (block){indent + at, path, -1};
    return read_key(r, text + at, bytes - at);
}

/* Without its comment and the blanks at its end. */
static size_t length_of(const char *line, size_t bytes) {
    size_t end = bytes;
    for (size_t i = 0; i < bytes; i++)
        if (line[i] == '#' && (i == 0 || line[i - 1] == ' ')) {
            end = i;
            break;
        }
    while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\r'))
        end--;
    return end;
}

static arc_status read_line(reading *r, const char *line, size_t bytes) {
    const size_t length = length_of(line, bytes);
    size_t indent = 0;
    while (indent < length && line[indent] == ' ')
        indent++;
    if (indent == length)
        return ARC_OK;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            return bad(r, "a tab or another control character");
    const char *text = line + indent;
    const bool list = text[0] == '-' && (length == indent + 1 || text[1] == ' ');
    const arc_status st = enter(r, indent, list);
    if (st != ARC_OK)
        return st;
    return list ? read_item(r, indent, text, length - indent) : read_key(r, text, length - indent);
}

arc_status arc_yaml_read(arc_arena *arena, const void *bytes, size_t count, const char *name,
                         arc_yaml_setting setting[ARC_YAML_MAX_SETTINGS], int *settings, arc_error *err) {
    reading r = {.arena = arena, .name = name, .setting = setting, .depth = 1, .err = err};
    arc_status st = ARC_OK;
    r.stack[0] = (block){0, "", -1};
    *settings = 0;
    if (count > ARC_YAML_MAX_BYTES)
        return arc_fail(err, ARC_ELIMIT, "%s: longer than %zu bytes", name, ARC_YAML_MAX_BYTES);
    for (size_t at = 0; at < count && st == ARC_OK;) {
        const char *line = (const char *)bytes + at, *end = memchr(line, '\n', count - at);
        const size_t length = end ? (size_t)(end - line) : count - at;
        r.line++;
        st = read_line(&r, line, length);
        at += length + 1;
    }
    *settings = st == ARC_OK ? r.settings : 0;
    return st;
}
