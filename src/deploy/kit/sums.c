/* SHA256SUMS of a kit: lines as sha256sum writes and checks them. */
#include "base/digest.h"
#include "deploy/kit/kit.h"
#include <stdio.h>
#include <string.h>

#define MAX_ENTRIES ((size_t)100000)
#define MAX_SUMS_BYTES ((size_t)16 << 20)
#define FILE_NAME_BYTES 512
#define HEX (ARC_DIGEST_HEX_BYTES - 1)

arc_status arc_kit_path(const char *folder, const char *name, char path[ARC_PATH_BYTES], arc_error *err) {
    const int n = snprintf(path, ARC_PATH_BYTES, "%s/%s", folder, name);
    return n > 0 && n < ARC_PATH_BYTES ? ARC_OK : arc_fail(err, ARC_ELIMIT, "%.200s: its path is too long", folder);
}

/* Every file of a folder, below `under` ("" or "reference/"), by what `see` makes of it. */
typedef arc_status see_file(void *ctx, const char *folder, const char *name, arc_error *err);

static bool own_folder(const char *name) {
    return strcmp(name, ARC_KIT_UNPACKED) == 0 || strcmp(name, ARC_KIT_OUTPUT) == 0;
}

static arc_status each_file(const arc_alloc *a, const char *folder, const char *under, see_file *see, void *ctx, arc_error *err) {
    char path[ARC_PATH_BYTES], name[FILE_NAME_BYTES];
    arc_names names = {0};
    arc_status st;
    ARC_TRY(arc_kit_path(folder, under, path, err));
    ARC_TRY(arc_dir_list(&names, a, path, MAX_ENTRIES, err));
    for (size_t i = 0; i < names.count; i++) {
        snprintf(name, sizeof name, "%s%s", under, names.name[i]);
        ARC_TRY(arc_kit_path(folder, name, path, err));
        const bool is_folder = arc_path_kind_of(path) == ARC_PATH_DIR;
        if (is_folder && !*under && own_folder(name))
            continue;
        if (is_folder && !*under && strcmp(name, ARC_KIT_REFERENCE) == 0)
            ARC_TRY(each_file(a, folder, ARC_KIT_REFERENCE "/", see, ctx, err));
        else if (*under || strcmp(name, ARC_KIT_SUMS) != 0)
            ARC_TRY(see(ctx, folder, name, err));
    }
done:
    arc_names_free(&names);
    return st;
}

/* ---- writing ---- */

static arc_status put_sum(void *ctx, const char *folder, const char *name, arc_error *err) {
    char path[ARC_PATH_BYTES], hex[ARC_DIGEST_HEX_BYTES];
    arc_status st = arc_kit_path(folder, name, path, err);
    if (st == ARC_OK)
        st = arc_digest_file(path, hex, err);
    if (st == ARC_OK)
        arc_text_add(ctx, "%s  %s\n", hex, name);
    return st;
}

arc_status arc_kit_sums_save(const arc_alloc *a, const char *folder, arc_error *err) {
    char path[ARC_PATH_BYTES];
    arc_text t;
    arc_text_begin(&t, a);
    arc_status st = each_file(a, folder, "", put_sum, &t, err);
    if (st == ARC_OK)
        st = arc_kit_path(folder, ARC_KIT_SUMS, path, err);
    if (st == ARC_OK)
        return arc_text_save(&t, path, err);
    arc_buffer_free(&t.buffer);
    return st;
}

/* ---- checking ---- */

typedef struct listed {
    const char *hex, *name;
    bool seen;
} listed;

typedef struct checking {
    arc_arena arena;
    listed *list;
    size_t count, room;
    arc_findings *f;
} checking;

static bool is_hex(const char *text) {
    for (int i = 0; i < HEX; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

static listed *listed_as(const checking *c, const char *name) {
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->list[i].name, name) == 0)
            return &c->list[i];
    return NULL;
}

static arc_status add_line(checking *c, const char *line, size_t bytes, int number, arc_error *err) {
    const bool good = bytes > HEX + 2 && is_hex(line) && line[HEX] == ' ' && (line[HEX + 1] == ' ' || line[HEX + 1] == '*');
    if (!good) {
        arc_findings_add(c->f, true, ARC_KIT_SUMS, "line %d is no digest and name", number);
        return ARC_OK;
    }
    if (c->count == c->room) {
        const size_t more = c->room ? 2 * c->room : 64;
        listed *grown = arc_mem_grow(c->arena.alloc, c->list, c->room, more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, ARC_KIT_SUMS);
        c->list = grown;
        c->room = more;
    }
    listed *l = &c->list[c->count];
    *l = (listed){.hex = arc_arena_strndup(&c->arena, line, HEX),
                  .name = arc_arena_strndup(&c->arena, line + HEX + 2, bytes - HEX - 2)};
    if (!l->hex || !l->name)
        return arc_fail_nomem(err, ARC_KIT_SUMS);
    if (listed_as(c, l->name))
        arc_findings_add(c->f, true, ARC_KIT_SUMS, "%.100s stands twice", l->name);
    else
        c->count++;
    return ARC_OK;
}

static arc_status check_file(void *ctx, const char *folder, const char *name, arc_error *err) {
    checking *c = ctx;
    char path[ARC_PATH_BYTES], hex[ARC_DIGEST_HEX_BYTES];
    arc_error why = {0};
    listed *l = listed_as(c, name);
    const arc_status st = arc_kit_path(folder, name, path, err);
    if (st != ARC_OK)
        return st;
    if (!l) {
        arc_findings_add(c->f, true, name, "is no part of the kit: %s does not list it", ARC_KIT_SUMS);
        return ARC_OK;
    }
    l->seen = true;
    if (arc_digest_file(path, hex, &why) != ARC_OK)
        arc_findings_add(c->f, true, name, "%s", why.text);
    else if (strcmp(hex, l->hex) != 0)
        arc_findings_add(c->f, true, name, "is not the file that the kit was made with: its digest is another");
    return ARC_OK;
}

static arc_status read_list(checking *c, const arc_map *map, arc_error *err) {
    int number = 0;
    for (size_t at = 0; at < map->bytes;) {
        const char *line = (const char *)map->data + at, *end = memchr(line, '\n', map->bytes - at);
        const size_t bytes = end ? (size_t)(end - line) : map->bytes - at;
        const arc_status st = add_line(c, line, bytes, ++number, err);
        if (st != ARC_OK)
            return st;
        at += bytes + 1;
    }
    return ARC_OK;
}

arc_status arc_kit_sums_check(const arc_alloc *a, const char *folder, arc_findings *f, arc_error *err) {
    arc_status st;
    char path[ARC_PATH_BYTES];
    arc_error why = {0};
    arc_map map = {0};
    checking c = {.f = f};
    arc_arena_init(&c.arena, a, 0);
    ARC_TRY(arc_kit_path(folder, ARC_KIT_SUMS, path, err));
    if (arc_map_open(&map, path, MAX_SUMS_BYTES, &why) != ARC_OK) {
        arc_findings_add(f, true, ARC_KIT_SUMS, "%s", why.text);
        st = ARC_OK;
        goto done;
    }
    ARC_TRY(read_list(&c, &map, err));
    ARC_TRY(each_file(a, folder, "", check_file, &c, err));
    for (size_t i = 0; i < c.count; i++)
        if (!c.list[i].seen)
            arc_findings_add(f, true, c.list[i].name, "is missing");
done:
    arc_map_close(&map);
    arc_mem_free(a, c.list);
    arc_arena_free(&c.arena);
    return st;
}
