/* source: the walk over names. Folders are a stack, each with its listing; at most one list is open, and its lines lead to
 * folders in their turn. Memory is bounded: a listing holds so many names at a time, a list is a mapping. */
#include "source/walk.h"
#include "image/image.h"
#include "source/archive.h"
#include "source/kinds.h"
#include <arcface/image.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 32                /* folders below the one that was named */
#define NAMES_AT_A_TIME (1UL << 16) /* of a folder: larger ones are read in several passes */
#define LIST_BYTES_MAX ((size_t)1 << 30)

typedef struct folder {
    arc_listing *listing;
    arc_path_id id;
    size_t path_bytes;
} folder;

struct arc_walk {
    arc_context *ctx;
    arc_feed_options opt;
    char **name; /* [names]; one block */
    int names, next;
    bool input_taken;
    /* the list that is open */
    const char *list; /* its name; NULL: none */
    arc_map map;
    arc_photo_list lines;
    /* the folders that are open, the last one inside the others */
    folder folder[DEPTH_MAX + 1];
    int depth;
    /* the archive that is open; no folder is then */
    arc_photo_archive *archive;
    arc_map packed;            /* its bytes, */
    arc_buffer input;          /* or those, when it came by standard input */
    bool empty;                /* nothing was found since the archive or the first folder was opened */
    char path[ARC_PATH_BYTES]; /* of the last of them, or of what was found in it */
    char line[ARC_PATH_BYTES]; /* of a list */
    int64_t skipped, closed;
    char *skipped_name[ARC_FEED_SKIPPED_NAMES];
    char *closed_name;
};

static arc_status copy_names(arc_walk *w, const char *const *names, int count, arc_error *err) {
    size_t bytes = (size_t)count * sizeof *w->name;
    for (int i = 0; i < count; i++)
        bytes += strlen(names[i]) + 1;
    w->name = arc_mem_raw(&w->ctx->alloc, bytes, 1);
    if (!w->name)
        return arc_fail_nomem(err, "names of photos");
    char *to = (char *)(w->name + count);
    for (int i = 0; i < count; i++, to += strlen(to) + 1) {
        w->name[i] = to;
        memcpy(to, names[i], strlen(names[i]) + 1);
    }
    w->names = count;
    return ARC_OK;
}

arc_status arc_walk_open(arc_walk **out, arc_context *ctx, const char *const *names, int count, const arc_feed_options *opt,
                         arc_error *err) {
    arc_walk *w = *out = arc_mem_new(&ctx->alloc, 1, sizeof *w);
    if (!w)
        return arc_fail_nomem(err, "names of photos");
    w->ctx = ctx;
    w->opt = *opt;
    const arc_status st = copy_names(w, names, count, err);
    if (st != ARC_OK)
        arc_walk_close(out);
    return st;
}

static void close_list(arc_walk *w) {
    if (w->list)
        arc_map_close(&w->map);
    w->list = NULL;
}

static void close_archive(arc_walk *w) {
#ifdef ARC_WITH_ARCHIVES
    arc_photo_archive_close(&w->archive);
#endif
    arc_map_close(&w->packed);
    arc_buffer_free(&w->input);
}

void arc_walk_close(arc_walk **walk) {
    if (!walk || !*walk)
        return;
    arc_walk *w = *walk;
    const arc_alloc *a = &w->ctx->alloc;
    while (w->depth > 0)
        arc_listing_close(&w->folder[--w->depth].listing);
    close_list(w);
    close_archive(w);
    arc_mem_free(a, w->closed_name);
    for (int i = 0; i < ARC_FEED_SKIPPED_NAMES; i++)
        arc_mem_free(a, w->skipped_name[i]);
    arc_mem_free(a, w->name);
    arc_mem_free(a, w);
    *walk = NULL;
}

void arc_walk_skipped(const arc_walk *w, arc_feed_tally *tally) {
    tally->skipped = w->skipped;
    tally->archives = w->closed;
    tally->archive_name = w->closed_name;
    for (int i = 0; i < ARC_FEED_SKIPPED_NAMES; i++)
        tally->skipped_name[i] = w->skipped_name[i];
}

/* ---- what the walk comes to ---- */

static arc_status give(arc_walk *w, arc_found *found, arc_found_kind kind, const char *name) {
    *found = (arc_found){.kind = kind, .name = name};
    w->empty = false;
    return ARC_OK;
}

