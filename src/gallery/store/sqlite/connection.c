/* gallery/store/sqlite: opening the file. WAL: readers go on while one process writes; synchronous FULL: a commit is on the disk
 * when it returns; secure_delete: what is removed is overwritten; temp_store MEMORY: nothing of it goes to other files. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static arc_status configure(arc_sqlite *s, arc_error *err) {
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return arc_sqlite_run(s,
                          "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                          "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON",
                          "open it", err);
}

/* The mode is part of the file; SQLite does not wait by itself while another process changes it. */
static arc_status write_ahead(arc_sqlite *s, arc_error *err) {
    char size[48];
    sqlite3_snprintf(sizeof size, size, "PRAGMA page_size = %d", ARC_SQLITE_PAGE_BYTES); /* of a file without pages */
    arc_status st = arc_sqlite_run(s, size, "open it", err);
    if (st != ARC_OK)
        return st;
    for (int waited_ms = 0;; waited_ms += 10) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        const bool ready = mode && strcmp(mode, "wal") == 0;
        if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_BUSY)
            st = arc_sqlite_fail(s, rc, "open it", err);
        else if (!ready && waited_ms >= ARC_SQLITE_BUSY_MS)
            st =
                arc_fail(err, ARC_EIO, "%s: this file system cannot be shared by processes as SQLite needs (journal mode \"%s\")",
                         s->path, mode ? mode : "?");
        sqlite3_finalize(stmt);
        if (ready || st != ARC_OK)
            return st;
        sqlite3_sleep(10);
    }
}