/* A folder or a list that failed; the reason is in `failure`. Memory that ran out ends the walk. */
static arc_status give_failure(arc_walk *w, arc_found *found, const char *name, const arc_error *failure, bool part,
                               arc_error *err) {
    if (failure->code == ARC_ENOMEM)
        return arc_fail(err, ARC_ENOMEM, "%s", failure->text);
    give(w, found, ARC_FOUND_FAILED, name);
    found->failure = *failure;
    found->part = part;
    return ARC_OK;
}

static arc_status keep_name(arc_walk *w, const char *name, char **kept, arc_error *err) {
    *kept = arc_mem_strdup(&w->ctx->alloc, name);
    return *kept ? ARC_OK : arc_fail_nomem(err, name);
}

/* What is no picture. closed: an archive in a folder or in an archive. */
static arc_status skip(arc_walk *w, const char *name, bool closed, arc_error *err) {
    arc_status st = ARC_OK;
    if (closed && w->closed++ == 0)
        return keep_name(w, name, &w->closed_name, err);
    if (closed)
        return ARC_OK;
    if (w->skipped < ARC_FEED_SKIPPED_NAMES)
        st = keep_name(w, name, &w->skipped_name[w->skipped], err);
    w->skipped += st == ARC_OK;
    return st;
}

/* ---- archives ---- */

/* The first bytes of a file. */
typedef struct first_bytes {
    uint8_t bytes[ARC_ARCHIVE_KIND_BYTES];
    size_t count;
} first_bytes;

static arc_status look_at_file(const char *path, first_bytes *first) {
    arc_map map;
    first->count = 0;
    const arc_status st = arc_map_open(&map, path, SIZE_MAX, NULL);
    if (st != ARC_OK)
        return st;
    first->count = ARC_MIN(map.bytes, sizeof first->bytes);
    memcpy(first->bytes, map.data, first->count);
    arc_map_close(&map);
    return ARC_OK;
}

/* Told by its first bytes. A picture never looks like an archive. */
static bool is_archive(const first_bytes *first) {
    return arc_photo_archive_kind(first->bytes, first->count) && !arc_image_kind(first->bytes, first->count);
}

/* The archive in w->packed or w->input. */
static arc_status open_archive(arc_walk *w, const char *name, const arc_map *map, const void *bytes, size_t count,
                               arc_found *found, arc_error *err) {
    arc_error failure = {0};
    w->empty = true;
#ifdef ARC_WITH_ARCHIVES
    const arc_photo_archive_limits limits = {w->opt.max_bytes, ARC_BOMB_BYTES, w->opt.names_only};
    const arc_status st = arc_photo_archive_open(&w->archive, &w->ctx->alloc, name, bytes, count, map, &limits, &failure);
#else
    const arc_status st =
        arc_fail(&failure, ARC_EUNSUPPORTED, "%s: a %s file, which this build does not look into; unpack it and name the folder",
                 name, arc_photo_archive_kind(bytes, count));
    (void)map;
#endif
    if (st == ARC_OK)
        return ARC_OK;
    close_archive(w);
    return give_failure(w, found, name, &failure, true, err);
}

static arc_status open_archive_file(arc_walk *w, const char *name, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    if (arc_map_open(&w->packed, name, SIZE_MAX, &failure) != ARC_OK)
        return give_failure(w, found, name, &failure, true, err);
    return open_archive(w, name, &w->packed, w->packed.data, w->packed.bytes, found, err);
}

#ifdef ARC_WITH_ARCHIVES
static arc_status end_archive(arc_walk *w, const char *name, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    snprintf(w->path, sizeof w->path, "%s", name);
    close_archive(w);
    if (!w->empty)
        return ARC_OK;
    (void)arc_fail(&failure, ARC_EFORMAT, "archive %s holds no pictures", w->path);
    return give_failure(w, found, w->path, &failure, true, err);
}

/* The next member of the archive. found->kind stays END when it gives no photo. */
static arc_status step_archive(arc_walk *w, arc_found *found, arc_error *err) {
    arc_photo_member m;
    const arc_status st = arc_photo_archive_next(w->archive, &m, err);
    if (st != ARC_OK)
        return st;
    switch (m.kind) {
    case ARC_MEMBER_PICTURE:
        give(w, found, ARC_FOUND_BYTES, m.name);
        found->bytes = m.bytes;
        found->byte_count = m.byte_count;
        return ARC_OK;
    case ARC_MEMBER_FAILED:
    case ARC_MEMBER_BROKEN:
        return give_failure(w, found, m.name, &m.failure, m.kind == ARC_MEMBER_BROKEN, err);
    case ARC_MEMBER_END:
        return end_archive(w, m.name, found, err);
    default:
        return skip(w, m.name, m.kind == ARC_MEMBER_CLOSED, err);
    }
}
#endif

/* ---- folders ---- */

static bool leads_back(const arc_walk *w, const arc_path_id *id) {
    for (int i = 0; i < w->depth; i++)
        if (w->folder[i].id.device == id->device && w->folder[i].id.number == id->number)
            return true;
    return false;
}

/* Opens the folder whose path stands in w->path. found->kind stays END when that went well. */
static arc_status open_folder(arc_walk *w, const arc_path_id *id, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    folder *f = &w->folder[w->depth];
    if (w->depth == 0)
        w->empty = true;
    if (w->depth > DEPTH_MAX) {
        (void)arc_fail(&failure, ARC_ELIMIT, "%s: more than %d folders deep; name this folder itself to read it", w->path,
                       DEPTH_MAX);
        return give_failure(w, found, w->path, &failure, true, err);
    }
    *f = (folder){.id = *id, .path_bytes = strlen(w->path)};
    if (arc_listing_open(&f->listing, &w->ctx->alloc, w->path, NAMES_AT_A_TIME, &failure) != ARC_OK)
        return give_failure(w, found, w->path, &failure, true, err);
    w->depth++;
    return ARC_OK;
}

static arc_status end_folder(arc_walk *w, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    folder *f = &w->folder[--w->depth];
    arc_listing_close(&f->listing);
    w->path[f->path_bytes] = '\0';
    if (w->depth > 0 || !w->empty)
        return ARC_OK;
    (void)arc_fail(&failure, ARC_EFORMAT, "folder %s holds no pictures", w->path);
    return give_failure(w, found, w->path, &failure, true, err);
}

/* Told by its first bytes: names say little. A file that cannot be read is reported with its picture. */
static arc_status look_into(arc_walk *w, arc_found *found, arc_error *err) {
    first_bytes first;
    if (look_at_file(w->path, &first) != ARC_OK || arc_image_kind(first.bytes, first.count))
        return give(w, found, ARC_FOUND_FILE, w->path);
    return skip(w, w->path, is_archive(&first), err);
}

/* The next entry of the last folder. found->kind stays END when it gives no photo. */
static arc_status step_folder(arc_walk *w, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    folder *f = &w->folder[w->depth - 1];
    const char *name;
    arc_path_kind kind;
    arc_path_id id;
    w->path[f->path_bytes] = '\0';
    if (arc_listing_next(f->listing, &name, &failure) != ARC_OK)
        return give_failure(w, found, w->path, &failure, true, err);
    if (!name)
        return end_folder(w, found, err);
    if (name[0] == '.')
        return ARC_OK;
    const int bytes = snprintf(w->path + f->path_bytes, sizeof w->path - f->path_bytes, "/%s", name);
    if (bytes < 0 || f->path_bytes + (size_t)bytes >= sizeof w->path) {
        (void)arc_fail(&failure, ARC_ELIMIT, "%.64s...: a path longer than %zu bytes", w->path, sizeof w->path - 1);
        return give_failure(w, found, w->path, &failure, true, err);
    }
    if (arc_path_look(w->path, &kind, &id, &failure) != ARC_OK)
        return give_failure(w, found, w->path, &failure, false, err);
    if (kind == ARC_PATH_DIR && !leads_back(w, &id))
        return open_folder(w, &id, found, err);
    return kind == ARC_PATH_FILE ? look_into(w, found, err) : skip(w, w->path, false, err);
}

/* ---- lists and standard input ---- */

static arc_status open_list(arc_walk *w, const char *name, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    size_t length;
    arc_status st = arc_map_open(&w->map, name, LIST_BYTES_MAX, &failure);
    arc_photo_list_begin(&w->lines, &w->map);
    if (st == ARC_OK && !arc_photo_list_next(&w->lines, &length))
        st = arc_fail(&failure, ARC_EFORMAT, "%s: the list names no photos", name);
    if (st != ARC_OK) {
        arc_map_close(&w->map);
        return give_failure(w, found, name, &failure, true, err);
    }
    arc_photo_list_begin(&w->lines, &w->map);
    w->list = name;
    return ARC_OK;
}