static arc_status no_such_gallery(arc_sqlite *s, const char *name, arc_error *err) {
    char others[256] = "";
    sqlite3_stmt *stmt = NULL;
    size_t used = 0;
    if (sqlite3_prepare_v2(s->db, "SELECT name FROM galleries ORDER BY id", -1, &stmt, NULL) == SQLITE_OK)
        while (sqlite3_step(stmt) == SQLITE_ROW && used + 70 < sizeof others)
            used += (size_t)snprintf(others + used, sizeof others - used, "%s%s", used ? ", " : "",
                                     (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return arc_fail(err, ARC_ENOTFOUND, "%s: no gallery \"%s\" in it; it has: %s", s->path, name, used ? others : "none");
}

static arc_status find_gallery(arc_sqlite *s, const char *name, arc_error *err) {
    sqlite3_stmt *stmt;
    arc_status st = arc_sqlite_take(s, "SELECT id FROM galleries WHERE name = ?1", &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    const int rc = sqlite3_step(stmt);
    s->gallery = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read its galleries", err);
    arc_sqlite_give(s, stmt);
    return st;
}

static arc_status add_gallery(arc_sqlite *s, const char *name, arc_error *err) {
    sqlite3_stmt *stmt = NULL;
    uint8_t mark[ARC_STORE_MARK_BYTES];
    arc_status st;
    int rc;
    ARC_TRY(arc_sqlite_run(s, "BEGIN IMMEDIATE", "begin to write", err));
    ARC_TRY(find_gallery(s, name, err));
    if (s->gallery == 0) {
        ARC_TRY(arc_sqlite_take(s, "INSERT INTO galleries(name) VALUES (?1)", &stmt, err));
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
        if ((rc = sqlite3_step(stmt)) != SQLITE_DONE) {
            st = arc_sqlite_fail(s, rc, "add a gallery", err);
            goto done;
        }
        arc_sqlite_give(s, stmt);
        s->gallery = sqlite3_last_insert_rowid(s->db);
        ARC_TRY(arc_sqlite_take(s, "INSERT INTO marks VALUES (?1, 0, ?2)", &stmt, err));
        randombytes_buf(mark, sizeof mark);
        sqlite3_bind_int64(stmt, 1, s->gallery);
        sqlite3_bind_blob(stmt, 2, mark, sizeof mark, SQLITE_STATIC);
        if ((rc = sqlite3_step(stmt)) != SQLITE_DONE) {
            st = arc_sqlite_fail(s, rc, "add a gallery", err);
            goto done;
        }
    }
    ARC_TRY(arc_sqlite_run(s, "COMMIT", "add a gallery", err));
done:
    arc_sqlite_give(s, stmt);
    if (st != ARC_OK && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static arc_status connect(arc_sqlite *s, const char *name, int flags, arc_error *err) {
    int rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return arc_sqlite_fail(s, rc, "open it", err);
    sqlite3_busy_timeout(s->db, ARC_SQLITE_BUSY_MS);
    return ARC_OK;
}

/* On a disk that cannot be written SQLite has no place for the index of its log. Without a log, or with an empty one, none is
 * needed. */
static arc_status connect_immutable(arc_sqlite *s, arc_error *err) {
    arc_map log;
    arc_buffer uri;
    arc_status st;
    arc_buffer_init(&uri, &s->ctx->alloc, 4 * ARC_PATH_BYTES);
    ARC_TRY(arc_buffer_printf(&uri, "%s-wal", s->path));
    ARC_TRY(arc_buffer_put(&uri, "", 1));
    st = arc_map_open(&log, (const char *)uri.data, SIZE_MAX, NULL);
    const bool empty = st == ARC_ENOTFOUND || (st == ARC_OK && log.bytes == 0);
    if (st == ARC_OK)
        arc_map_close(&log);
    if (!empty) {
        st =
            arc_fail(err, ARC_EIO,
                     "%s: its folder cannot be written, and %s holds changes that are not in the file yet; open it once where it "
                     "can be written",
                     s->path, (const char *)uri.data);
        goto done;
    }
    uri.bytes = 0;
    ARC_TRY(arc_buffer_printf(&uri, "file:"));
    for (const char *c = s->path; *c; c++)
        ARC_TRY(strchr("%?#", *c) ? arc_buffer_printf(&uri, "%%%02x", (unsigned char)*c) : arc_buffer_put(&uri, c, 1));
    ARC_TRY(arc_buffer_printf(&uri, "?immutable=1"));
    ARC_TRY(arc_buffer_put(&uri, "", 1));
    arc_sqlite_finalise(s);
    sqlite3_close(s->db);
    s->db = NULL;
    st = connect(s, (const char *)uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
done:
    arc_buffer_free(&uri);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, s->path) : st;
}

static arc_status open_read_only(arc_sqlite *s, arc_error *err) {
    arc_status st = connect(s, s->path, SQLITE_OPEN_READONLY, err);
    if (st != ARC_OK)
        return st;
    const int rc = sqlite3_exec(s->db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY)
        st = connect_immutable(s, err);
    else if (rc != SQLITE_OK)
        st = arc_sqlite_fail(s, rc, "open it", err);
    return st == ARC_OK ? configure(s, err) : st;
}

static arc_status open_to_write(arc_sqlite *s, bool create, arc_error *err) {
    arc_status st = connect(s, s->path, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), err);
    if (st != ARC_OK)
        return st;
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return arc_fail(err, ARC_EIO, "%s: the file cannot be written; it can be opened for reading only", s->path);
    ARC_TRY(configure(s, err));
    /* Another program's file is left as it is: its mode is not changed before it is known to be ours. */
    int64_t objects, application;
    ARC_TRY(arc_sqlite_number(s, "SELECT count(*) FROM sqlite_schema", NULL, 0, 0, &objects, "read its tables", err));
    ARC_TRY(arc_sqlite_number(s, "PRAGMA application_id", NULL, 0, 0, &application, "read its kind", err));
    if (application == ARC_SQLITE_APPLICATION || (application == 0 && objects == 0))
        st = write_ahead(s, err);
done:
    return st;
}

static arc_status open_it(arc_sqlite *s, const char *gallery, int flags, arc_error *err) {
    const bool create = (flags & ARC_STORE_CREATE) && !s->read_only;
    arc_path_kind kind;
    arc_path_id id;
    arc_status st;
    if (!create) {
        st = arc_path_look(s->path, &kind, &id, err);
        if (st == ARC_ENOTFOUND)
            return arc_fail(err, ARC_ENOTFOUND, "%s: there is no gallery; enrolling somebody makes it", s->path);
        ARC_TRY(st);
    }
    ARC_TRY(s->read_only ? open_read_only(s, err) : open_to_write(s, create, err));
    ARC_TRY(arc_sqlite_schema(s, create, err));
    ARC_TRY(find_gallery(s, gallery, err));
    if (s->gallery == 0)
        st = create ? add_gallery(s, gallery, err) : no_such_gallery(s, gallery, err);
done:
    return st;
}

arc_status arc_sqlite_connect(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                              arc_error *err) {
    *out = NULL;
    /* Names that SQLite would take for something other than a path. */
    const bool dressed = *location == ':' || strncmp(location, "file:", 5) == 0;
    const size_t bytes = strlen(location) + 3;
    arc_sqlite *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (s)
        s->path = arc_mem_raw(&ctx->alloc, bytes, 1);
    if (!s || !s->path) {
        arc_mem_free(&ctx->alloc, s);
        return arc_fail_nomem(err, location);
    }
    snprintf(s->path, bytes, "%s%s", dressed ? "./" : "", location);
    s->ctx = ctx;
    s->read_only = flags & ARC_STORE_READ_ONLY;
    s->data_version = -1;
    arc_gallery_store *store = &s->base;
    const arc_status st = sodium_init() < 0 ? arc_fail(err, ARC_EIO, "no random numbers: libsodium did not start")
                                            : open_it(s, gallery, flags, err);
    if (st != ARC_OK)
        arc_sqlite_close(&store);
    *out = store;
    return st;
}

void arc_sqlite_close(arc_gallery_store **store) {
    if (!*store)
        return;
    arc_sqlite *s = arc_sqlite_of(*store);
    arc_sqlite_finalise(s);
    sqlite3_close(s->db); /* rolls back */
    const arc_alloc *alloc = &s->ctx->alloc;
    arc_mem_free(alloc, s->path);
    arc_mem_free(alloc, s);
    *store = NULL;
}

arc_status arc_sqlite_galleries(arc_gallery_store *store, arc_gallery_name_visit *visit, void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    int rc = SQLITE_DONE;
    arc_status st = arc_sqlite_take(s, "SELECT name FROM galleries ORDER BY id", &stmt, err);
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        st = visit(arg, (const char *)sqlite3_column_text(stmt, 0), err);
    if (st == ARC_OK && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read its galleries", err);
    arc_sqlite_give(s, stmt);
    return st;
}