static arc_status read_input(arc_walk *w, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    arc_buffer b;
    arc_status st = ARC_OK;
    arc_buffer_init(&b, &w->ctx->alloc, (size_t)w->opt.max_bytes);
    if (w->input_taken)
        st = arc_fail(&failure, ARC_EINVAL, "standard input (-) can be read only once");
    else if (!w->opt.names_only)
        st = arc_input_read(&b, &failure);
    w->input_taken = true;
    if (st != ARC_OK) {
        arc_buffer_free(&b);
        return give_failure(w, found, "standard input", &failure, false, err);
    }
    if (arc_photo_archive_kind(b.data, b.bytes) && !arc_image_kind(b.data, b.bytes)) {
        w->input = b;
        return open_archive(w, "standard input", NULL, b.data, b.bytes, found, err);
    }
    give(w, found, ARC_FOUND_BYTES, "standard input");
    found->bytes = b.data;
    found->byte_count = b.bytes;
    return ARC_OK;
}

/* ---- names ---- */

/* An address, or what looks like one. */
static arc_status visit_address(arc_walk *w, const char *name, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    char label[ARC_PATH_BYTES];
    arc_address_label(name, label, sizeof label);
#ifdef ARC_WITH_URLS
    if (arc_is_address(name))
        return give(w, found, ARC_FOUND_ADDRESS, name);
    (void)arc_fail(&failure, ARC_EINVAL, "%s: only addresses of http and https are read", label);
#else
    (void)arc_fail(&failure, ARC_EUNSUPPORTED, "%s: this build fetches nothing; download it and name the file", label);
#endif
    arc_address_name(name, w->path, sizeof w->path);
    return give_failure(w, found, w->path, &failure, false, err);
}

/* A name that was given, or that stands in a list. */
static arc_status visit(arc_walk *w, const char *name, bool in_list, arc_found *found, arc_error *err) {
    arc_path_kind kind;
    arc_path_id id;
    const arc_status there = arc_path_look(name, &kind, &id, NULL);
    if (there != ARC_OK && (arc_is_address(name) || arc_is_other_address(name)))
        return visit_address(w, name, found, err);
    if (kind == ARC_PATH_DIR) {
        size_t bytes = strlen(name);
        while (bytes > 1 && name[bytes - 1] == '/')
            bytes--;
        snprintf(w->path, sizeof w->path, "%.*s", (int)ARC_MIN(bytes, sizeof w->path - 1), name);
        return open_folder(w, &id, found, err);
    }
    if (there != ARC_OK && !in_list && name[0] == '@')
        return open_list(w, name + 1, found, err);
    if (!in_list && strcmp(name, "-") == 0)
        return read_input(w, found, err);
    first_bytes first;
    if (kind == ARC_PATH_FILE && look_at_file(name, &first) == ARC_OK && is_archive(&first))
        return open_archive_file(w, name, found, err);
    return give(w, found, ARC_FOUND_FILE, name); /* a missing one is reported with its picture */
}

static arc_status step_list(arc_walk *w, arc_found *found, arc_error *err) {
    arc_error failure = {0};
    size_t length;
    const char *line = arc_photo_list_next(&w->lines, &length);
    if (!line) {
        close_list(w);
        return ARC_OK;
    }
    snprintf(w->line, sizeof w->line, "%.*s", (int)ARC_MIN(length, sizeof w->line - 1), line);
    if (length < sizeof w->line)
        return visit(w, w->line, true, found, err);
    if (arc_is_address(w->line)) /* is not shown: it may hold a secret */
        snprintf(w->line, sizeof w->line, "(an address)");
    (void)arc_fail(&failure, ARC_ELIMIT, "%s: a line of %zu bytes is no path: %.64s...", w->list, length, w->line);
    return give_failure(w, found, w->line, &failure, false, err);
}

arc_status arc_walk_next(arc_walk *w, arc_found *found, arc_error *err) {
    arc_status st = ARC_OK;
    *found = (arc_found){.kind = ARC_FOUND_END};
    while (st == ARC_OK && found->kind == ARC_FOUND_END) {
#ifdef ARC_WITH_ARCHIVES
        if (w->archive) {
            st = step_archive(w, found, err);
            continue;
        }
#endif
        if (w->depth > 0)
            st = step_folder(w, found, err);
        else if (w->list)
            st = step_list(w, found, err);
        else if (w->next < w->names)
            st = visit(w, w->name[w->next++], false, found, err);
        else
            return ARC_OK;
    }
    return st;
}
